"""Reads every record of an object type as fast as the limits allow: list and search side by side.

Lists count against an app's burst limit (100 records a call), searches against a limit of their own (200 a call), so
a full read that uses both is faster than either. The ids are cut into segments; a list reads one from below, a search
from above, until they meet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from airflow_hubspot.client.board import End, Extent, IdBoard
from airflow_hubspot.client.intervals import ALL_IDS, IdInterval
from airflow_hubspot.client.records import Page, Record, SearchPage
from airflow_hubspot.client.search import SearchQuery
from airflow_hubspot.client.windows import IncompleteRead, ProvenPage, SearchReader

# A search claims a little more than one page shows, so that each call brings a full one; the next call begins with the
# rest, and proves both. With more of a rest than half a page it would not be sure to reach the end of it.
CLAIMED_PAGES = 1.1
LARGEST_REST = 0.5
# Where a list stands near, nothing below can prove a page: the last claims are small enough to be shown as a whole.
SAFE_PAGES = 0.9
LAST_CALLS = (1, 2)
# A claim that turns out to hold so many pages is for several readers.
SHARED_PAGES = 3
WIDENED_AT_MOST = 8

ListPage = Callable[[str], Page]


def extent(search: Callable[[SearchQuery], SearchPage]) -> Extent:
    """Ask search (two calls) how many records there are and between which ids."""
    lowest = search(SearchQuery(filters=(), sort=("hs_object_id", "ASCENDING"), properties=(), limit=1))
    highest = search(SearchQuery(filters=(), sort=("hs_object_id", "DESCENDING"), properties=(), limit=1))
    if not lowest.results or not highest.results:
        return Extent(0, 0, 0)
    return Extent(lowest.total, int(lowest.results[0]["id"]), int(highest.results[0]["id"]))


def read_by_list(board: IdBoard, list_page: ListPage) -> Iterator[ProvenPage]:
    """Yield the records of segment after segment; the list endpoint reads the primary store, so its chain is the proof.

    :raises IncompleteRead: when a page names itself as the next one
    """
    while (low := board.take_low()) is not None:
        try:
            after = str(low.position)
            while board.is_left(low):
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
    """Yield the records of segment after segment, from the top, each page proven by search's own counts.

    :raises IncompleteRead: when a page does not add up after several reads.
    """
    while (high := board.take_high()) is not None:
        try:
            for page in _Descent(board, high, reader).pages():
                board.read_down(high, page.interval, len(page.records))
                yield page
        finally:
            board.leave(high)


@dataclass(frozen=True)
class _Piece:
    """Ids that were claimed, and the page that search shows of them, the highest first."""

    interval: IdInterval
    page: SearchPage

    @property
    def rest(self) -> int:
        """How many records search announces but does not show."""
        return self.page.total - len(self.page.results)

    @property
    def shown(self) -> IdInterval:
        """The part of the ids that the page should hold all records of."""
        lowest = min((int(record["id"]) for record in self.page.results), default=self.interval.after + 1)
        return IdInterval(lowest - 1 if self.rest > 0 else self.interval.after, self.interval.upto)

    def is_proven_by(self, below: _Piece) -> bool:
        """Whether the page holds all it should, as the next piece down shows, or counts, just the rest."""
        bottom = self.interval.after
        if below.interval.after == bottom:
            return below.page.total == self.rest
        if below.interval.after > bottom or below.shown.after > bottom:
            return False
        return sum(int(record["id"]) > bottom for record in below.page.results) == self.rest


class _Descent:
    """One search reader's way down a segment, which ends where it meets a list's way up."""

    def __init__(self, board: IdBoard, high: End, reader: SearchReader) -> None:
        self._board = board
        self._high = high
        self._reader = reader
        self._spread = board.spread(high)

    def pages(self) -> Iterator[ProvenPage]:
        """Yield what the segment holds, page by page."""
        upto = self._high.position
        piece = self._ask(upto, upto - self._width(upto))
        while piece is not None:
            if piece.rest <= 0:
                yield ProvenPage(piece.page.results, piece.interval, piece.page.total)
            below = self._below(piece)
            if piece.rest > 0 and below is not None and piece.is_proven_by(below):
                yield ProvenPage(piece.page.results, piece.shown, len(piece.page.results))
            elif piece.rest > 0:
                yield from self._reader.reread(None, piece.shown, piece.page.results)
            piece = below

    def _below(self, piece: _Piece) -> _Piece | None:
        """Claim and read what lies below a piece, beginning with the rest of it."""
        shown = piece.shown
        ids_a_record = (shown.upto - shown.after) / max(1, len(piece.page.results))
        self._spread = min(ids_a_record, self._spread * WIDENED_AT_MOST)
        return self._ask(shown.after, self._next_claim(piece))

    def _next_claim(self, piece: _Piece) -> int:
        """Return the id above which to claim next."""
        claimed, page_size = piece.interval.after, self._reader.page_size
        wanted = piece.shown.after - self._width(piece.shown.after)
        if piece.rest > SHARED_PAGES * page_size:
            return max(wanted, claimed)
        return min(wanted, claimed) if piece.rest <= LARGEST_REST * page_size else claimed

    def _ask(self, upto: int, after: int) -> _Piece | None:
        interval = IdInterval(self._board.claim_down(self._high, after), upto)
        return None if interval.is_empty else _Piece(interval, self._reader.page(interval))

    def _width(self, upto: int) -> int:
        """Return how many ids to claim below `upto` for a call."""
        ids_a_page = self._spread * self._reader.page_size
        left = upto - self._board.bottom(self._high)
        calls = math.ceil(left / (ids_a_page * SAFE_PAGES))
        return max(1, math.ceil(left / calls if calls in LAST_CALLS else ids_a_page * CLAIMED_PAGES))


def _trimmed(span: IdInterval, results: list[Record]) -> ProvenPage:
    records = [record for record in results if span.after < int(record["id"]) <= span.upto]
    return ProvenPage(records, span, len(records))
