"""The search index: a replica of the deals that lags behind, and answers windows and id ranges by look-up."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hubspot_emulator.records import Records, Version
from hubspot_emulator.times import now_ms

_KEPT_RESULTS = 32


@dataclass(frozen=True)
class Range:
    """Bounds, both inclusive, of modified time in milliseconds and of deal numbers."""

    modified: tuple[int, int] | None
    numbers: tuple[int, int]


class SearchIndex:
    """What search knows: each change only after `lag_ms`."""

    def __init__(self, records: Records) -> None:
        self.lag_ms = 0.0
        self._records = records
        self._pending: deque[tuple[float, Version]] = deque()
        self._changed: dict[int, Version] = {}
        self._hidden: list[int] = []
        self._created: list[int] = []
        self._by_time: tuple[array[int], array[int]] | None = None
        self._results: dict[tuple[int, int], Sequence[int]] = {}

    def changed(self, version: Version) -> None:
        """Take note of a write, to be shown later."""
        self._pending.append((now_ms() + self.lag_ms, version))
        if not self.lag_ms:
            self.catch_up()

    def catch_up(self) -> None:
        """Show the writes that are old enough."""
        now = now_ms()
        while self._pending and self._pending[0][0] <= now:
            self._apply(self._pending.popleft()[1])

    def version(self, number: int) -> Version:
        """Return a deal as the index shows it."""
        return self._changed.get(number) or Version(number, self._records.source.modified_ms(number))

    def count(self, wanted: Range) -> int:
        """Return how many live deals a range holds."""
        low, high = wanted.numbers
        if wanted.modified is not None:
            found = self._in_window(wanted.modified)
            return bisect_right(found, high) - bisect_left(found, low)
        generated = max(0, min(high, self._records.source.count - 1) - low + 1)
        created = bisect_right(self._created, high) - bisect_left(self._created, low)
        return generated + created - (bisect_right(self._hidden, high) - bisect_left(self._hidden, low))

    def numbers(self, wanted: Range, *, descending: bool = False) -> Iterator[int]:
        """Yield the numbers of the live deals in a range, in order of id."""
        low, high = wanted.numbers
        if wanted.modified is not None:
            found = self._in_window(wanted.modified)
            inside = range(bisect_left(found, low), bisect_right(found, high))
            yield from (found[n] for n in (reversed(inside) if descending else inside))
            return
        last = min(high, self._created[-1] if self._created else self._records.source.count - 1)
        for number in range(last, low - 1, -1) if descending else range(low, last + 1):
            known = number < self._records.source.count or number in self._changed
            if known and self.version(number).is_live:
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
        self._results.clear()

    def _in_window(self, modified: tuple[int, int]) -> Sequence[int]:
        if modified not in self._results:
            if len(self._results) >= _KEPT_RESULTS:
                self._results.clear()
            self._results[modified] = self._found(*modified)
        return self._results[modified]

    def _found(self, low: int, high: int) -> Sequence[int]:
        times, numbers = self._time_order()
        changed = self._changed
        inside = numbers[bisect_left(times, low) : bisect_right(times, high)]
        found = [n for n in inside if n not in changed] if changed else list(inside)
        found += [n for n, v in changed.items() if low <= v.modified_ms <= high and v.is_live]
        return array("q", sorted(found))

    def _time_order(self) -> tuple[array[int], array[int]]:
        if self._by_time is None:
            source = self._records.source
            times = array("q", (source.modified_ms(n) for n in range(source.count)))
            order = array("q", sorted(range(source.count), key=times.__getitem__))
            self._by_time = (array("q", (times[n] for n in order)), order)
        return self._by_time
