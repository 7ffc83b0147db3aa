"""Sets of CRM ids, kept as intervals: what has been read, and what is left to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_ID = 2**63 - 1


@dataclass(frozen=True, order=True)
class IdInterval:
    """The ids above `after` up to and including `upto`; the shape of HubSpot's own `after` paging.

    Ids are positive integers (HubSpot sends them as numeric strings), so `IdInterval(0, MAX_ID)` holds them all.
    """

    after: int = 0
    upto: int = MAX_ID

    def __post_init__(self) -> None:
        if not 0 <= self.after <= self.upto <= MAX_ID:
            raise ValueError(f"an id interval needs 0 <= after <= upto <= {MAX_ID}, not {self.after} and {self.upto}")

    @property
    def is_empty(self) -> bool:
        """Whether no id can be inside."""
        return self.after == self.upto

    def halves(self) -> tuple[IdInterval, IdInterval]:
        """Return the lower and the upper half."""
        middle = (self.after + self.upto) // 2
        return IdInterval(self.after, middle), IdInterval(middle, self.upto)


ALL_IDS = IdInterval()


@dataclass(frozen=True)
class IdIntervals:
    """A set of ids as sorted, disjoint intervals that do not touch."""

    intervals: tuple[IdInterval, ...] = ()

    @classmethod
    def of(cls, intervals: Iterable[IdInterval]) -> IdIntervals:
        """Return the union of the given intervals, in any order, overlapping or not."""
        joined: list[IdInterval] = []
        for interval in sorted(i for i in intervals if not i.is_empty):
            if joined and interval.after <= joined[-1].upto:
                joined[-1] = IdInterval(joined[-1].after, max(joined[-1].upto, interval.upto))
            else:
                joined.append(interval)
        return cls(tuple(joined))

    @classmethod
    def from_pairs(cls, pairs: Iterable[Iterable[int]]) -> IdIntervals:
        """Return the set that `to_pairs` wrote down."""
        return cls.of(IdInterval(*pair) for pair in pairs)

    def to_pairs(self) -> list[list[int]]:
        """Return `[[after, upto], ...]`, which JSON can hold."""
        return [[i.after, i.upto] for i in self.intervals]

    def with_interval(self, interval: IdInterval) -> IdIntervals:
        """Return this set with one more interval in it."""
        return IdIntervals.of((*self.intervals, interval))

    def gaps(self, within: IdInterval = ALL_IDS) -> Iterator[IdInterval]:
        """Yield, in order, the intervals of `within` that this set does not hold."""
        position = within.after
        for interval in self.intervals:
            if interval.upto <= position:
                continue
            if interval.after >= within.upto:
                break
            if interval.after > position:
                yield IdInterval(position, interval.after)
            position = interval.upto
        if position < within.upto:
            yield IdInterval(position, within.upto)

    def covers(self, within: IdInterval = ALL_IDS) -> bool:
        """Whether every id of `within` is in this set."""
        return next(self.gaps(within), None) is None
