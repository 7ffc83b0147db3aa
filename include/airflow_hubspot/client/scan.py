"""Reads every record of an object type as fast as the limits allow: list and search side by side.

Lists count against an app's burst limit (100 records a call), searches against a limit of their own (200 a call), so
a full read that uses both is faster than either. Ids are dealt out in chunks: lists from the lowest up, searches from
the highest down, until they meet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from airflow_hubspot.client.intervals import ALL_IDS, IdInterval, IdIntervals
from airflow_hubspot.client.objects import Page, SearchPage
from airflow_hubspot.client.search import SearchQuery
from airflow_hubspot.client.windows import IncompleteRead, ProvenPage, SearchReader

LIST_PAGE_SIZE = 100
CHUNK_PAGES = 20
SMALLEST_CHUNK = 400

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


class IdBoard:
    """Deals out the ids that are still to be read to readers in several threads.

    Nobody knows how ids are spread, so chunks are sized by the average so far and a reader gives back what is left of
    one that turns out to be long. Above `extent.top`, where search's index may lag behind, only lists read.
    """

    def __init__(self, todo: Sequence[IdInterval], extent: Extent, *, readers: int) -> None:
        """Deal out the intervals of `todo` (sorted, disjoint) to `readers` readers."""
        self._turn = threading.Condition()
        below = IdIntervals.of(todo)
        self._tail = [i for i in (_clip(t, IdInterval(extent.top, ALL_IDS.upto)) for t in todo) if i]
        self._todo = [i for i in (_clip(t, IdInterval(0, extent.top)) for t in below.intervals) if i]
        self._per_record = max(1.0, (extent.top - extent.bottom) / max(1, extent.total))
        self._bottom = extent.bottom
        self._readers = readers
        self._out = 0

    def take_lowest(self) -> IdInterval | None:
        """Return the next chunk from below for a list reader; None when all is read. Blocks while others may give back."""
        return self._take(lambda: self._tail.pop() if self._tail else self._cut_lowest())

    def take_highest(self) -> IdInterval | None:
        """Return the next chunk from above for a search reader; None when all is read."""
        return self._take(self._cut_highest)

    def give_back(self, rest: IdInterval | None = None) -> None:
        """Say that a chunk is done, but for `rest`."""
        with self._turn:
            self._out -= 1
            if rest is not None and not rest.is_empty:
                at_end = rest.upto == ALL_IDS.upto
                (self._tail if at_end else self._todo).append(rest)
                self._todo.sort()
            self._turn.notify_all()

    def _take(self, cut: Callable[[], IdInterval | None]) -> IdInterval | None:
        with self._turn:
            while True:
                chunk = cut()
                if chunk is not None:
                    self._out += 1
                    return chunk
                if not self._out:
                    return None
                self._turn.wait()

    def _width(self) -> int:
        left = sum(i.upto - max(i.after, self._bottom) for i in self._todo) / self._per_record
        records = min(CHUNK_PAGES * LIST_PAGE_SIZE, max(SMALLEST_CHUNK, left / (2 * self._readers)))
        return max(1, int(records * self._per_record))

    def _cut_lowest(self) -> IdInterval | None:
        if not self._todo:
            return None
        whole = self._todo.pop(0)
        cut = max(whole.after, self._bottom) + self._width()
        if cut >= whole.upto:
            return whole
        self._todo.insert(0, IdInterval(cut, whole.upto))
        return IdInterval(whole.after, cut)

    def _cut_highest(self) -> IdInterval | None:
        if not self._todo:
            return None
        whole = self._todo.pop()
        cut = whole.upto - self._width()
        if cut <= max(whole.after, self._bottom):
            return whole
        self._todo.append(IdInterval(whole.after, cut))
        return IdInterval(cut, whole.upto)


def read_by_list(board: IdBoard, list_page: ListPage) -> Iterator[ProvenPage]:
    """Yield the records of chunk after chunk; the list endpoint reads the primary store, so its chain is the proof."""
    while (chunk := board.take_lowest()) is not None:
        rest: IdInterval | None = chunk
        try:
            for page in _list_chunk(chunk, list_page):
                yield page
                rest = IdInterval(page.interval.upto, chunk.upto)
        finally:
            board.give_back(rest)


def read_by_search(board: IdBoard, reader: SearchReader) -> Iterator[ProvenPage]:
    """Yield the records of chunk after chunk, each page proven by search's own counts."""
    while (chunk := board.take_highest()) is not None:
        rest: IdInterval | None = chunk
        try:
            for number, page in enumerate(reader.pages(None, chunk), start=1):
                yield page
                rest = IdInterval(page.interval.upto, chunk.upto)
                if number >= CHUNK_PAGES:
                    break
        finally:
            board.give_back(rest)


def _list_chunk(chunk: IdInterval, list_page: ListPage) -> Iterator[ProvenPage]:
    position, after = chunk.after, str(chunk.after)
    for _ in range(CHUNK_PAGES):
        page = list_page(after)
        highest = max((int(record["id"]) for record in page.results), default=position)
        span = IdInterval(position, chunk.upto if page.next_after is None else min(max(highest, position), chunk.upto))
        records = [record for record in page.results if int(record["id"]) <= span.upto]
        yield ProvenPage(records, span, len(records))
        if span.upto == chunk.upto:
            return
        if page.next_after == after:
            raise IncompleteRead(f"HubSpot's list answers the page after id {after} with itself as the next page")
        position, after = span.upto, str(page.next_after)


def _clip(interval: IdInterval, within: IdInterval) -> IdInterval | None:
    after, upto = max(interval.after, within.after), min(interval.upto, within.upto)
    return IdInterval(after, upto) if after < upto else None
