"""Days and months, counted where the portal is."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date, datetime, tzinfo

from commission_sync.mapping.formula.errors import FormulaError
from commission_sync.mapping.formula.kinds import Kind


def day(moment: date, zone: tzinfo) -> date:
    """Return the calendar day of a day (itself) or of an instant (in the portal's time zone)."""
    if not isinstance(moment, datetime):
        return moment
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        # The first and the last day that a calendar of four digits has, seen from the other side of the world.
        return moment.date()


def months_between(start: date, end: date) -> int:
    """Count the whole months from start to end; negative when end comes first.

    A month is whole on the day with the number of the start's day, or on the month's last day where it has no such day:
    from 31 January to 28 February 2026 is one month.
    """
    if end < start:
        return -months_between(end, start)
    months = (end.year - start.year) * 12 + end.month - start.month
    last = calendar.monthrange(end.year, end.month)[1]
    return months - (end.day < min(start.day, last))


def literal(text: str, kind: Kind, zone: tzinfo, column: int) -> date:
    """Read a text that is compared with a date or a time.

    :raises FormulaError: when it is not one, written as ISO 8601 says.
    """
    read: Callable[[str], date] = date.fromisoformat if kind is Kind.DATE else datetime.fromisoformat
    try:
        found = read(text)
    except ValueError:
        example = "2026-01-31" if kind is Kind.DATE else "2026-01-31T09:30:00Z"
        raise FormulaError(f"'{text}' is compared with a {kind}; write it like '{example}'", column) from None
    return found.replace(tzinfo=zone) if isinstance(found, datetime) and found.tzinfo is None else found
