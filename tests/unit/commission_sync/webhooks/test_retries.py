"""What becomes of a failed event depends on who can mend it: time, a person, or whoever keeps the record."""

import random
from datetime import timedelta

import psycopg
import pytest

from airflow_hubspot.client import (
    CircuitOpen,
    GivenUp,
    HubSpotError,
    Invalid,
    MissingScopes,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from commission_sync.streams.portal import WrongPortal
from commission_sync.webhooks.retries import LONGEST_DELAY, ErrorClass, judge


def verdict(error, attempt=1, most_retries=3, seed=1):
    return judge(error, attempt=attempt, most_retries=most_retries, chance=random.Random(seed))


def told(kind, seconds):
    error = kind("told")
    error.retry_after = seconds
    return error


@pytest.mark.parametrize("error", [Unauthorized("x"), MissingScopes("x"), WrongPortal("x")])
def test_what_waits_for_a_person_uses_up_no_try_and_stops_the_rest(error):
    for attempt in (1, 4, 40):
        found = verdict(error, attempt)
        assert (found.error_class, found.counts, found.stops, found.is_dead) == (
            ErrorClass.UNAUTHORIZED,
            False,
            True,
            False,
        )


@pytest.mark.parametrize(("kind", "error_class"), [(RateLimited, "rate_limited"), (CircuitOpen, "unavailable")])
def test_a_limit_and_an_open_breaker_are_waited_for_as_long_as_they_say(kind, error_class):
    found = verdict(told(kind, 600.0), attempt=40)
    assert (found.error_class, found.counts, found.stops) == (error_class, False, True)
    assert timedelta(seconds=600) <= found.delay <= timedelta(seconds=660)


def test_a_worker_that_is_stopped_says_nothing_of_the_event():
    found = verdict(GivenUp("x"), attempt=40)
    assert (found.counts, found.delay) == (False, timedelta(0))


@pytest.mark.parametrize("error", [Invalid("x"), psycopg.DataError("x"), psycopg.IntegrityError("x")])
def test_bad_data_is_dead_at_once(error):
    found = verdict(error)
    assert (found.error_class, found.is_dead, found.stops) == (ErrorClass.BAD_DATA, True, False)


@pytest.mark.parametrize("error", [Unavailable("x"), HubSpotError("x"), ValueError("x")])
def test_anything_else_is_tried_again_so_many_times_and_no_more(error):
    assert [verdict(error, attempt).is_dead for attempt in (1, 2, 3, 4)] == [False, False, False, True]
    assert verdict(error, 1, most_retries=0).is_dead


def test_delays_grow_up_to_a_limit_and_differ():
    longest = [max(verdict(Unavailable("x"), n, 99, seed).delay for seed in range(50)) for n in range(1, 12)]
    assert longest == sorted(longest)
    assert longest[0] <= timedelta(seconds=30) < longest[1] <= timedelta(minutes=2)
    assert longest[-1] <= LONGEST_DELAY
    assert len({verdict(Unavailable("x"), 2, 99, seed).delay for seed in range(50)}) == 50


def test_an_outage_that_says_how_long_it_lasts_is_believed():
    assert verdict(told(Unavailable, 7_200.0)).delay >= timedelta(hours=2)
