"""Lands what a reading yields: rows, rejects, receipts and the cursor, in one transaction per checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import psycopg

from airflow_hubspot.client.intervals import IdInterval, IdIntervals
from commission_sync.store.cursors import Cursor, advance_cursor
from commission_sync.store.integrations import Integration
from commission_sync.store.merge import MergeCounts, Merger
from commission_sync.store.receipts import open_receipt, record_progress
from commission_sync.store.rejects import Reject, record_rejects, resolve_rejects
from commission_sync.store.runs import RunCounts
from commission_sync.streams.reading import Chunk, Part
from commission_sync.streams.rows import Batch, Row, RowBuilder
from commission_sync.streams.stream import Stream

# Works out what else follows from rows that a merge has written, in the merge's own transaction: given the connection,
# the CRM ids that were merged and the run.
Derivation = Callable[[psycopg.Connection, Sequence[str], UUID], object]

CHECKPOINT_ROWS = 2_000
CHECKPOINT_SECONDS = 5.0


@dataclass(frozen=True)
class Target:
    """Where a run lands its rows and under which names it leaves receipts."""

    stream: Stream
    integration: Integration
    sync_run_id: UUID
    run_key: str
    moves_cursor: bool
    derivations: tuple[Derivation, ...] = ()


@dataclass
class _Progress:
    covered: IdIntervals
    announced: int = 0
    landed: int = 0


@dataclass
class _Pending:
    rows: list[Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    parts: dict[Part, _Progress] = field(default_factory=dict)
    records: int = 0


@dataclass(frozen=True)
class Built:
    """What a chunk's records became; the records themselves are let go, as they are the most of a run's memory."""

    part: Part
    interval: IdInterval
    announced: int
    records: int
    batch: Batch


class Landing:
    """Gathers chunks and commits them together every few pages.

    Rows, audit rows, rejects, receipts and the cursor of a checkpoint commit in one transaction, so that whatever kills
    the process, the cursor never passes a row that is not there. No call to HubSpot is made meanwhile.
    """

    def __init__(
        self, conn: psycopg.Connection, target: Target, builder: RowBuilder, reached: Callable[[], datetime | None]
    ) -> None:
        """Land on `conn` (autocommit off, used by nobody else); `reached` tells how far the reading is proven."""
        self._conn = conn
        self._target = target
        self._builder = builder
        self._reached = reached
        self._merger = Merger(
            conn,
            target.stream.spec,
            integration_id=target.integration.id,
            company_id=target.integration.company_id,
            actor=f"sync:{target.stream.name}",
            sync_run_id=target.sync_run_id,
            unaudited=builder.clock_like,
        )
        self._pending = _Pending()
        self._committed_at = time.monotonic()
        self.counts = RunCounts()

    def build(self, chunks: Iterator[Chunk]) -> Iterator[Built]:
        """Yield chunks with their rows; this is done by the readers' threads, while the database is at work."""
        for chunk in chunks:
            page = chunk.page
            yield Built(chunk.part, page.interval, page.announced, len(page.records), self._builder.build(page.records))

    def add(self, built: Built) -> IdIntervals:
        """Take one chunk, commit when a checkpoint is due, and return what of its part is taken so far."""
        pending = self._pending
        pending.rows += built.batch.rows
        pending.rejects += built.batch.rejects
        pending.records += built.records
        progress = pending.parts.setdefault(built.part, _Progress(built.part.covered))
        progress.covered = progress.covered.with_interval(built.interval)
        progress.announced += built.announced
        progress.landed += built.records
        if pending.records >= CHECKPOINT_ROWS or time.monotonic() - self._committed_at >= CHECKPOINT_SECONDS:
            self.commit()
        return progress.covered

    def commit(self) -> None:
        """Commit everything taken so far; on an error nothing of it is there."""
        pending, self._pending = self._pending, _Pending()
        target = self._target
        with self._conn.transaction():
            merged = self._merge(pending.rows)
            rejected = self._settle_rejects(pending)
            for part, progress in pending.parts.items():
                self._leave_receipt(part, progress)
            if target.moves_cursor and (reached := self._reached()) is not None:
                advance_cursor(self._conn, target.integration.id, target.stream.name, Cursor(reached))
        self._committed_at = time.monotonic()
        self.counts += RunCounts(
            fetched=pending.records,
            inserted=merged.inserted,
            updated=merged.updated,
            unchanged=merged.unchanged,
            stale=merged.stale,
            rejected=rejected,
        )

    def _merge(self, rows: list[Row]) -> MergeCounts:
        merged = self._merger.merge(rows)
        if merged.inserted or merged.updated:
            for derive in self._target.derivations:
                derive(self._conn, [row[0] for row in rows], self._target.sync_run_id)
        return merged

    def _settle_rejects(self, pending: _Pending) -> int:
        target = self._target
        key = (self._conn, target.integration.id, target.stream.name)
        resolve_rejects(*key, [row[0] for row in pending.rows])
        return record_rejects(*key, target.sync_run_id, pending.rejects)

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
