"""The scopes that are asked for are those that the features which are on need, and no others."""

import re
from pathlib import Path

import pytest

from commission_sync.oauth.features import FEATURES, features_without, scopes_for

DOCS = Path(__file__).parents[4] / "docs" / "oauth.md"
OFF = {"line_items": False, "activities": False, "fx": False, "writeback": "off"}


def test_with_everything_off_only_deals_are_read():
    assert scopes_for(OFF) == (
        "oauth",
        "crm.objects.deals.read",
        "crm.schemas.deals.read",
        "crm.objects.owners.read",
    )


@pytest.mark.parametrize(
    ("flags", "more"),
    [
        ({"line_items": True}, {"crm.objects.line_items.read", "crm.objects.products.read"}),
        ({"activities": True}, {"crm.objects.contacts.read", "sales-email-read"}),
        ({"fx": True}, {"settings.currencies.read"}),
        ({"writeback": "dry_run"}, set()),
        ({"writeback": "approval"}, {"crm.objects.deals.write", "crm.schemas.deals.write"}),
        ({"writeback": "on"}, {"crm.objects.deals.write", "crm.schemas.deals.write"}),
        ({"webhooks": True, "history": True}, set()),
    ],
)
def test_a_feature_adds_its_own_scopes(flags, more):
    assert set(scopes_for(OFF | flags)) - set(scopes_for(OFF)) == more


def test_flags_that_are_not_set_have_the_contracts_defaults():
    defaults = {"line_items": True, "activities": True, "fx": True, "writeback": "dry_run"}
    assert scopes_for({}) == scopes_for(defaults)
    assert not any(scope.endswith(".write") for scope in scopes_for({}))


def test_what_was_not_granted_is_told_by_feature():
    assert features_without({}, scopes_for({})) == ()
    assert features_without({}, scopes_for(OFF)) == ("line_items", "activities", "fx")
    assert features_without({}, ()) == ("deals", "line_items", "activities", "fx")


def test_the_docs_show_the_declared_table():
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (`[^|]*) \|$", DOCS.read_text(), re.MULTILINE))
    assert {name: re.findall(r"`([^`]+)`", scopes) for name, scopes in rows.items()} == {
        feature.name: list(feature.scopes) for feature in FEATURES
    }


def test_the_page_for_tokens_names_every_scope():
    page = DOCS.with_name("connection.md").read_text()
    named = set(re.findall(r"`([a-z_.-]+)`", "".join(re.findall(r"^   \| `.*$", page, re.MULTILINE))))
    assert named >= {scope for feature in FEATURES for scope in feature.scopes} - {"oauth"}
