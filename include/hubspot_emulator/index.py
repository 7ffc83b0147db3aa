"""The search index: a replica of the records that lags behind, and answers windows and id ranges by look-up."""

from __future__ import annotations

import heapq
import random
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from hubspot_emulator.records import Records, Version
from hubspot_emulator.times import Clock

_KEPT_WINDOWS = 32
_ALWAYS = (-(2**62), 2**62)


@dataclass(frozen=True)
class Range:
    """Bounds, both inclusive, of modified time in milliseconds and of numbers; `only`: none but these numbers."""

    modified: tuple[int, int] | None
    numbers: tuple[int, int]
    only: frozenset[int] | None = None


class SearchIndex:
    """What search knows: each change only after `lag_ms`, and up to `jitter_ms` later than that by chance.

    With jitter changes show in another order than they were made in, though never an older state after a newer one.
    """

    def __init__(self, records: Records, chance: random.Random, clock: Clock) -> None:
        self.lag_ms = 0.0
        self.jitter_ms = 0.0
        self._records = records
        self._chance = chance
        self._clock = clock
        self._writes = 0
        self._pending: list[tuple[float, int, Version]] = []
        self._changed: dict[int, Version] = {}
        self._shown: dict[int, int] = {}
        self._hidden: list[int] = []
        self._created: list[int] = []
        self._by_time: tuple[array[int], array[int]] | None = None
        self._windows: dict[tuple[tuple[int, int], bool], array[int]] = {}

    def changed(self, version: Version) -> None:
        """Take note of a write, to be shown later."""
        self._writes += 1
        late = self.lag_ms + (self._chance.random() * self.jitter_ms if self.jitter_ms else 0.0)
        heapq.heappush(self._pending, (self._clock.now() + late, self._writes, version))
        if not late:
            self.catch_up()

    def catch_up(self) -> None:
        """Show the writes that are old enough."""
        now = self._clock.now()
        while self._pending and self._pending[0][0] <= now:
            _, write, version = heapq.heappop(self._pending)
            if write > self._shown.get(version.number, 0):
                self._shown[version.number] = write
                self._apply(version)

    def version(self, number: int) -> Version:
        """Return a record as the index shows it."""
        return self._changed.get(number) or self._records.untouched(number)

    def written(self, number: int) -> Version | None:
        """Return a record as the index shows it, if it was ever written to."""
        return self._changed.get(number)

    def count(self, wanted: Range) -> int:
        """Return how many live records a range holds."""
        if wanted.modified is not None or wanted.only is not None:
            return len(self._found(wanted, by_time=False))
        low, high = wanted.numbers
        generated = max(0, min(high, self._records.source.count - 1) - low + 1)
        created = bisect_right(self._created, high) - bisect_left(self._created, low)
        return generated + created - (bisect_right(self._hidden, high) - bisect_left(self._hidden, low))

    def numbers(self, wanted: Range, *, descending: bool = False, by_time: bool = False) -> Iterator[int]:
        """Yield the numbers of the live records in a range, in order of id or of modified time."""
        if by_time or wanted.modified is not None or wanted.only is not None:
            found = self._found(wanted, by_time=by_time)
            return reversed(found) if descending else iter(found)
        return self._by_id(wanted.numbers, descending=descending)

    def page(
        self, wanted: Range, after: int, limit: int, *, descending: bool = False, by_time: bool = False
    ) -> list[Version]:
        """Return a page of the live records in a range as the index shows them."""
        numbers = self.numbers(wanted, descending=descending, by_time=by_time)
        return [self.version(number) for number in islice(numbers, after, after + limit)]

    def _by_id(self, bounds: tuple[int, int], *, descending: bool) -> Iterator[int]:
        low, generated = bounds[0], self._records.source.count
        last = min(bounds[1], self._created[-1] if self._created else generated - 1)
        hidden, changed = set(self._hidden), self._changed
        for number in range(last, low - 1, -1) if descending else range(low, last + 1):
            if (number < generated or number in changed) and number not in hidden:
                yield number

    def _apply(self, version: Version) -> None:
        number, before = version.number, self._changed.get(version.number)
        if before is None and number >= self._records.source.count:
            insort(self._created, number)
        was_live = before.is_live if before else True
        if was_live and not version.is_live:
            insort(self._hidden, number)
        elif not was_live and version.is_live:
            self._hidden.remove(number)
        self._changed[number] = version
        self._windows.clear()

    def _found(self, wanted: Range, *, by_time: bool) -> Sequence[int]:
        if wanted.only is not None:
            return self._picked(wanted, by_time=by_time)
        window = self._window(wanted.modified or _ALWAYS, by_time=by_time)
        first, last = wanted.numbers
        if by_time:
            return array("q", (n for n in window if first <= n <= last))
        # Whoever pages by id asks for the same window again and again.
        return window[bisect_left(window, first) : bisect_right(window, last)]

    def _picked(self, wanted: Range, *, by_time: bool) -> Sequence[int]:
        known = [n for n in sorted(wanted.only or ()) if n < self._records.source.count or n in self._changed]
        inside = [n for n in known if wanted.numbers[0] <= n <= wanted.numbers[1] and self.version(n).is_live]
        if wanted.modified is not None:
            low, high = wanted.modified
            inside = [n for n in inside if low <= self.version(n).modified_ms <= high]
        return sorted(inside, key=lambda n: self.version(n).modified_ms) if by_time else inside

    def _window(self, modified: tuple[int, int], *, by_time: bool) -> array[int]:
        key = (modified, by_time)
        if key not in self._windows:
            if len(self._windows) >= _KEPT_WINDOWS:
                self._windows.clear()
            self._windows[key] = self._windowed(modified, by_time=by_time)
        return self._windows[key]

    def _windowed(self, modified: tuple[int, int], *, by_time: bool) -> array[int]:
        times, numbers = self._time_order()
        low, high = modified
        start, stop = bisect_left(times, low), bisect_right(times, high)
        changed, inside = self._changed, numbers[start:stop]
        fresh = [(v.modified_ms, n) for n, v in changed.items() if low <= v.modified_ms <= high and v.is_live]
        if by_time:
            timed = [p for p in zip(times[start:stop], inside, strict=True) if p[1] not in changed] + fresh
            return array("q", (n for _, n in sorted(timed)))
        return array("q", sorted([n for n in inside if n not in changed] + [n for _, n in fresh]))

    def _time_order(self) -> tuple[array[int], array[int]]:
        if self._by_time is None:
            source = self._records.source
            times = array("q", source.every_modified_ms())
            order = array("q", sorted(range(source.count), key=times.__getitem__))
            self._by_time = (array("q", (times[n] for n in order)), order)
        return self._by_time
