"""Bad input gives one clear error, is kept where a person sees it, and loses nothing else."""

import logging

import psycopg
import pytest

from airflow_hubspot.client import MissingScopes, Unauthorized
from commission_sync.store import DatabaseUnavailable, connect
from commission_sync.streams.portal import WrongPortal
from commission_sync.streams.request import Mode, SyncRequest


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ({"amount": "twelve"}, "amount: 'twelve' is not a number"),
        ({"dealname": "nul\x00inside"}, "dealname: holds a NUL character"),
        ({"closedate": "soon"}, "closedate: 'soon' is not a time"),
    ],
)
def test_a_deal_that_cannot_be_read_is_kept_aside_and_the_others_land(world, override, reason):
    acme = world(120)
    bad = acme.emulator.admin.truth_ids(1001)[7]
    acme.emulator.admin.override_deal(1001, bad, override)
    counts = acme.sync()
    assert (counts.inserted, counts.rejected) == (119, 1)
    ((crm_id, why, payload, resolved),) = acme.query("SELECT crm_id, reason, payload, resolved_at FROM sync_rejects")
    assert (crm_id, resolved) == (bad, None)
    assert reason in why
    assert payload["id"] == bad


def test_a_corrected_deal_lands_and_its_reject_is_resolved(world):
    acme = world(30)
    bad = acme.emulator.admin.truth_ids(1001)[3]
    acme.emulator.admin.override_deal(1001, bad, {"amount": "twelve"})
    acme.sync()
    acme.sync(Mode.FULL)
    assert acme.query("SELECT attempts, resolved_at FROM sync_rejects") == [(2, None)]
    acme.emulator.admin.override_deal(1001, bad, {"amount": "12.00"})
    acme.sync()
    assert acme.value("SELECT resolved_at FROM sync_rejects") is not None
    assert not acme.difference()


def test_a_wrong_token_is_one_clear_error_without_the_token_in_it(world, caplog):
    acme = world(10)
    with pytest.raises(Unauthorized) as raised, caplog.at_level(logging.DEBUG):
        acme.sync(token="pat-na1-very-wrong-secret")
    assert raised.value.hint
    assert "very-wrong-secret" not in caplog.text + str(raised.value) + repr(raised.value)
    assert acme.query("SELECT state, fetched FROM sync_runs") == [("failed", 0)]
    status, message, errors = acme.query(
        "SELECT sync_status::text, last_error_message, error_count FROM crm_integrations"
    )[0]
    assert (status, errors) == ("error", 1)
    assert "Unauthorized" in message
    assert acme.query("SELECT 1 FROM sync_cursors") == []


def test_a_missing_scope_is_named(world):
    acme = world(10, scopes=("oauth",))
    with pytest.raises(MissingScopes, match=r"crm\.objects\.deals\.read"):
        acme.sync()


def test_a_token_of_another_portal_reads_nothing(world):
    acme = world(10)
    acme.execute("UPDATE crm_integrations SET portal_id = 4711")
    with pytest.raises(WrongPortal, match=r"portal 1001.*'acme' is portal 4711"):
        acme.sync()
    assert acme.value("SELECT count(*) FROM deals") == 0


def test_no_database_is_one_clear_message():
    with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1") as raised:
        connect("postgresql://somebody:secret@127.0.0.1:1/commissions")
    assert "secret" not in str(raised.value)


def test_a_failed_merge_moves_no_cursor_and_leaves_no_row(world):
    acme = world(200)
    acme.execute("ALTER TABLE deals ADD CONSTRAINT poor CHECK (amount < 0) NOT VALID")
    with pytest.raises(psycopg.errors.CheckViolation):
        acme.sync()
    assert acme.value("SELECT count(*) FROM deals") == 0
    assert acme.query("SELECT 1 FROM sync_cursors WHERE stream IN ('deals', 'deals/settled')") == []
    assert acme.value("SELECT state FROM sync_runs") == "failed"


def test_a_run_asks_for_a_window_only_when_it_reads_one():
    with pytest.raises(ValueError, match="window"):
        SyncRequest(Mode.WINDOW, "d", "r")
