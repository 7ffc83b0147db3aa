"""HubSpot's ways of writing a time, and the clock that an emulated portal goes by."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from email.utils import formatdate
from functools import lru_cache

DAY_MS = 86_400_000


def now_ms() -> int:
    """Return the time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Clock:
    """A portal's clock; it can be moved on, to see what happens after 90 days."""

    def __init__(self) -> None:
        self.ahead_ms = 0
        # How far the portal's clock is from this machine's; below zero: behind. Unlike `ahead_ms` it can be taken back.
        self.skew_ms = 0.0

    def now(self) -> int:
        """Return the portal's time."""
        return now_ms() + self.ahead_ms + round(self.skew_ms)


def http_date(milliseconds: int) -> str:
    """Return a time as the `Date` header writes it."""
    return formatdate(milliseconds // 1000, usegmt=True)


def iso(milliseconds: int) -> str:
    """Return ISO 8601 in UTC, without a fraction when the millisecond part is zero, as Java's instants are written."""
    day, rest = divmod(milliseconds, DAY_MS)
    seconds, fraction = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    written = f"{_date(day)}T{hour:02d}:{minute:02d}:{second:02d}"
    return f"{written}.{fraction:03d}Z" if fraction else f"{written}Z"


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def milliseconds(value: str) -> int | None:
    """Return the time that a property value or a filter means, or None when it means none."""
    try:
        if value.lstrip("-").isdigit():
            return int(value)
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
