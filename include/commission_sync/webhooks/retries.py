"""Decides what becomes of an event whose processing failed. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import psycopg

from airflow_hubspot.client import GivenUp, HubSpotError, Invalid, MissingScopes, NotFound, RateLimited, Unauthorized
from airflow_hubspot.client.errors import CircuitOpen, Unavailable
from commission_sync.streams.portal import WrongPortal
from commission_sync.streams.values import UnreadableValue

FIRST_DELAY = timedelta(seconds=30)
GROWTH = 4
LONGEST_DELAY = timedelta(hours=1)
AUTHORIZATION_DELAY = timedelta(minutes=15)
# A worker that dies with an event in its hands says nothing of the event: more of that is borne than of failures.
DEATHS_BORNE = 5


class ErrorClass(StrEnum):
    """What kind of failure it was, which decides who has to act: time, a person, or whoever keeps the record."""

    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    UNAUTHORIZED = "unauthorized"
    BAD_DATA = "bad_data"
    INTERRUPTED = "interrupted"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True)
class Verdict:
    """Try again after `delay`, or never where that is None.

    `counts` says whether the try is one of those that are limited; `stops` whether all that comes after would fail
    likewise, so that nothing more should be tried now.
    """

    error_class: ErrorClass
    delay: timedelta | None
    counts: bool = True
    stops: bool = False

    @property
    def is_dead(self) -> bool:
        """Whether only a person can bring it back."""
        return self.delay is None


def judge(error: BaseException, *, attempt: int, most_retries: int, chance: random.Random) -> Verdict:
    """Return what becomes of an event whose `attempt`-th try (from 1) ended with `error`.

    What time or a new authorization mends does not use up tries: a portal whose token is revoked over a weekend, or
    whose daily limit is used up, would otherwise lose every event of it.
    """
    if waits_for_authorization(error):
        return Verdict(ErrorClass.UNAUTHORIZED, AUTHORIZATION_DELAY, counts=False, stops=True)
    match error:
        case RateLimited():
            return Verdict(ErrorClass.RATE_LIMITED, _told(error.retry_after, chance), counts=False, stops=True)
        case CircuitOpen():
            return Verdict(ErrorClass.UNAVAILABLE, _told(error.retry_after or 1.0, chance), counts=False, stops=True)
        case GivenUp():
            return Verdict(ErrorClass.INTERRUPTED, timedelta(0), counts=False, stops=True)
        case Invalid() | NotFound() | UnreadableValue() | psycopg.DataError() | psycopg.IntegrityError():
            return Verdict(ErrorClass.BAD_DATA, None)
        case Unavailable():
            kind = ErrorClass.UNAVAILABLE
        case _:
            kind = ErrorClass.UNAVAILABLE if isinstance(error, HubSpotError) else ErrorClass.UNEXPECTED
    if attempt > most_retries:
        return Verdict(kind, None)
    return Verdict(kind, max(_backoff(attempt, chance), timedelta(seconds=getattr(error, "retry_after", None) or 0)))


def waits_for_authorization(error: BaseException) -> bool:
    """Whether nothing of the portal can be read before a person has acted."""
    return isinstance(error, Unauthorized | MissingScopes | WrongPortal)


def concerns_one(error: BaseException) -> bool:
    """Whether one record of many may be what an error is about, so that the others are worth a try without it."""
    return isinstance(error, Invalid | NotFound | psycopg.DataError | psycopg.IntegrityError)


def _backoff(attempt: int, chance: random.Random) -> timedelta:
    # Jitter: what failed together must not come back together.
    longest = FIRST_DELAY.total_seconds() * GROWTH ** min(attempt - 1, 10)
    return timedelta(seconds=min(LONGEST_DELAY.total_seconds(), longest) * chance.uniform(0.5, 1.0))


def _told(seconds: float, chance: random.Random) -> timedelta:
    return timedelta(seconds=seconds * chance.uniform(1.0, 1.1))
