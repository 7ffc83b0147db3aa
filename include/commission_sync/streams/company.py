"""The nightly reconciliation of one company: reference data, then every stream that the company has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import psycopg

from airflow_hubspot.client import HubSpotClient, HubSpotError
from commission_sync.gate import PortalCache
from commission_sync.settings import Settings
from commission_sync.store.cursors import read_cursor
from commission_sync.store.history import deals_without_history
from commission_sync.store.integrations import Integration
from commission_sync.store.runs import RunCounts
from commission_sync.streams.clock import now as now_at_both
from commission_sync.streams.guard import Guard
from commission_sync.streams.history import FEATURE as HISTORY
from commission_sync.streams.history import complete_history, read_history
from commission_sync.streams.landing import Derive, Target, nothing_follows
from commission_sync.streams.portal import verified
from commission_sync.streams.products import PRODUCTS
from commission_sync.streams.reconcile import StreamReconciliation
from commission_sync.streams.record import RunRecord
from commission_sync.streams.reference import refresh_reference
from commission_sync.streams.request import Mode, Plan, SyncRequest
from commission_sync.streams.step import StepContext
from commission_sync.streams.stream import Stream
from commission_sync.streams.sync import StreamSync

_log = logging.getLogger(__name__)

_WHY = "the nightly reconciliation found it different in HubSpot"


@dataclass(frozen=True)
class Reconciliation:
    """Reconciles the streams of one company; a stream that fails leaves the others alone and fails the run at its end.

    :param streams: in the order in which they are reconciled, deals first
    :param max_archived_percent: overrides the setting of that name, for a run that a person has looked at
    :param derive: what follows each merge of a stream, in its transaction
    :param history_of: deals whose property history is read; in mode full, that of every deal without one is read, too
    """

    streams: Sequence[Stream]
    integration: Integration
    client: HubSpotClient
    conn: psycopg.Connection
    settings: Settings
    max_archived_percent: float | None = None
    history_of: tuple[str, ...] = ()
    derive: Derive = nothing_follows

    def run(self, request: SyncRequest) -> RunCounts:
        """Run one try and return what it did.

        :raises HubSpotError: the first one, after everything had its turn.
        """
        integration = verified(
            self.client, self.conn, self.integration, PortalCache(self.conn, self.client, self.integration.id)
        )
        counts, failures = RunCounts(), list[HubSpotError]()
        for work in self._works(integration, request):
            try:
                counts += work() or RunCounts()
            except HubSpotError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return counts

    def _works(self, integration: Integration, request: SyncRequest) -> Iterator[Callable[[], RunCounts | None]]:
        """Yield what is to be done; each may fail for want of a scope that the others do not need."""
        yield partial(self._refresh_reference, integration)
        if integration.has_feature(PRODUCTS.feature):
            yield partial(self._sync_products, integration, request)
        for stream in self._loaded(integration):
            yield partial(self._reconcile, stream, integration, request)

    def _refresh_reference(self, integration: Integration) -> None:
        refresh_reference(self.client, self.conn, integration)

    def _sync_products(self, integration: Integration, request: SyncRequest) -> None:
        incremental = replace(request, mode=Mode.INCREMENTAL)
        StreamSync(PRODUCTS, integration, self.client, self.conn, self.settings).run(incremental)

    def _loaded(self, integration: Integration) -> Iterable[Stream]:
        """Yield the streams that the company has and that were loaded once; there is nothing to hold against before."""
        for stream in self.streams:
            if not integration.has_feature(stream.feature):
                continue
            with self.conn.transaction():
                loaded = read_cursor(self.conn, integration.id, stream.name) is not None
            if loaded:
                yield stream
            else:
                _log.info("not reconciled company=%s stream=%s why=not_loaded_yet", integration.company_id, stream.name)

    def _reconcile(self, stream: Stream, integration: Integration, request: SyncRequest) -> RunCounts:
        now = now_at_both(self.conn, self.client)
        plan = Plan(Mode.RECONCILE, None, now)
        record = RunRecord(self.conn, self.client, integration, stream=stream.name, request=request, plan=plan)
        with record:
            target = Target(
                stream,
                integration,
                record.sync_run_id,
                request.run_key,
                moves_cursor=False,
                path="reconcile",
                why=_WHY,
                derivations=self.derive(stream),
            )
            percent = self.max_archived_percent
            guard = Guard(
                self.settings.reconcile_max_archived_percent if percent is None else percent,
                self.settings.reconcile_min_archived_rows,
            )
            record.counts = StreamReconciliation(
                self.client,
                self.conn,
                target,
                guard,
                self.settings.reconcile_sweep_records,
                everything=request.mode is Mode.FULL,
            ).run(now)
            context = StepContext(self.client, self.conn, target)
            for step in stream.nightly:
                step(context)
            if stream.pay_properties:
                self._read_history(context, request)
        return record.counts

    def _read_history(self, context: StepContext, request: SyncRequest) -> None:
        complete_history(context)
        with self.conn.transaction():
            everything = request.mode is Mode.FULL and context.is_on(HISTORY)
            missing = deals_without_history(self.conn, context.target.integration.id) if everything else []
        read_history(context, list(dict.fromkeys((*self.history_of, *missing))))
