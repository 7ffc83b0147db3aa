"""What is read beyond records: history, splits, the settled pass, scopes of e-mail bodies, and what receipts prove."""

import logging
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from commission_sync.streams.activities import EMAILS, NOTES
from commission_sync.streams.line_items import LINE_ITEMS


def an_hour_passes(acme, hours=3):
    """Move everything that was read into the past, as if it had happened hours ago."""
    acme.execute(
        f"UPDATE sync_cursors SET cursor_at = cursor_at - interval '{hours} hours' WHERE stream LIKE '%/settled'"
    )


def an_hour_ago(day):
    return datetime(day.year, day.month, day.day, tzinfo=UTC) < datetime.now(UTC) - timedelta(hours=1)


def as_of(acme, deal, name, at):
    return acme.query(
        "SELECT value, known_by FROM deal_property_at((SELECT id FROM crm_integrations), %s, %s, %s)", deal, name, at
    )[0]


def test_the_amount_as_of_a_time_comes_from_hubspots_history_where_that_was_read(world):
    acme = world(30)
    acme.sync()
    deal = acme.emulator.admin.truth_ids(1001)[4]
    acme.reconcile(history_of=(deal,))
    read = datetime.now(UTC)
    path = f"/crm/v3/objects/deals/{deal}?propertiesWithHistory=amount"
    past = acme.get(path)["propertiesWithHistory"]["amount"]
    assert acme.value("SELECT count(*) FROM property_history WHERE property = 'amount'") == len(past) > 0
    for entry in past:
        at = datetime.fromisoformat(entry["timestamp"])
        assert as_of(acme, deal, "amount", at + timedelta(milliseconds=1)) == (entry["value"] or None, "history")
    oldest = datetime.fromisoformat(past[-1]["timestamp"])
    assert as_of(acme, deal, "amount", oldest - timedelta(days=1)) == (None, "history")

    acme.emulator.admin.override(1001, deal, {"amount": "4711.00"})
    acme.sync()
    assert as_of(acme, deal, "amount", datetime.now(UTC)) == ("4711.00", "audit")
    assert as_of(acme, deal, "amount", read - timedelta(seconds=1))[1] == "history"


def test_without_history_the_audit_log_is_walked_back_and_what_was_never_seen_is_said_to_be_assumed(world):
    acme = world(30)
    acme.sync()
    deal = acme.emulator.admin.truth_ids(1001)[4]
    before, first = acme.value("SELECT amount::text FROM deals WHERE crm_id = %s", deal), datetime.now(UTC)
    for amount in ("1.00", "2.00"):
        acme.emulator.admin.override(1001, deal, {"amount": amount})
        acme.sync()
    assert as_of(acme, deal, "amount", datetime.now(UTC)) == ("2.00", "audit")
    value, known_by = as_of(acme, deal, "amount", first)
    assert (float(value or 0), known_by) == (float(before or 0), "audit")
    assert as_of(acme, deal, "amount", first - timedelta(hours=1))[1] == "assumed"
    assert (
        acme.value("SELECT deal_property_as_of((SELECT id FROM crm_integrations), %s, 'amount', now())", deal) == "2.00"
    )


def test_edited_deals_get_their_history_once_an_hour_whatever_was_edited(world):
    acme = world(60)
    acme.sync()
    paid, renamed = acme.emulator.admin.truth_ids(1001)[:2]
    acme.emulator.admin.override(1001, paid, {"amount": "99.00"})
    acme.emulator.admin.override(1001, renamed, {"dealname": "other"})
    acme.sync()
    assert acme.value("SELECT count(*) FROM property_history_reads") == 0
    an_hour_passes(acme)
    acme.sync()
    assert acme.query("SELECT crm_id FROM property_history_reads ORDER BY 1") == [(paid,), (renamed,)]
    newest = (
        "SELECT value, source_type FROM property_history WHERE property = 'amount' ORDER BY changed_at DESC LIMIT 1"
    )
    assert acme.query(newest) == [("99.00", "INTEGRATION")]


def test_a_switched_off_history_costs_nothing(world):
    acme = world(20)
    acme.execute("UPDATE crm_integrations SET feature_flags = '{\"history\": false}'")
    acme.sync()
    an_hour_passes(acme)
    acme.sync()
    assert acme.query("SELECT 1 FROM sync_cursors WHERE stream = 'deals/history'") == []


def split(acme, deal, **shares):
    body = {"inputs": [{"id": deal, "splits": [{"ownerId": o, "percentage": p} for o, p in shares.items()]}]}
    answer = acme.call("POST", "/crm/v3/objects/deals/splits/batch/upsert", body)
    assert answer.status < 300, answer.data


