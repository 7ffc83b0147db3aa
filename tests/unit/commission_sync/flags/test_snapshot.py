"""What a flag is for a company: its own setting, then the rules, then what the code declares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commission_sync.flags import FLAGS, Rule, decide
from commission_sync.flags.snapshot import bucket


def decided(name, *, company="acme", rule=None, overrides=None):
    flags = decide(company, {} if rule is None else {name: rule}, overrides or {})
    return flags.values[name], flags.reasons[name]


def test_every_capability_of_the_contract_is_declared_with_its_default():
    assert decide("acme", {}, {}).settings() == {
        "line_items": True,
        "activities": True,
        "history": True,
        "fx": True,
        "webhooks": True,
        "writeback": "dry_run",
    }


@pytest.mark.parametrize(
    ("rule", "overrides", "expected"),
    [
        (Rule("approval", "off", percentage=100, allow=("acme",), deny=("acme",)), {"writeback": "on"}, "on"),
        (Rule("approval", "dry_run", percentage=100, allow=("acme",), deny=("acme",)), {}, "off"),
        (Rule("approval", "off", percentage=0, allow=("acme",)), {}, "approval"),
        (Rule("approval", "off", percentage=100), {}, "approval"),
        (Rule("approval", "off", percentage=0), {}, "off"),
        (Rule("approval", percentage=0), {}, "dry_run"),
        (None, {}, "dry_run"),
    ],
)
def test_the_companys_own_setting_then_deny_then_allow_then_percentage_then_default(rule, overrides, expected):
    assert decided("writeback", rule=rule, overrides=overrides)[0] == expected


@pytest.mark.parametrize("nonsense", ["maybe", 1, None, ["on"], ""])
def test_a_setting_that_makes_no_sense_does_the_least_and_is_told(nonsense):
    flags = decide("acme", {}, {"writeback": nonsense, "line_items": False, "lineitems": True})
    assert flags.choice("writeback") == "off"
    assert not flags.is_on("line_items")
    assert flags.is_on("activities")
    assert "allowed: off, dry_run, approval, on; it counts as off" in flags.problems[0]
    assert "no flag 'lineitems'" in flags.problems[1]


def test_settings_that_are_no_object_are_told_and_count_as_none():
    flags = decide("acme", {}, ["writeback"])
    assert flags.settings() == decide("acme", {}, {}).settings()
    assert "has to be a JSON object" in flags.problems[0]


def test_a_snapshot_cannot_be_changed():
    with pytest.raises(AttributeError):
        decide("acme", {}, {}).company = "globex"


@given(st.text(), st.integers(0, 100), st.integers(0, 100))
def test_a_raised_percentage_only_adds_companies(company, low, high):
    low, high = sorted((low, high))
    was_in = decided("history", company=company, rule=Rule("false", percentage=low))[0] == "false"
    is_in = decided("history", company=company, rule=Rule("false", percentage=high))[0] == "false"
    assert is_in or not was_in


def test_a_percentage_takes_about_that_share_and_not_always_the_same_companies():
    companies = [f"company-{n}" for n in range(2_000)]
    first = {name: {c for c in companies if bucket(name, c) < 30} for name in FLAGS}
    assert all(500 < len(chosen) < 700 for chosen in first.values())
    assert first["fx"] != first["history"]


def test_the_hash_is_stable_from_one_version_of_the_code_to_the_next():
    assert [bucket("fx", company) for company in ("acme", "globex", "initech")] == [28, 52, 70]
