"""Which days a run asks for: what is missing, no more, and never a gap that an outage left."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commission_sync.fx.days import LOOK_BACK, Days, missing
from commission_sync.fx.sources.ecb import Ecb
from commission_sync.fx.sources.openexchangerates import OpenExchangeRates
from commission_sync.fx.web import Web

ECB = Ecb(Web())
KEYED = OpenExchangeRates(Web(), "k")
TODAY = date(2026, 6, 17)
WEDNESDAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))


def days(*numbers: int) -> list[date]:
    return [date(2026, 6, n) for n in numbers]


def every_day_until(last: date, count: int = 60) -> set[date]:
    return {last - timedelta(days=n) for n in range(count)}


def test_a_first_run_takes_everything_there_is_where_that_is_one_file():
    assert missing(ECB, None, [], today=TODAY) == []


def test_a_first_run_takes_a_month_where_each_day_costs_a_request():
    assert missing(KEYED, None, [], today=TODAY) == [TODAY - timedelta(days=n) for n in range(30, -1, -1)]


def test_after_an_outage_the_days_of_the_outage_come_by_themselves():
    stored = every_day_until(date(2026, 6, 10))
    assert missing(ECB, None, stored, today=TODAY) == days(11, 12, 15, 16, 17)
    assert missing(KEYED, None, stored, today=TODAY) == days(11, 12, 13, 14, 15, 16, 17)


def test_an_outage_longer_than_the_look_back_is_bridged_too():
    stored = every_day_until(TODAY - timedelta(days=198))
    assert missing(ECB, None, stored, today=TODAY)[0] == TODAY - timedelta(days=197)
    assert missing(KEYED, None, stored, today=TODAY)[0] == TODAY - LOOK_BACK


def test_nothing_missing_asks_nothing():
    assert missing(ECB, None, every_day_until(TODAY), today=TODAY) is None


def test_named_days_are_asked_for_unless_they_are_stored_to_come_or_on_a_weekend():
    asked = Days(date(2026, 6, 12), date(2026, 6, 20))
    assert missing(ECB, asked, days(15), today=TODAY) == days(12, 16, 17)
    assert missing(ECB, Days(date(2026, 6, 13), date(2026, 6, 14)), [], today=TODAY) is None


def test_days_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="is after the last"):
        Days(date(2026, 6, 2), date(2026, 6, 1))


@given(WEDNESDAYS, st.sets(st.integers(0, 100), max_size=40), st.sampled_from([ECB, KEYED]))
def test_no_missing_day_of_the_look_back_is_ever_left_out(today, stored_ago, source):
    stored = {today - timedelta(days=n) for n in stored_ago}
    asked = missing(source, None, stored, today=today)
    if asked == []:
        assert not stored
        return
    recent = [today - timedelta(days=n) for n in range(LOOK_BACK.days + 1)]
    assert {day for day in recent if source.publishes(day)} <= stored | set(asked or ())
    assert not stored & set(asked or ())
