from datetime import UTC, datetime, timedelta

from commission_sync.streams.clock import Clocks, bounded

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
TWO_HOURS, SECOND = timedelta(hours=2), timedelta(seconds=1)


def test_the_time_is_the_smaller_of_the_databases_and_hubspots():
    assert bounded(NOON + TWO_HOURS, NOON) == NOON
    assert bounded(NOON, NOON + TWO_HOURS) == NOON


def test_within_the_second_that_hubspot_tells_the_databases_time_counts():
    assert bounded(NOON + 0.9 * SECOND, NOON) == NOON + 0.9 * SECOND
    assert bounded(NOON + SECOND, NOON) == NOON


def test_without_hubspots_time_the_databases_counts():
    assert bounded(NOON, None) == NOON


def test_a_workers_clock_decides_nothing():
    assert Clocks(NOON + TWO_HOURS, NOON, NOON).now == NOON


def test_clocks_that_differ_by_more_than_a_minute_are_told_apart_from_the_databases():
    assert Clocks(NOON + timedelta(minutes=1), NOON, NOON).difference is None
    assert Clocks(NOON + TWO_HOURS, NOON, NOON - 5 * SECOND).difference == (
        "the worker is 7,200 s ahead of the database; HubSpot is 5 s behind the database"
    )
    assert Clocks(NOON, NOON + TWO_HOURS, None).difference == "the worker is 7,200 s behind the database"
