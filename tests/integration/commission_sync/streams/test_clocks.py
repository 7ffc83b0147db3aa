"""A worker's clock decides nothing: what counts as read ends at the smaller of the database's time and HubSpot's."""

import logging
import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from airflow_hubspot.client.windows import Window
from commission_sync.streams.deals import DEALS
from commission_sync.streams.request import FutureWindow, Mode

A_SECOND = timedelta(seconds=1)


@contextmanager
def a_worker(*, ahead):
    """Shift this process's clock; the database and HubSpot are processes of their own."""
    with time_machine.travel(datetime.now(UTC) + ahead, tick=True):
        yield


def cursor(acme):
    return acme.value("SELECT cursor_at FROM sync_cursors WHERE stream = 'deals'")


def ends(acme):
    return acme.value("SELECT window_to FROM sync_runs ORDER BY started_at DESC LIMIT 1")


@pytest.mark.parametrize("mode", [Mode.INCREMENTAL, Mode.FULL])
def test_a_worker_two_hours_fast_reads_no_future_and_moves_no_cursor_there(world, mode):
    acme = world(30)
    acme.sync()
    with a_worker(ahead=timedelta(hours=2)):
        acme.sync(mode)
    now = datetime.now(UTC)
    assert now - timedelta(minutes=1) < cursor(acme) <= now
    assert now - timedelta(minutes=1) < ends(acme) <= now
    assert acme.value("SELECT max(cursor_at) FROM sync_cursors") <= now
    assert acme.value("SELECT max(window_to) FROM sync_receipts") <= now
    assert acme.value("SELECT max(last_sync) FROM crm_integrations") <= now


def test_a_worker_two_hours_slow_reads_up_to_now(world):
    acme = world(30)
    acme.sync()
    acme.emulator.admin.edit(1001, count=5)
    with a_worker(ahead=timedelta(hours=-2)):
        acme.sync()
    assert not acme.difference()
    assert datetime.now(UTC) - cursor(acme) < timedelta(minutes=1)


def test_an_edit_after_a_run_of_a_fast_worker_is_found_by_the_next_run_however_late_that_is(world):
    acme = world(30)
    with a_worker(ahead=timedelta(hours=2)):
        acme.sync()
    # An hour passes: the cursor, which is now an hour old, is behind what is edited half an hour ago.
    acme.execute("UPDATE sync_cursors SET cursor_at = cursor_at - interval '1 hour'")
    edited = acme.emulator.admin.edit(1001, count=5, at_ms=int(time.time() * 1000) - 30 * 60_000)
    assert acme.sync().updated + acme.sync().inserted == len(edited)
    assert not acme.difference()


def test_clocks_that_differ_are_told_once_in_the_log_and_kept_for_the_companys_page(world, caplog):
    acme = world(30)
    with caplog.at_level(logging.WARNING), a_worker(ahead=timedelta(hours=2)):
        acme.sync()
    told = [r.getMessage() for r in caplog.records if "clocks differ" in r.getMessage()]
    assert len(told) == 1
    assert "company=acme stream=deals" in told[0]
    assert "NTP" in told[0]
    kept = acme.value("SELECT clock_warning FROM sync_runs")
    assert re.match(r"the worker is 7,(199|200) s ahead of the database; HubSpot is \d s \w+( of)? the database", kept)


@pytest.mark.parametrize("mode", [Mode.INCREMENTAL, Mode.FULL])
def test_where_hubspots_clock_is_behind_nothing_is_complete_to_later_than_it_tells(world, mode):
    acme = world(30)
    acme.sync()
    acme.execute("UPDATE sync_cursors SET cursor_at = cursor_at - interval '1 day', updated_at = now()")
    acme.emulator.admin.set_knobs(1001, clock_skew_seconds=-7_200)
    acme.emulator.admin.edit(1001, count=5)
    acme.sync(mode)
    told = datetime.now(UTC) - timedelta(hours=2)
    assert told - timedelta(minutes=1) < cursor(acme) <= told
    assert ends(acme) <= told
    # HubSpot tells its time to the second.
    time.sleep(1.1)
    acme.sync()
    assert not acme.difference()
    assert "HubSpot is 7,20" in acme.value("SELECT clock_warning FROM sync_runs ORDER BY started_at DESC LIMIT 1")


