"""Learns which deals records hang on, so that rows and links land together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
    gathered: list[Built] = []
    records = size = 0
    for chunk in chunks:
        gathered.append(chunk)
        records += len(chunk.batch.rows)
        size += document_bytes(chunk.batch.rows)
        if records >= GATHERED_RECORDS or size >= GATHERED_BYTES:
            yield from _linked(client, stream, gathered)
            gathered, records, size = [], 0, 0
    yield from _linked(client, stream, gathered)


def document_bytes(rows: Iterable[Row]) -> int:
    """Return about how much memory the documents of rows take."""
    return sum(len(row[_DOCUMENT]) for row in rows)


def _linked(client: HubSpotClient, stream: Stream, chunks: Sequence[Built]) -> Iterator[Built]:
    ids = [row[0] for chunk in chunks for row in chunk.batch.rows]
    links = client.associations.read(stream.object_type, DEALS, ids) if ids else {}
    for chunk in chunks:
        rows = linked_rows(stream, chunk.batch.rows, links)
        own = {row[0]: links[row[0]] for row in rows if row[0] in links}
        yield replace(chunk, batch=replace(chunk.batch, rows=rows), links=own)


def linked_rows(stream: Stream, rows: Iterable[Row], links: Mapping[str, Collection[str]]) -> list[Row]:
    """Return the rows with the list of their deals at the end, as the merge takes them."""
    most = 1 if stream.on_deals is Cardinality.ONE else None
    return [(*row, sorted(links.get(row[0], ()), key=int)[:most]) for row in rows]