@pytest.mark.parametrize("bumps", [True, False])
def test_splits_equal_the_truth_and_each_change_is_audited(world, bumps):
    acme = world(40, sales_edition="enterprise")
    acme.emulator.admin.set_knobs(1001, splits_bump=bumps)
    a = acme.emulator.admin.truth_ids(1001)[0]
    acme.sync()
    split(acme, a, **{"70001": 0.6, "70002": 0.4})
    acme.sync()
    acme.reconcile()
    assert acme.splits() == acme.true_splits()
    assert len(acme.splits()) >= 1
    split(acme, a, **{"70001": 0.25, "70003": 0.75})
    acme.sync()
    acme.reconcile()
    assert acme.splits() == acme.true_splits()
    entries = acme.query(
        "SELECT changes->'splits'->1 FROM audit_log WHERE action = 'split' AND entity_id = %s ORDER BY id", a
    )
    assert set(entries[-1][0]) == {"70001", "70003"}
    assert acme.value("SELECT count(*) FROM deal_splits WHERE archived_at IS NOT NULL AND owner_crm_id = '70002'") == 1


def test_a_portal_without_splits_is_asked_once_a_day(world):
    acme = world(40, sales_edition="professional")
    acme.sync()
    acme.reconcile()
    acme.emulator.admin.reset_stats()
    acme.emulator.admin.edit(1001, count=5)
    acme.sync()
    acme.reconcile()
    assert not any("splits" in operation for operation in acme.emulator.admin.stats(1001)["by_operation"])
    assert acme.value("SELECT count(*) FROM deal_splits") == 0


def test_the_settled_pass_finds_what_the_index_showed_later_than_the_lookback(world):
    acme = world(60)
    acme.sync_all()
    edited = acme.emulator.admin.edit(1001, count=10, type="notes", at_ms=int(time.time() * 1000) - 2 * 3_600_000)
    acme.sync(stream=NOTES)
    assert acme.difference(NOTES).stale == sorted(edited), "the lookback does not reach that far"
    an_hour_passes(acme)
    assert acme.sync(stream=NOTES).updated == 10
    assert not acme.difference(NOTES)


def test_missing_email_bodies_are_said_once_the_scope_is_missing(world, caplog):
    scopes = ("oauth", "crm.objects.deals.read", "crm.objects.contacts.read")
    acme = world(40, scopes=scopes)
    with caplog.at_level(logging.WARNING):
        acme.sync(stream=EMAILS)
    assert "email bodies missing company=acme" in caplog.text
    assert "grant the scope sales-email-read" in caplog.text


def test_emails_with_bodies_need_no_word_and_no_call(world, caplog):
    acme = world(40)
    acme.sync(stream=EMAILS)
    assert "email bodies missing" not in caplog.text
    assert "token" not in " ".join(acme.emulator.admin.stats(1001)["by_operation"])


def test_receipts_prove_a_period_complete_once_it_is_read_after_an_hour(world):
    acme = world(60)
    acme.sync()
    company = ("acme", "deals")
    complete = "SELECT sync_is_complete(%s, %s, %s::timestamptz, %s::timestamptz)"
    now = datetime.now(UTC)
    assert acme.value(complete, *company, now - timedelta(days=400), now - timedelta(hours=2)) is True
    assert acme.value(complete, *company, now - timedelta(days=400), now) is False, "search may still lag"
    assert acme.value(complete, "acme", "line_items", now - timedelta(days=400), now - timedelta(days=300)) is False
    months = "SELECT month, is_complete, is_read FROM sync_completeness WHERE company_id = 'acme' AND stream = 'deals' ORDER BY 1"
    rows = acme.query(months)
    assert len(rows) == 25
    # In the first hour of a month, the month before it cannot be proven yet.
    ended = [is_complete for (_, is_complete, _), (end, _, _) in pairwise(rows) if an_hour_ago(end)]
    assert all(ended)
    assert len(ended) >= 23
    assert rows[-1][1] is False
    acme.execute("UPDATE sync_receipts SET completed_at = NULL")
    assert acme.query(months) == []


def test_an_open_reject_keeps_a_period_from_being_complete(world):
    acme = world(30)
    acme.emulator.admin.override(1001, acme.emulator.admin.truth_ids(1001)[0], {"amount": "twelve"})
    acme.sync()
    now = datetime.now(UTC)
    complete = "SELECT sync_is_complete('acme', 'deals', %s::timestamptz, %s::timestamptz)"
    assert acme.value(complete, now - timedelta(days=40), now - timedelta(days=20)) is False


def test_a_line_item_is_held_back_by_its_own_reject_only(world):
    acme = world(30)
    item = acme.emulator.admin.truth_ids(1001, "line_items")[3]
    acme.emulator.admin.override(1001, item, {"price": "cheap"}, "line_items")
    counts = acme.sync(stream=LINE_ITEMS)
    assert counts.rejected == 1
    assert acme.query("SELECT stream, crm_id FROM sync_rejects") == [("line_items", item)]
