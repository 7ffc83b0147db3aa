from datetime import UTC, datetime, timedelta

import pytest

from airflow_hubspot.client.server_clock import ServerClock

TOLD = {"date": "Mon, 30 Nov 2026 12:00:00 GMT"}
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_the_time_goes_on_by_a_clock_that_nobody_sets():
    ticks = iter([100.0, 130.0])
    clock = ServerClock(lambda: next(ticks))
    clock.hear(TOLD)
    assert clock.now() == NOON + timedelta(seconds=30)


def test_no_answer_tells_no_time():
    assert ServerClock().now() is None


@pytest.mark.parametrize("headers", [{}, {"date": ""}, {"date": "soon"}, {"date": "Mon, 99 Nov 2026 12:00:00 GMT"}])
def test_an_answer_without_a_readable_date_leaves_the_time_as_it_was(headers):
    clock = ServerClock(lambda: 0.0)
    clock.hear(TOLD)
    clock.hear(headers)
    assert clock.now() == NOON
