"""Reads every record of an object type as fast as the limits allow: list and search side by side.

Lists count against an app's burst limit (100 records a call), searches against a limit of their own (200 a call), so
a full read that uses both is faster than either. The ids are cut into segments; a list reads one from below, a search
from above, until they meet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from airflow_hubspot.client.intervals import ALL_IDS, IdInterval
from airflow_hubspot.client.objects import Page, Record, SearchPage
from airflow_hubspot.client.search import SearchQuery
from airflow_hubspot.client.windows import IncompleteRead, ProvenPage, SearchReader

# Where a list and a search meet, both have read half a page too much. So a smaller segment is not split, nor one with a
# smaller part of all records: twenty segments waste little, and are enough to keep all readers busy until the end.
WORTH_SPLITTING = 1_500
SEGMENTS = 20

ListPage = Callable[[str], Page]


@dataclass(frozen=True)
class Extent:
    """How many records search knows of, and the lowest and the highest of their ids."""

    total: int
    bottom: int
    top: int


def extent(search: Callable[[SearchQuery], SearchPage]) -> Extent:
    """Ask search (two calls) how many records there are and between which ids."""
    lowest = search(SearchQuery(filters=(), sort=("hs_object_id", "ASCENDING"), properties=(), limit=1))
    highest = search(SearchQuery(filters=(), sort=("hs_object_id", "DESCENDING"), properties=(), limit=1))
    if not lowest.results or not highest.results:
        return Extent(0, 0, 0)
    return Extent(lowest.total, int(lowest.results[0]["id"]), int(highest.results[0]["id"]))


@dataclass(eq=False)
class _End:
    """Where a reader stands: it has read, or a search has claimed, everything between here and where it began."""

    position: int
    is_busy: bool = False


@dataclass(eq=False)
class _Segment:
    """Ids that are left to read: those above `low` up to `high`."""

    low: _End
    high: _End
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
            _Segment(_End(cut.after), _End(cut.upto), searchable)
            for part, searchable in parts
            for interval in todo
            if (cut := _clip(interval, part)) is not None
        ]

    def take_low(self) -> _End | None:
        """Return the lower end of a segment for a list reader; None when everything is read or nearly so."""
        return self._take(lambda s: s.low, lambda _: True)

    def take_high(self) -> _End | None:
        """Return the upper end of a segment for a search reader; None when nothing is left for one."""
        return self._take(lambda s: s.high, lambda s: s.searchable)

    def left(self, end: _End) -> IdInterval | None:
        """Return what is left of the segment that a reader stands at; None when it is read."""
        with self._turn:
            segment = self._of(end)
            return IdInterval(segment.low.position, segment.high.position) if segment and segment.width else None

    def read_up(self, low: _End, reached: int, records: int) -> IdInterval:
        """Say that a list has read up to `reached`; return what of that nobody has read before."""
        with self._turn:
            segment = self._segment(low)
            span = IdInterval(low.position, max(low.position, min(reached, segment.high.position)))
            low.position = span.upto
            return self._noted(segment, span, records)

    def claim_down(self, high: _End, reached: int) -> None:
        """Say that a search has read down to above `reached`, and proves it next: no list need go beyond."""
        with self._turn:
            high.position = min(high.position, max(reached, self._segment(high).low.position))
            self._turn.notify_all()

    def read_down(self, high: _End, interval: IdInterval, records: int) -> IdInterval:
        """Say that a search has proven `interval`; return what of that no list has read."""
        self.claim_down(high, interval.after)
        with self._turn:
            span = IdInterval(min(interval.upto, max(interval.after, high.position)), interval.upto)
            return self._noted(self._segment(high), span, records)

    def leave(self, end: _End) -> None:
        """Say that a reader is done with its segment."""
        with self._turn:
            end.is_busy = False
            self._turn.notify_all()

    def _noted(self, segment: _Segment, span: IdInterval, records: int) -> IdInterval:
        segment.read_records += records
        segment.read_ids += span.upto - span.after
        self._turn.notify_all()
        return span

    def _take(self, end_of: Callable[[_Segment], _End], suits: Callable[[_Segment], bool]) -> _End | None:
        with self._turn:
            while True:
                open_ = [s for s in self._segments if s.width and suits(s)]
                if not open_:
                    return None
                free = [s for s in open_ if not end_of(s).is_busy]
                largest = max(free or open_, key=self._estimate)
                if free or self._estimate(largest) >= self._worth_splitting:
                    # What only a list can read comes first: once their limit is used up, it would be waited for alone.
                    chosen = next((s for s in free if not s.searchable), largest)
                    end = end_of(chosen if free else self._split(largest, end_of))
                    end.is_busy = True
                    return end
                self._turn.wait()

    def _split(self, segment: _Segment, end_of: Callable[[_Segment], _End]) -> _Segment:
        """Cut a segment in two and return the half whose asked-for end is free."""
        middle = (segment.low.position + segment.high.position) // 2
        wants_low = end_of(segment) is segment.low
        upper = _Segment(_End(middle), segment.high, segment.searchable, segment.read_records, segment.read_ids)
        segment.high = _End(middle)
        self._segments.append(upper)
        return upper if wants_low else segment

    def _estimate(self, segment: _Segment) -> float:
        found = segment.read_records / segment.read_ids if segment.read_ids else 0.0
        if not segment.searchable:
            return 1.0
        return segment.width * max(found, self._density)

    def _segment(self, end: _End) -> _Segment:
        segment = self._of(end)
        assert segment is not None, "a reader's end belongs to a segment for as long as it reads"
        return segment

    def _of(self, end: _End) -> _Segment | None:
        return next((s for s in self._segments if end is s.low or end is s.high), None)


def read_by_list(board: IdBoard, list_page: ListPage) -> Iterator[ProvenPage]:
    """Yield the records of segment after segment; the list endpoint reads the primary store, so its chain is the proof.

    :raises IncompleteRead: when a page names itself as the next one
    """
    while (low := board.take_low()) is not None:
        try:
            after = str(low.position)
            while board.left(low) is not None:
                page = list_page(after)
                if page.next_after == after:
                    raise IncompleteRead(f"HubSpot's list names the page after id {after} as its own next page")
                highest = max((int(record["id"]) for record in page.results), default=low.position)
                reached = ALL_IDS.upto if page.next_after is None else highest
                yield _trimmed(board.read_up(low, reached, len(page.results)), page.results)
                after = str(page.next_after)
        finally:
            board.leave(low)


def read_by_search(board: IdBoard, reader: SearchReader) -> Iterator[ProvenPage]:
    """Yield the records of segment after segment, from the top, each page proven by search's own counts."""
    while (high := board.take_high()) is not None:
        try:
            left = board.left(high)
            claim = partial(board.claim_down, high)
            for page in reader.pages(None, left, claim=claim) if left else ():
                yield _trimmed(board.read_down(high, page.interval, len(page.records)), page.records)
                # What is claimed may be proven piece by piece.
                if board.left(high) is None and page.interval.after <= high.position:
                    break
        finally:
            board.leave(high)


def _trimmed(span: IdInterval, results: list[Record]) -> ProvenPage:
    records = [record for record in results if span.after < int(record["id"]) <= span.upto]
    return ProvenPage(records, span, len(records))


def _clip(interval: IdInterval, within: IdInterval) -> IdInterval | None:
    after, upto = max(interval.after, within.after), min(interval.upto, within.upto)
    return IdInterval(after, upto) if after < upto else None
