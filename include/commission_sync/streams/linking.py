"""Learns which deals records hang on, so that rows and links land together."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from airflow_hubspot.client import HubSpotClient
from airflow_hubspot.client.intervals import IdInterval, IdIntervals
from commission_sync.store.table import Cardinality
from commission_sync.streams.reading import Part, Reading
from commission_sync.streams.rows import Batch, Row
from commission_sync.streams.stream import Stream

# HubSpot takes a thousand records a call; bodies of e-mails are what would fill memory before that.
GATHERED_RECORDS = 1_000
GATHERED_BYTES = 4_000_000
_DOCUMENT = 4

DEALS = "deals"

Links = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Built:
    """What a chunk's records became; the records themselves are let go, as they are the most of a run's memory."""

    part: Part
    interval: IdInterval
    announced: int
    records: int
    batch: Batch
    links: Links = field(default_factory=dict)


def until_over(chunks: Iterable[Built], reading: Reading) -> Iterator[Built]:
    """Yield the chunks until the reading says that what is still under way is wanted by nobody."""
    covered: dict[Part, IdIntervals] = {}
    for chunk in chunks:
        yield chunk
        covered[chunk.part] = covered.get(chunk.part, chunk.part.covered).with_interval(chunk.interval)
        if reading.is_over(covered[chunk.part]):
            return


def with_links(client: HubSpotClient, stream: Stream, chunks: Iterable[Built]) -> Iterator[Built]:
    """Yield the chunks with the deals of their records, asked for as many records at once as HubSpot allows."""
    client.lists_share.make_room()
    gathered = _Gathered(client, stream)
    for chunk in chunks:
        gathered.add(chunk)
        if gathered.is_worth_a_call:
            yield from gathered.ask()
    while gathered.chunks:
        yield from gathered.ask()


def document_bytes(rows: Iterable[Row]) -> int:
    """Return about how much memory the documents of rows take."""
    return sum(len(row[_DOCUMENT]) for row in rows)


class _Gathered:
    """Chunks that wait for the deals of their records; the first one's may have been asked for in part."""

    def __init__(self, client: HubSpotClient, stream: Stream) -> None:
        self.chunks: deque[Built] = deque()
        self._client = client
        self._stream = stream
        self._unasked: list[str] = []
        self._links: dict[str, frozenset[str]] = {}
        self._size = 0

    @property
    def is_worth_a_call(self) -> bool:
        return len(self._unasked) >= GATHERED_RECORDS or self._size >= GATHERED_BYTES

    def add(self, chunk: Built) -> None:
        self.chunks.append(chunk)
        self._unasked += [row[0] for row in chunk.batch.rows]
        self._size += document_bytes(chunk.batch.rows)

    def ask(self) -> Iterator[Built]:
        """Ask for the deals of as many records as a call takes, and yield the chunks that are complete with them."""
        asked, self._unasked = self._unasked[:GATHERED_RECORDS], self._unasked[GATHERED_RECORDS:]
        if asked:
            self._links |= self._client.associations.read(self._stream.object_type, DEALS, asked)
        left = set(self._unasked)
        while self.chunks and not any(row[0] in left for row in self.chunks[0].batch.rows):
            chunk = self.chunks.popleft()
            self._size -= document_bytes(chunk.batch.rows)
            rows = linked_rows(self._stream, chunk.batch.rows, self._links)
            own = {row[0]: self._links[row[0]] for row in rows if row[0] in self._links}
            yield replace(chunk, batch=replace(chunk.batch, rows=rows), links=own)
        # A record may be in two chunks, so what is known is dropped only here.
        waiting = (row[0] for chunk in self.chunks for row in chunk.batch.rows)
        self._links = {crm_id: self._links[crm_id] for crm_id in waiting if crm_id in self._links}


def linked_rows(stream: Stream, rows: Iterable[Row], links: Mapping[str, Collection[str]]) -> list[Row]:
    """Return the rows with the list of their deals at the end, as the merge takes them."""
    most = 1 if stream.on_deals is Cardinality.ONE else None
    return [(*row, sorted(links.get(row[0], ()), key=int)[:most]) for row in rows]
