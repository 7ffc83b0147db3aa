"""Converts HubSpot's property values, which are always strings or null, into what a column holds.

An empty string is how HubSpot writes "no value", so it becomes null and never 0.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_EPOCH_MILLISECONDS = re.compile(r"-?\d{5,15}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# numeric without a scale holds 131,072 digits before the point and 16,383 after it (PostgreSQL, "Numeric Types"); no
# sum of money needs more than these, and a longer one is a mistake that a person should see.
_MOST_DIGITS = 100


class UnreadableValue(ValueError):
    """A property value cannot be what its column needs."""


def text(value: str | None) -> str | None:
    """Return the string, or None when it is empty."""
    return value or None


def number(value: str | None) -> Decimal | None:
    """Return the exact decimal number.

    :raises UnreadableValue: for anything but a finite decimal number of a sensible length.
    """
    if not value:
        return None
    if not _NUMBER.fullmatch(value):
        raise UnreadableValue(f"{value[:80]!r} is not a number")
    parsed = Decimal(value)
    if abs(parsed.adjusted()) > _MOST_DIGITS or len(parsed.as_tuple().digits) > _MOST_DIGITS:
        raise UnreadableValue(f"{value[:80]!r} has more than {_MOST_DIGITS} digits")
    return parsed


def instant(value: str | None) -> datetime | None:
    """Return the aware UTC time of an ISO 8601 string, a date (its midnight UTC), or epoch milliseconds.

    :raises UnreadableValue: for anything else.
    """
    if not value:
        return None
    try:
        if _EPOCH_MILLISECONDS.fullmatch(value):
            return _EPOCH + timedelta(milliseconds=int(value))
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableValue(f"{value[:80]!r} is not a time") from None


def boolean(value: str | None) -> bool | None:
    """Return the truth value.

    :raises UnreadableValue: for anything but `true` and `false`.
    """
    if not value:
        return None
    if value.lower() not in {"true", "false"}:
        raise UnreadableValue(f"{value[:80]!r} is neither true nor false")
    return value.lower() == "true"
