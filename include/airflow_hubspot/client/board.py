"""Who reads which ids when lists and searches read an object type side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airflow_hubspot.client.intervals import IdInterval

# Where a list meets a search, it has read half a page too much. So a smaller segment is not split, nor one with a
# smaller part of all records: twenty segments waste little, and are enough to keep all readers busy until the end.
WORTH_SPLITTING = 1_500
SEGMENTS = 20


@dataclass(frozen=True)
class Extent:
    """How many records search knows of, and the lowest and the highest of their ids."""

    total: int
    bottom: int
    top: int


@dataclass(eq=False)
class End:
    """Where a reader stands: it has read, or a search has claimed, everything between here and where it began."""

    position: int
    is_busy: bool = False


@dataclass(eq=False)
class _Segment:
    """Ids that are left to read: those above `low` up to `high`."""

    low: End
    high: End
    searchable: bool = True
    read_records: int = 0
    read_ids: int = 0

    @property
    def width(self) -> int:
        return max(0, self.high.position - self.low.position)


class IdBoard:
    """Shares out the ids that are still to be read among readers in several threads.

    Nobody knows how ids are spread, so an idle reader takes half of the segment that seems to hold most, by the average
    of all ids or by what its readers found so far. Above `extent.top`, where search's index may lag behind, only lists
    read.
    """

    def __init__(self, todo: Sequence[IdInterval], extent: Extent) -> None:
        """Share out the intervals of `todo` (sorted, disjoint)."""
        self._turn = threading.Condition()
        self._worth_splitting = max(WORTH_SPLITTING, extent.total / SEGMENTS)
        self._density = extent.total / max(1, extent.top - extent.bottom)
        known, tail = IdInterval(extent.bottom - 1 if extent.total else 0, extent.top), IdInterval(extent.top)
        # Below the lowest id that search knows there is hardly anything, but only a list can tell.
        parts = [(IdInterval(0, known.after), False), (known, True), (tail, False)]
        self._segments = [
            _Segment(End(cut.after), End(cut.upto), searchable)
            for part, searchable in parts
            for interval in todo
            if (cut := _clip(interval, part)) is not None
        ]

    def take_low(self) -> End | None:
        """Return the lower end of a segment for a list reader; None when everything is read or nearly so."""
        return self._take(lambda s: s.low, lambda _: True)

    def take_high(self) -> End | None:
        """Return the upper end of a segment for a search reader; None when nothing is left for one."""
        return self._take(lambda s: s.high, lambda s: s.searchable)

    def is_left(self, low: End) -> bool:
        """Whether anything is left of the segment that a list reader stands at."""
        with self._turn:
            segment = self._of(low)
            return segment is not None and segment.width > 0

    def read_up(self, low: End, reached: int, records: int) -> IdInterval:
        """Say that a list has read up to `reached`; return what of that no search has claimed."""
        with self._turn:
            segment = self._segment(low)
            span = IdInterval(low.position, max(low.position, min(reached, segment.high.position)))
            low.position = span.upto
            self._note(segment, span, records)
            return span

    def spread(self, end: End) -> float:
        """Return how many ids there seem to be for each record of the segment that a reader stands at."""
        with self._turn:
            return 1 / max(self._density_of(self._segment(end)), 1e-18)

    def bottom(self, high: End) -> int:
        """Return the id above which nothing has been read or claimed of the segment that a search reader stands at."""
        with self._turn:
            return self._segment(high).low.position

    def claim_down(self, high: End, to: int) -> int:
        """Keep lists from reading above `to`, or above where they stand, and return which; `to` may give back some."""
        with self._turn:
            high.position = max(to, self._segment(high).low.position)
            self._turn.notify_all()
            return high.position

    def read_down(self, high: End, span: IdInterval, records: int) -> None:
        """Say that a search has read what it had claimed."""
        with self._turn:
            self._note(self._segment(high), span, records)

    def leave(self, end: End) -> None:
        """Say that a reader is done with its segment."""
        with self._turn:
            end.is_busy = False
            self._turn.notify_all()

    def _note(self, segment: _Segment, span: IdInterval, records: int) -> None:
        segment.read_records += records
        segment.read_ids += span.upto - span.after
        self._turn.notify_all()

    def _take(self, end_of: Callable[[_Segment], End], suits: Callable[[_Segment], bool]) -> End | None:
        with self._turn:
            while True:
                open_ = [s for s in self._segments if s.width and suits(s)]
                # A search that finds more than it thought gives some of its claim back.
                if not open_ and not any(s.high.is_busy for s in self._segments):
                    return None
                if open_ and (end := self._end_for(open_, end_of)) is not None:
                    end.is_busy = True
                    return end
                self._turn.wait()

    def _end_for(self, open_: Sequence[_Segment], end_of: Callable[[_Segment], End]) -> End | None:
        free = [s for s in open_ if not end_of(s).is_busy]
        if free:
            # What only a list can read comes first: once their limit is used up, it would be waited for alone.
            return end_of(next((s for s in free if not s.searchable), max(free, key=self._estimate)))
        largest = max(open_, key=self._estimate)
        return end_of(self._split(largest, end_of)) if self._estimate(largest) >= self._worth_splitting else None

    def _split(self, segment: _Segment, end_of: Callable[[_Segment], End]) -> _Segment:
        """Cut a segment in two and return the half whose asked-for end is free."""
        middle = (segment.low.position + segment.high.position) // 2
        wants_low = end_of(segment) is segment.low
        upper = _Segment(End(middle), segment.high, segment.searchable, segment.read_records, segment.read_ids)
        segment.high = End(middle)
        self._segments.append(upper)
        return upper if wants_low else segment

    def _estimate(self, segment: _Segment) -> float:
        return segment.width * self._density_of(segment) if segment.searchable else 1.0

    def _density_of(self, segment: _Segment) -> float:
        found = segment.read_records / segment.read_ids if segment.read_ids else 0.0
        return max(found, self._density)

    def _segment(self, end: End) -> _Segment:
        segment = self._of(end)
        assert segment is not None, "a reader's end belongs to a segment for as long as it reads"
        return segment

    def _of(self, end: End) -> _Segment | None:
        return next((s for s in self._segments if end is s.low or end is s.high), None)


def _clip(interval: IdInterval, within: IdInterval) -> IdInterval | None:
    after, upto = max(interval.after, within.after), min(interval.upto, within.upto)
    return IdInterval(after, upto) if after < upto else None