def test_where_hubspots_clock_is_ahead_the_databases_counts_and_nothing_is_lost(world):
    acme = world(30)
    acme.sync()
    acme.emulator.admin.set_knobs(1001, clock_skew_seconds=7_200)
    acme.emulator.admin.edit(1001, count=5)
    acme.sync()
    assert cursor(acme) <= datetime.now(UTC)
    acme.emulator.admin.set_knobs(1001, clock_skew_seconds=0)
    acme.sync(Mode.FULL)
    assert not acme.difference()


def test_clocks_that_agree_are_not_worth_a_word(world, caplog):
    acme = world(30)
    with caplog.at_level(logging.WARNING):
        acme.sync()
    assert "clocks differ" not in caplog.text
    assert acme.query("SELECT clock_warning, count(*)::int FROM sync_runs GROUP BY 1") == [(None, 1)]


def test_a_history_read_by_a_fast_worker_is_not_said_to_be_known_for_the_hours_to_come(world):
    acme = world(30)
    acme.sync()
    deal = acme.emulator.admin.truth_ids(1001)[4]
    with a_worker(ahead=timedelta(hours=2)):
        acme.reconcile(history_of=(deal,))
    assert acme.value("SELECT read_at FROM property_history_reads") <= datetime.now(UTC)


def test_the_day_of_calls_ends_at_hubspots_midnight_whatever_the_workers_clock_says(world):
    acme = world(30)
    with a_worker(ahead=timedelta(days=2)):
        acme.sync(gated=True)
    left = acme.value("SELECT resets_at - now() FROM api_budgets WHERE policy = 'daily'")
    assert left <= timedelta(days=1)


def test_a_window_that_is_not_over_is_read_up_to_now(world):
    acme = world(30)
    now = datetime.now(UTC)
    acme.sync(Mode.WINDOW, window=Window.between(now - timedelta(days=3_000), now + timedelta(hours=2)))
    assert ends(acme) <= datetime.now(UTC)
    assert not acme.difference()
    assert acme.value("SELECT max(window_to) FROM sync_receipts") <= datetime.now(UTC)


def test_a_window_that_is_still_to_come_is_refused(world):
    acme = world(30)
    now = datetime.now(UTC)
    with pytest.raises(FutureWindow, match="the window begins at"):
        acme.sync(Mode.WINDOW, window=Window.between(now + timedelta(hours=1), now + timedelta(hours=2)))


def test_a_cursor_that_a_fast_clock_had_set_ahead_hides_nothing_that_was_edited_since(world):
    acme = world(30)
    acme.sync()
    acme.execute(
        "UPDATE sync_cursors SET cursor_at = now() + interval '30 minutes', updated_at = now() - interval '90 minutes' "
        "WHERE stream = 'deals'"
    )
    acme.emulator.admin.edit(1001, count=5, at_ms=int(time.time() * 1000) - 60 * 60_000)
    acme.sync()
    assert not acme.difference()
    assert cursor(acme) <= datetime.now(UTC), "and it is set right"


def test_what_an_earlier_try_read_of_the_future_is_read_again(world):
    acme = world(30)
    acme.sync()
    acme.execute(
        "INSERT INTO sync_receipts (integration_id, stream, sync_run_id, run_key, window_from, window_to, covered, "
        "completed_at) SELECT integration_id, stream, id, 'hubspot_deals/tried', now() - interval '1 hour', "
        "now() + interval '2 hours', '[[0, 9223372036854775807]]', now() FROM sync_runs"
    )
    acme.emulator.admin.edit(1001, count=5)
    acme.sync(run_id="tried")
    assert not acme.difference()
    assert cursor(acme) <= datetime.now(UTC)


def test_the_streams_that_have_no_clock_of_their_own_have_no_settled_pass_in_the_future(world):
    acme = world(30)
    with a_worker(ahead=timedelta(hours=2)):
        acme.sync(stream=DEALS)
    settled = acme.value("SELECT cursor_at FROM sync_cursors WHERE stream = 'deals/settled'")
    assert datetime.now(UTC) - settled >= timedelta(hours=1) - A_SECOND
