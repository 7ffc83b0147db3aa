"""Lands what a reading yields: rows, links, rejects, receipts and the cursor, in one transaction per checkpoint."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import psycopg

from airflow_hubspot.client import Record
from airflow_hubspot.client.intervals import IdIntervals
from commission_sync.store.cursors import Cursor, advance_cursor
from commission_sync.store.integrations import Integration
from commission_sync.store.links import Links as StoredLinks
from commission_sync.store.mapping_problems import settle_problems
from commission_sync.store.mapping_versions import hold_version
from commission_sync.store.merge import MergeCounts, Merger
from commission_sync.store.receipts import open_receipt, record_progress
from commission_sync.store.rejects import Reject, record_rejects, resolve_rejects
from commission_sync.store.runs import RunCounts
from commission_sync.store.table import Writing
from commission_sync.store.tombstones import Moved, Tombstones
from commission_sync.streams.linking import Built, Links, document_bytes, linked_rows
from commission_sync.streams.mapped import current_mapping
from commission_sync.streams.reading import Chunk, Part
from commission_sync.streams.rows import Batch, RowBuilder
from commission_sync.streams.stream import Stream

# Works out what else follows from rows that a merge has written, in the merge's own transaction: given the connection,
# the CRM ids that were merged and the run.
Derivation = Callable[[psycopg.Connection, Sequence[str], UUID], object]
# Which of them follow a stream's merges.
Derive = Callable[[Stream], tuple[Derivation, ...]]


def nothing_follows(_: Stream) -> tuple[Derivation, ...]:
    """Return no derivations."""
    return ()


CHECKPOINT_ROWS = 1_000
CHECKPOINT_BYTES = 16_000_000
CHECKPOINT_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """Where a run lands its rows and under which names it leaves receipts."""

    stream: Stream
    integration: Integration
    sync_run_id: UUID
    run_key: str
    moves_cursor: bool
    # Which path brings the rows, for the audit log, and why, where it is no plain sync.
    path: str = "sync"
    why: str | None = None
    derivations: tuple[Derivation, ...] = ()

    @property
    def writing(self) -> Writing:
        """For whom rows are written, and by whom."""
        actor = f"{self.path}:{self.stream.name}"
        return Writing(self.integration.id, self.integration.company_id, actor, self.sync_run_id)


@dataclass
class _Progress:
    covered: IdIntervals
    announced: int = 0
    landed: int = 0


@dataclass
class _Pending:
    batch: Batch = field(default_factory=Batch)
    links: dict[str, frozenset[str]] = field(default_factory=dict)
    parts: dict[Part, _Progress] = field(default_factory=dict)
    records: int = 0
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to commit for the sake of memory; bodies of e-mails are large."""
        return self.records >= CHECKPOINT_ROWS or self.size >= CHECKPOINT_BYTES


@dataclass(frozen=True)
class Landed:
    """What became of records that were read by their ids."""

    rejects: list[Reject]
    newer: set[str]
    restored: int


