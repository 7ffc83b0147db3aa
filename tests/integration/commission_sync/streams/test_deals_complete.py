"""The table `deals` equals the portal's true state, property for property, whatever happens meanwhile."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from airflow_hubspot.client.windows import Window
from commission_sync.streams.request import Mode

FAULTS = (
    "rate_limited",
    "rate_limited_retry_after",
    "server_error_html",
    "reset",
    "timeout",
    "truncated_json",
)


def test_a_first_load_lands_every_deal_and_every_property(world):
    acme = world(2_500)
    counts = acme.sync()
    assert (counts.inserted, counts.rejected) == (2_500, 0)
    assert not acme.difference()


def test_a_second_run_writes_nothing_and_costs_two_calls(world):
    acme = world(500)
    acme.sync()
    before = (
        acme.query("SELECT crm_id, xmin::text, synced_at FROM deals ORDER BY crm_id"),
        acme.value("SELECT count(*) FROM audit_log"),
    )
    counts = acme.sync()
    assert (counts.inserted, counts.updated, counts.api_calls) == (0, 0, 2)
    assert before == (
        acme.query("SELECT crm_id, xmin::text, synced_at FROM deals ORDER BY crm_id"),
        acme.value("SELECT count(*) FROM audit_log"),
    )


def test_mixed_edits_land_with_an_audit_row_for_each_change(world):
    acme = world(1_000)
    acme.sync()
    acme.emulator.admin.edit(1001, count=300, mix="mixed")
    counts = acme.sync()
    assert not acme.difference()
    assert counts.inserted + counts.updated == acme.value(
        "SELECT count(*) FROM audit_log WHERE sync_run_id = (SELECT id FROM sync_runs ORDER BY started_at DESC LIMIT 1)"
    )
    (changes,) = acme.query("SELECT changes FROM audit_log WHERE action = 'update' LIMIT 1")[0]
    assert all(len(pair) == 2 and pair[0] != pair[1] for pair in changes.values())


def test_deals_edited_while_they_are_read_are_right_after_one_more_run(world):
    acme = world(3_000)
    acme.emulator.admin.stream_edits(1001, per_second=50, seconds=30)
    acme.sync()
    acme.sync()
    acme.emulator.admin.stop_edits(1001)
    acme.sync()
    assert not acme.difference()


def test_twelve_thousand_deals_edited_in_one_millisecond_all_land(world):
    acme = world(12_500)
    acme.sync()
    acme.emulator.admin.edit(1001, count=12_000, mix="update", same_millisecond=True)
    counts = acme.sync()
    assert counts.updated == 12_000
    assert not acme.difference()


def test_what_the_index_showed_late_lands_once_it_has_settled(world):
    acme = world(500, search_lag_seconds=3)
    acme.sync()
    acme.emulator.admin.edit(1001, count=100, mix="mixed")
    acme.sync()
    time.sleep(3.5)
    acme.sync()
    assert not acme.difference()


@pytest.mark.parametrize("fault", FAULTS)
def test_two_per_cent_of_a_fault_cost_calls_and_no_rows(world, fault):
    acme = world(3_000)
    acme.emulator.admin.set_faults(1001, {fault: 0.02, "timeout_seconds": 3})
    acme.sync(timeout_seconds=1.0)
    acme.emulator.admin.edit(1001, count=500, mix="mixed")
    acme.sync(timeout_seconds=1.0)
    assert not acme.difference()


def test_short_pages_and_disorder_cost_calls_and_no_rows(world):
    acme = world(3_000)
    acme.sync()
    acme.emulator.admin.edit(1001, count=2_000, mix="mixed")
    acme.emulator.admin.set_knobs(1001, short_page_probability=0.3, out_of_order=True)
    acme.sync()
    assert not acme.difference()


def test_a_window_run_reads_its_window_and_leaves_the_cursor_alone(world):
    acme = world(500)
    acme.sync()
    cursor = acme.query("SELECT cursor_at, updated_at FROM sync_cursors")
    low, high = acme.query("SELECT min(crm_updated_at), max(crm_updated_at) FROM deals")[0]
    middle = low + (high - low) / 2
    window = Window.between(middle, high + timedelta(milliseconds=1))
    counts = acme.sync(Mode.WINDOW, window=window)
    assert counts.fetched == acme.value(
        "SELECT count(*) FROM deals WHERE crm_updated_at >= %s AND crm_updated_at < %s", window.start, window.end
    )
    assert acme.query("SELECT cursor_at, updated_at FROM sync_cursors") == cursor


def test_a_full_run_repairs_a_row_that_search_would_not_show_again(world):
    acme = world(300)
    acme.sync()
    acme.execute("UPDATE deals SET properties = '{}', content_hash = '' WHERE crm_id = (SELECT min(crm_id) FROM deals)")
    assert acme.difference()
    acme.sync()
    assert acme.difference()
    acme.sync(Mode.FULL)
    assert not acme.difference()


def test_every_receipt_adds_up(world):
    acme = world(1_500)
    acme.sync()
    acme.emulator.admin.edit(1001, count=700, mix="update")
    acme.sync()
    receipts = acme.query("SELECT announced, landed, completed_at FROM sync_receipts")
    assert len(receipts) == 2
    assert all(landed >= announced and completed_at for announced, landed, completed_at in receipts)


def test_a_property_that_is_new_in_hubspot_appears_by_itself(world):
    acme = world(50)
    acme.sync()
    definition = {
        "name": "commission_region",
        "label": "Commission region",
        "type": "string",
        "fieldType": "text",
        "groupName": "dealinformation",
    }
    acme.emulator.admin.create_property(1001, definition)
    crm_id = acme.value("SELECT min(crm_id) FROM deals")
    acme.emulator.admin.override_deal(1001, crm_id, {"commission_region": "EMEA"})
    acme.sync()
    assert acme.value("SELECT properties->>'commission_region' FROM deals WHERE crm_id = %s", crm_id) == "EMEA"
    assert not acme.difference(nulls=False)


def test_the_cursor_moves_to_the_start_of_the_reading_and_not_to_the_newest_row(world):
    acme = world(50)
    before = datetime.now(UTC)
    acme.sync()
    after = datetime.now(UTC)
    assert before - timedelta(milliseconds=1) <= acme.value("SELECT cursor_at FROM sync_cursors") <= after
