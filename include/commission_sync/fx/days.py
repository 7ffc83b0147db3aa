"""Which days a run asks a source for: pure decisions, made from what is stored."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from commission_sync.fx.sources.source import RateSource

_DAY = timedelta(days=1)
# A run looks this far back for days that an earlier one missed, so that no outage leaves a gap.
LOOK_BACK = timedelta(days=30)


@dataclass(frozen=True)
class Days:
    """Days that were asked for by name, both ends included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"the first day, {self.first}, is after the last, {self.last}")

    def __iter__(self) -> Iterator[date]:
        day = self.first
        while day <= self.last:
            yield day
            day += _DAY


def missing(source: RateSource, asked: Days | None, stored: Collection[date], *, today: date) -> list[date] | None:
    """Return the days to ask for; an empty list stands for everything there is, None for nothing to do.

    :param asked: only these days; None: what is missing, up to today
    :param stored: the days that are stored, all of them or at least those from `since` on
    """
    if source.holds or (asked is None and not stored and source.has_all_in_one):
        return []
    span = asked or Days(since(source, stored, today), today)
    return [day for day in span if source.publishes(day) and day not in stored and day <= today] or None


def since(source: RateSource, stored: Collection[date], today: date) -> date:
    """Return the day from which a run without named days looks for missing ones."""
    first = min(max(stored, default=today), today - LOOK_BACK)
    return first if source.catch_up_days is None else max(first, today - timedelta(days=source.catch_up_days))
