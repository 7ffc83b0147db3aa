"""HubSpot's time, as its answers tell it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# `Date` has whole seconds (RFC 9110, 5.6.7).
GRAIN = timedelta(seconds=1)


@dataclass(frozen=True)
class _Heard:
    at: datetime
    monotonic: float


class ServerClock:
    """The `Date` of the last answer, carried on by a clock that nobody sets; safe to use from several threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._heard: _Heard | None = None

    def hear(self, headers: Mapping[str, str]) -> None:
        """Take the time that an answer tells, if it tells one; header names are lower-case."""
        at = told_date(headers)
        if at is not None:
            self._heard = _Heard(at, self._monotonic())

    def now(self) -> datetime | None:
        """Return a time that HubSpot's clock has reached, at most `GRAIN` and an answer's way behind it.

        None while no answer has told the time.
        """
        heard = self._heard
        return None if heard is None else heard.at + timedelta(seconds=self._monotonic() - heard.monotonic)


def told_date(headers: Mapping[str, str]) -> datetime | None:
    """Return the `Date` of an answer; None where there is none that can be read."""
    try:
        parsed = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, OverflowError):
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