class Landing:
    """Gathers chunks and commits them together every few pages.

    Rows, links, audit rows, rejects, receipts and the cursor of a checkpoint commit in one transaction, so that
    whatever kills the process, the cursor never passes a row that is not there. No call to HubSpot is made meanwhile.
    """

    def __init__(
        self,
        conn: psycopg.Connection,
        target: Target,
        builder: RowBuilder,
        reached: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        """Land on `conn` (autocommit off, used by nobody else); `reached` tells how far the reading is proven."""
        self.conn = self._conn = conn
        self._target = target
        self._builder = builder
        self._reached = reached
        stream, writing = target.stream, target.writing
        self._merger = Merger(
            conn,
            stream.spec,
            integration_id=writing.integration_id,
            company_id=writing.company_id,
            actor=writing.actor,
            sync_run_id=writing.sync_run_id,
            unaudited=builder.clock_like,
            why=target.why,
        )
        self._links = StoredLinks(conn, stream.spec, writing) if stream.on_deals else None
        self._tombstones = Tombstones(conn, stream.spec, writing)
        self._pending = _Pending()
        self._committed_at = time.monotonic()
        self.counts = RunCounts()

    def build(self, chunks: Iterator[Chunk]) -> Iterator[Built]:
        """Yield chunks with their rows; this is done by the readers' threads, while the database is at work."""
        for chunk in chunks:
            page = chunk.page
            yield Built(chunk.part, page.interval, page.announced, len(page.records), self._builder.build(page.records))

    def add(self, built: Built) -> None:
        """Take one chunk, and commit when a checkpoint is due."""
        pending = self._pending
        pending.batch += built.batch
        pending.links |= built.links
        pending.records += built.records
        pending.size += document_bytes(built.batch.rows)
        progress = pending.parts.setdefault(built.part, _Progress(built.part.covered))
        progress.covered = progress.covered.with_interval(built.interval)
        progress.announced += built.announced
        progress.landed += built.records
        if pending.is_full or time.monotonic() - self._committed_at >= CHECKPOINT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Commit everything taken so far; on an error nothing of it is there."""
        pending, self._pending = self._pending, _Pending()
        target = self._target
        with self._conn.transaction():
            self._write(pending)
            for part, progress in pending.parts.items():
                self._leave_receipt(part, progress)
            if target.moves_cursor and (reached := self._reached()) is not None:
                advance_cursor(self._conn, target.integration.id, target.stream.name, Cursor(reached))
        self._committed_at = time.monotonic()

    def land(self, records: Iterable[Record], links: Links) -> list[Reject]:
        """Commit records that were read by their ids, which leave no receipt, and return those that could not be."""
        batch = self._builder.build(records)
        if self._links is not None:
            batch.rows = linked_rows(self._target.stream, batch.rows, links)
        pending = _Pending(batch, dict(links), records=len(batch.rows) + len(batch.rejects))
        with self._conn.transaction():
            self._write(pending)
        return batch.rejects

    def land_alive(self, records: Sequence[Record], links: Links, read_at: datetime) -> Landed:
        """Commit records that HubSpot answered as alive when asked at `read_at`, and take their tombstones off.

        Records that were written since are left as they are and returned as `newer`: whoever needs them reads again.
        """
        ids = [record["id"] for record in records]
        with self._conn.transaction():
            # In the order in which every other writer takes them: the version, then the turn.
            hold_version(self._conn, self._target.integration.id)
            newer = self._tombstones.newer_than(read_at, ids)
            fresh = [record for record in records if record["id"] not in newer]
            kept = {i: deals for i, deals in links.items() if i not in newer}
            rejects = self.land(fresh, kept)
            restored = self._tombstones.restore([record["id"] for record in fresh], "HubSpot answers it as alive")
        return Landed(rejects, newer, restored)

    def _write(self, pending: _Pending) -> None:
        batch = pending.batch
        self._bring_to_active_mapping(batch)
        merged = self._merger.merge(batch.rows)
        self._settle_problems(batch)
        if self._links is not None:
            self._links.of_records(pending.links, "HubSpot names these deals for the record")
        moved = self._tombstones.merge(batch.survivors, "HubSpot names it among the records merged into the survivor")
        tell_of_merges(moved)
        if merged.inserted or merged.updated:
            for derive in self._target.derivations:
                derive(self._conn, [row[0] for row in batch.rows], self._target.sync_run_id)
        self._count(pending, merged, len(moved), self._settle_rejects(batch))

    def _count(self, pending: _Pending, merged: MergeCounts, archived: int, rejected: int) -> None:
        self.counts += RunCounts(
            fetched=pending.records,
            inserted=merged.inserted,
            updated=merged.updated,
            unchanged=merged.unchanged,
            stale=merged.stale,
            archived=archived,
            rejected=rejected,
        )

    def _bring_to_active_mapping(self, batch: Batch) -> None:
        # From here to the end of the transaction no other version can become active. One that did since the rows were
        # built is being computed for the rows that are stored, and would not see these.
        built_by = self._builder.mapping
        if built_by is None or hold_version(self._conn, self._target.integration.id) == built_by.version:
            return
        mapping = current_mapping(self._conn, self._target.integration, self._target.stream)
        again = self._builder.remapped(batch.rows, mapping)
        batch.rows, batch.problems = again.rows, again.problems

    def _settle_problems(self, batch: Batch) -> None:
        if self._builder.mapping is not None and batch.rows:
            looked_at = [(row[0], row[2]) for row in batch.rows]
            settle_problems(self._conn, self._target.integration.id, looked_at, batch.problems)

    def _settle_rejects(self, batch: Batch) -> int:
        target = self._target
        key = (self._conn, target.integration.id, target.stream.name)
        resolve_rejects(*key, [row[0] for row in batch.rows])
        return record_rejects(*key, target.sync_run_id, batch.rejects)

    def _leave_receipt(self, part: Part, progress: _Progress) -> None:
        target = self._target
        part.covered = progress.covered
        if part.receipt_id is None:
            part.receipt_id = open_receipt(
                self._conn,
                integration_id=target.integration.id,
                stream=target.stream.name,
                sync_run_id=target.sync_run_id,
                run_key=target.run_key,
                window_from=part.window_from,
                window_to=part.window_to,
            )
        record_progress(
            self._conn,
            part.receipt_id,
            announced=progress.announced,
            landed=progress.landed,
            covered=progress.covered.to_pairs(),
            complete=part.is_complete,
        )


def tell_of_merges(moved: Iterable[Moved]) -> None:
    """Warn of rows that a merge could not move, which a person has to decide about."""
    for merge in moved:
        if merge.kept:
            _log.warning(
                "deal merged loser=%s survivor=%s kept=%s next=%s",
                merge.loser,
                merge.survivor,
                dict(merge.kept),
                '"both deals had such a row (a commission each, say): a person decides which one stands"',
            )
