"""One run of one stream for one company."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import psycopg

from airflow_hubspot.client import HubSpotClient, HubSpotError
from airflow_hubspot.client.records import Page
from airflow_hubspot.client.windows import SearchReader, Window
from commission_sync.settings import Settings
from commission_sync.store.clock import database_now
from commission_sync.store.cursors import Cursor, advance_cursor, read_cursor
from commission_sync.store.integrations import Integration
from commission_sync.store.receipts import Receipt, resumable_receipts
from commission_sync.store.runs import RunCounts
from commission_sync.store.waiting import join_waiting_rows
from commission_sync.streams.alongside import Alongside
from commission_sync.streams.catalogue import catalogue
from commission_sync.streams.clock import bounded
from commission_sync.streams.deal_side import DealSide
from commission_sync.streams.landing import Derivation, Landing, Target
from commission_sync.streams.linking import Built, until_over, with_links
from commission_sync.streams.mapped import Preparation
from commission_sync.streams.portal import verified
from commission_sync.streams.pump import Pump
from commission_sync.streams.reading import FullReading, Part, Reading, WindowReading, resumed
from commission_sync.streams.record import RunRecord
from commission_sync.streams.request import Mode, Plan, SyncRequest, plan
from commission_sync.streams.rows import RowBuilder
from commission_sync.streams.step import StepContext
from commission_sync.streams.stream import Step, Stream

# Search's index lags seconds to minutes behind; connectors that read again after an hour stopped losing rows.
SETTLED_AFTER = timedelta(hours=1)
# No clock that anybody works with is further ahead.
CERTAINLY_PAST = timedelta(days=1)


@dataclass(frozen=True)
class StreamSync:
    """Reads a stream of one company from HubSpot and lands it in PostgreSQL.

    `conn` is a connection of this run's own, autocommit off. `derivations` follow every merge, in its transaction.
    Airflow is not needed: operators adapt this class.
    """

    stream: Stream
    integration: Integration
    client: HubSpotClient
    conn: psycopg.Connection
    settings: Settings
    derivations: tuple[Derivation, ...] = ()

    def run(self, request: SyncRequest) -> RunCounts:
        """Run one try and return what it did.

        :raises HubSpotError: when HubSpot refuses or stays away; what was landed until then is committed.
        :raises psycopg.Error: when the database does.
        """
        with self.conn.transaction():
            cursor = read_cursor(self.conn, self.integration.id, self.stream.name)
        began = database_now(self.conn)
        planned = plan(request, cursor, lookback=self.settings.lookback, now=began)
        with self._record(request, planned) as record:
            integration = verified(self.client, self.conn, self.integration, record.cache)
            receipts = self._receipts(request)
            # Whoever reads up to now asks, as the answer tells what time it is at HubSpot.
            is_past = planned.window_to < began - CERTAINLY_PAST
            known = catalogue(
                self.client,
                self.conn,
                integration,
                self.stream.object_type,
                record.cache,
                goes_on=is_past and (bool(receipts) or planned.mode is Mode.WINDOW),
            )
            now = bounded(began, record.compare_clocks().hubspot)
            planned = record.replan(plan(request, cursor, lookback=self.settings.lookback, now=now))
            target = Target(
                self.stream,
                integration,
                record.sync_run_id,
                request.run_key,
                moves_cursor=planned.mode is not Mode.WINDOW,
                derivations=self.derivations,
            )
            builder = Preparation(
                self.client, self.conn, integration, self.stream, known.clock_like, record.report
            ).row_builder()
            run = _Run(self, record, target, builder, known.names)
            run.do(planned, receipts)
        return record.counts

    def _record(self, request: SyncRequest, planned: Plan) -> RunRecord:
        return RunRecord(
            self.conn, self.client, self.integration, stream=self.stream.name, request=request, plan=planned
        )

    def _receipts(self, request: SyncRequest) -> list[Receipt]:
        with self.conn.transaction():
            return resumable_receipts(self.conn, self.integration.id, self.stream.name, request.run_key)


def in_turn(syncs: Iterable[StreamSync], request: SyncRequest) -> RunCounts:
    """Run several syncs, one after the other, and return what all did.

    :raises HubSpotError: the first one of a stream, after all streams had their turn.
    """
    counts, failures = RunCounts(), list[HubSpotError]()
    for sync in syncs:
        try:
            counts += sync.run(request)
        except HubSpotError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return counts


@dataclass(frozen=True)
class _Run:
    sync: StreamSync
    record: RunRecord
    target: Target
    builder: RowBuilder
    properties: tuple[str, ...]

    def do(self, planned: Plan, receipts: Sequence[Receipt]) -> None:
        """Read what is planned; a run that moves the cursor also looks at what search shows late or not at all."""
        side = self._deal_side() if self.sync.stream.on_deals and self.target.moves_cursor else None
        if side is not None:
            side.begin(planned.window_to - self.sync.settings.lookback)
        if self.target.moves_cursor:
            self._steps(self.sync.stream.before)
        with self._alongside(planned):
            self._land(self._reading(planned, receipts), self.target)
        if self.target.moves_cursor:
            self._settle(planned.window_to)
        if side is not None:
            side.follow()
            self.record.counts += side.landing.counts
        with self.sync.conn.transaction():
            join_waiting_rows(self.sync.conn, self.target.integration.id, self.target.sync_run_id)

    def _settle(self, now: datetime) -> None:
        """Once an hour, read again what was modified until an hour ago, as search's index may have lagged behind."""
        conn, stream = self.sync.conn, self.sync.stream
        key = (conn, self.target.integration.id, f"{stream.name}/settled")
        end = now - SETTLED_AFTER
        with conn.transaction():
            cursor = read_cursor(*key)
            if cursor is None:
                advance_cursor(*key, Cursor(end))
        self._steps((*stream.after, *stream.alongside))
        if cursor is None or end - cursor.at < SETTLED_AFTER:
            return
        target = replace(self.target, run_key=f"{self.target.run_key}/settled", moves_cursor=False)
        self._land(WindowReading(self._reader(), Window.between(cursor.at, end)), target)
        self._steps(stream.hourly)
        with conn.transaction():
            advance_cursor(*key, Cursor(end))

    def _steps(self, steps: Iterable[Step]) -> None:
        for step in steps:
            step(self._context)

    @property
    def _context(self) -> StepContext:
        return StepContext(self.sync.client, self.sync.conn, self.target)

    def _alongside(self, planned: Plan) -> AbstractContextManager[None]:
        steps = self.sync.stream.alongside
        is_long = planned.window_from is None and self.target.moves_cursor
        return Alongside(steps, self._context) if steps and is_long else nullcontext()

    def _land(self, reading: Reading, target: Target) -> None:
        sync, before = self.sync, self.record.counts
        landing = Landing(sync.conn, target, self.builder, reading.reached)
        try:
            with self._built(reading, landing) as chunks:
                for built in chunks:
                    landing.add(built)
                    self.record.counts = before + landing.counts
                    self.record.progress()
        except HubSpotError:
            # What was read until then is proven; the next try need not ask for it again.
            self._commit(landing, before)
            raise
        finally:
            sync.client.go_on()
        self._commit(landing, before)

    def _commit(self, landing: Landing, before: RunCounts) -> None:
        landing.commit()
        self.record.counts = before + landing.counts

    @contextmanager
    def _built(self, reading: Reading, landing: Landing) -> Iterator[Iterable[Built]]:
        """Yield the rows that several readers make, with their links where the stream has any.

        Links are asked for in a thread of their own: they share a limit with the lists, and whoever reads by search,
        which has another limit, must not wait for the first.
        """
        sync = self.sync
        stop = sync.client.give_up
        with Pump([landing.build(reader) for reader in reading.readers()], stop) as read:
            chunks = until_over(read, reading)
            if not sync.stream.on_deals:
                yield chunks
                return
            with Pump([with_links(sync.client, sync.stream, chunks)], stop) as linked:
                yield linked

    def _reading(self, planned: Plan, receipts: Sequence[Receipt]) -> Reading:
        if planned.window_from is not None:
            return WindowReading(self._reader(), Window.between(planned.window_from, planned.window_to), receipts)
        started = [resumed(receipt) for receipt in receipts if receipt.window_from is None]
        part = started[0] if started else Part(None, planned.window_to)
        return FullReading(self._list_page, self._reader(), part)

    def _list_page(self, after: str) -> Page:
        client = self.sync.client
        client.lists_share.wait()
        return client.objects.list_page(self.sync.stream.object_type, after=after, properties=self.properties)

    def _reader(self) -> SearchReader:
        stream = self.sync.stream
        search = partial(self.sync.client.objects.search_page, stream.object_type)
        return SearchReader(search, stream.modified_property, self.properties)

    def _deal_side(self) -> DealSide:
        landing = Landing(self.sync.conn, self.target, self.builder)
        return DealSide(self.sync.client, self.sync.conn, self.target, landing, self.properties)
