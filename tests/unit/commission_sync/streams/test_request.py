from datetime import UTC, datetime, timedelta

import pytest

from airflow_hubspot.client.windows import Window
from commission_sync.store.cursors import Cursor
from commission_sync.streams.request import Mode, SyncRequest, plan

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LOOKBACK = timedelta(minutes=15)


def planned(mode=Mode.INCREMENTAL, cursor=None, window=None):
    return plan(SyncRequest(mode, "dag", "run", window=window), cursor, lookback=LOOKBACK, now=NOW)


def test_an_incremental_run_starts_a_lookback_before_the_cursor():
    result = planned(cursor=Cursor(NOW - timedelta(minutes=30)))
    assert (result.window_from, result.window_to) == (NOW - timedelta(minutes=45), NOW)


def test_an_incremental_run_without_a_cursor_reads_everything_and_says_why():
    result = planned()
    assert (result.mode, result.window_from) == (Mode.FULL, None)
    assert "first load" in result.why


def test_a_cursor_ahead_of_this_clock_still_makes_a_window():
    result = planned(cursor=Cursor(NOW + timedelta(hours=1)))
    assert result.window_from == NOW - LOOKBACK


def test_a_window_run_reads_its_window_whatever_the_cursor_says():
    window = Window.between(NOW - timedelta(days=2), NOW - timedelta(days=1))
    result = planned(Mode.WINDOW, Cursor(NOW), window)
    assert (result.window_from, result.window_to) == (window.start, window.end)


@pytest.mark.parametrize(("mode", "window"), [(Mode.WINDOW, None), (Mode.FULL, Window(0, 1))])
def test_a_window_goes_with_window_mode_only(mode, window):
    with pytest.raises(ValueError, match="window"):
        SyncRequest(mode, "dag", "run", window=window)
