"""Modified-time windows read through search, past its cap and without trusting its order.

HubSpot's search returns at most 10,000 hits per query, pages by an offset that shifts when records are edited
meanwhile, and may drop hits from a page (see "Search" in HubSpot's CRM search documentation; airbytehq/airbyte
#43317 and estuary/connectors #5180 for what that does to connectors). So a window is never paged by offset: each
query asks for the ids below the last one, which no edit can shift and no cap can reach, and each page is proven by
HubSpot's own counts before it counts as read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from airflow_hubspot.client.errors import HubSpotError
from airflow_hubspot.client.intervals import ALL_IDS, IdInterval
from airflow_hubspot.client.records import Record, SearchPage
from airflow_hubspot.client.search import Filter, SearchQuery

PAGE_SIZE = 200
PART_SIZE = 10_000
REREADS = 5
REREAD_DELAY_SECONDS = 0.5

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class IncompleteRead(HubSpotError):
    """HubSpot's search kept announcing records that it did not show."""


@dataclass(frozen=True, order=True)
class Window:
    """An interval of modified time, both ends inclusive, in milliseconds since 1970 (UTC).

    Milliseconds are HubSpot's own resolution, so neighbouring windows neither overlap nor leave a gap.
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"the window ends before it starts: {self.start.isoformat()} > {self.end.isoformat()}")

    @classmethod
    def between(cls, start: datetime, end: datetime) -> Window:
        """Return the window from `start` (inclusive) to `end` (exclusive), both aware datetimes.

        :raises ValueError: when no whole millisecond lies between them.
        """
        low, high = _milliseconds(start), _milliseconds(end) - 1
        if low > high:
            raise ValueError(f"the window ends before it starts: {start.isoformat()} to {end.isoformat()}")
        return cls(low, high)

    @property
    def start(self) -> datetime:
        """The first instant inside."""
        return _EPOCH + self.low * _MILLISECOND

    @property
    def end(self) -> datetime:
        """The first instant after the window, so that `Window.between(w.start, w.end) == w`."""
        return _EPOCH + (self.high + 1) * _MILLISECOND

    @property
    def is_instant(self) -> bool:
        """Whether it is a single millisecond, which time cannot split."""
        return self.low == self.high

    def halves(self) -> tuple[Window, Window]:
        """Return the earlier and the later half."""
        middle = (self.low + self.high) // 2
        return Window(self.low, middle), Window(middle + 1, self.high)

    def without(self, done: list[Window]) -> Iterator[Window]:
        """Yield, in order, what of this window no window of `done` covers."""
        low = self.low
        for window in sorted(done):
            if window.high < low or window.low > self.high:
                continue
            if window.low > low:
                yield Window(low, window.low - 1)
            low = window.high + 1
        if low <= self.high:
            yield Window(low, self.high)


@dataclass(frozen=True)
class ProvenPage:
    """Records of one id interval, with the count by which HubSpot proved that they are all.

    `announced` is HubSpot's count for `interval` when it was proven; `records` may hold more, when one left the
    window between two reads.
    """

    records: list[Record]
    interval: IdInterval
    announced: int


Search = Callable[[SearchQuery], SearchPage]


@dataclass(frozen=True)
class SearchReader:
    """Reads id intervals of one object type through search, optionally inside a window of modified time."""

    search: Search
    modified_property: str
    properties: tuple[str, ...]
    page_size: int = PAGE_SIZE
    sleep: Callable[[float], None] = time.sleep

    def parts(self, window: Window, part_size: int = PART_SIZE) -> Iterator[tuple[Window, SearchPage]]:
        """Yield `window`, or the parts of it, in order of time, that hold at most `part_size` records each.

        A single millisecond is not split, however full: bulk edits stamp many records with the same one. Each part
        comes with its first page, which is also its count, so that an empty window costs one call. Parts are found as
        they are asked for: reading starts before the last one is known.
        """
        first = self._page(window, ALL_IDS)
        if window.is_instant or first.total <= part_size:
            yield window, first
            return
        for half in window.halves():
            yield from self.parts(half, part_size)

    def pages(
        self,
        window: Window | None,
        interval: IdInterval = ALL_IDS,
        first: SearchPage | None = None,
    ) -> Iterator[ProvenPage]:
        """Yield every record of `interval` that `window` holds, from the highest id down, each page proven complete.

        A page is proven when HubSpot's count of what lies below it has gone down by exactly its length, or when the
        page is all that its own count announces; a page that does not add up is read again by its own id range.

        :param first: the first page, when `parts` has already read it
        :raises IncompleteRead: when a page does not add up after several reads.
        """
        position = interval.upto
        page = first or self._page(window, interval)
        while page.total > len(page.results):
            if not page.results:
                page = self._until_shown(window, IdInterval(interval.after, position))
                continue
            bottom = min(int(record["id"]) for record in page.results) - 1
            following = self._page(window, IdInterval(interval.after, bottom))
            span = IdInterval(bottom, position)
            if page.total - following.total == len(page.results):
                yield ProvenPage(page.results, span, len(page.results))
            else:
                yield from self.reread(window, span, page.results)
            position, page = bottom, following
        yield ProvenPage(page.results, IdInterval(interval.after, position), page.total)

    def reread(self, window: Window | None, span: IdInterval, seen: list[Record]) -> Iterator[ProvenPage]:
        """Yield the records of `span`, of which `seen` were shown without proof, by its own count.

        :raises IncompleteRead: when it does not add up after several reads.
        """
        found = {record["id"]: record for record in seen}
        for attempt in range(REREADS):
            page = self._page(window, span)
            found |= {record["id"]: record for record in page.results}
            if page.total <= len(page.results):
                yield ProvenPage(list(found.values()), span, page.total)
                return
            if page.total > self.page_size:
                # Out of order: halves of the range end up small enough to be shown, and proven, in one page.
                for half in reversed(span.halves()):
                    yield from self.pages(window, half)
                return
            self.sleep(REREAD_DELAY_SECONDS * 2**attempt)
        raise self._incomplete(window, span, page.total, len(found))

    def _until_shown(self, window: Window | None, span: IdInterval) -> SearchPage:
        for attempt in range(REREADS):
            page = self._page(window, span)
            if page.results or not page.total:
                return page
            self.sleep(REREAD_DELAY_SECONDS * 2**attempt)
        raise self._incomplete(window, span, page.total, 0)

    def _incomplete(self, window: Window | None, span: IdInterval, announced: int, shown: int) -> IncompleteRead:
        when = f"modified {window.start.isoformat()} to {window.end.isoformat()}, " if window else ""
        return IncompleteRead(
            f"HubSpot's search announces {announced} records but showed {shown} after {REREADS} reads "
            f"({when}ids above {span.after} up to {span.upto})",
            hint="nothing is lost: the cursor stays before this window and the next try reads it again",
        )

    def page(self, interval: IdInterval) -> SearchPage:
        """Return the highest records of `interval`, and the count of all of them, which proves nothing yet."""
        return self._page(None, interval)

    def _page(self, window: Window | None, interval: IdInterval) -> SearchPage:
        filters = [] if window is None else [self._modified(window)]
        if interval.after or window is None:
            filters.append(Filter.gt("hs_object_id", str(interval.after)))
        if interval.upto != ALL_IDS.upto:
            filters.append(Filter.lte("hs_object_id", str(interval.upto)))
        return self.search(
            SearchQuery(
                filters=tuple(filters),
                sort=("hs_object_id", "DESCENDING"),
                properties=self.properties,
                limit=self.page_size,
            )
        )

    def _modified(self, window: Window) -> Filter:
        return Filter.between(self.modified_property, str(window.low), str(window.high))


def _milliseconds(instant: datetime) -> int:
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone; windows are UTC")
    return -((_EPOCH - instant) // _MILLISECOND)
