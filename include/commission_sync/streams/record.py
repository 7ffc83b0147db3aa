"""Keeps a run's row in `sync_runs` and its company's status true, however the run ends."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from types import TracebackType
from uuid import UUID

import psycopg

from airflow_hubspot.client import HubSpotClient, postponement
from commission_sync.gate import PortalCache
from commission_sync.store.cursors import read_cursor
from commission_sync.store.integrations import Integration
from commission_sync.store.runs import RunCounts, correct_window, finish_run, keep_clock_warning, open_run
from commission_sync.store.stream_status import (
    StreamOf,
    forget_streams,
    mark_failed,
    mark_running,
    mark_succeeded,
    mark_waiting,
)
from commission_sync.streams.clock import Clocks, clocks
from commission_sync.streams.clock import now as now_at_both
from commission_sync.streams.report import Report
from commission_sync.streams.request import Plan, SyncRequest
from commission_sync.streams.standard import STREAMS

_log = logging.getLogger(__name__)

_Mark = Callable[[psycopg.Connection, StreamOf, str], None]


class RunRecord:
    """A run from its first line to its last: use it as a context manager around the work.

    The runner keeps `counts` up to date; what they say when the block is left is what is written down. `cache` is where
    it finds what is known of the portal.
    """

    sync_run_id: UUID

    def __init__(
        self,
        conn: psycopg.Connection,
        client: HubSpotClient,
        integration: Integration,
        *,
        stream: str,
        request: SyncRequest,
        plan: Plan,
    ) -> None:
        """Record a run of `stream` for `integration`; `client` counts the calls."""
        self.counts = RunCounts()
        self.cache = PortalCache(conn, client, integration.id)
        self.report = Report(integration.company_id, stream)
        self._conn = conn
        self._client = client
        self._integration = integration
        self._stream = stream
        self._of = StreamOf(integration.id, request.dag_id, stream)
        self._request = request
        self._plan = plan
        self._before = client.stats.snapshot()

    def __enter__(self) -> RunRecord:
        plan, request = self._plan, self._request
        self.report.started(plan.mode, plan.window_from, plan.window_to, plan.why)
        with self._conn.transaction():
            self.sync_run_id = open_run(
                self._conn,
                integration_id=self._integration.id,
                stream=self._stream,
                mode=plan.mode,
                dag_id=request.dag_id,
                run_id=request.run_id,
                try_number=request.try_number,
                task_id=request.task_id,
                map_index=request.map_index,
                window_from=plan.window_from,
                window_to=plan.window_to,
            )
            mark_running(self._conn, self._of)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        now = self._client.stats.snapshot()
        calls, waited = now.calls - self._before.calls, now.waited_seconds - self._before.waited_seconds
        self.counts += RunCounts(api_calls=calls, api_wait_ms=round(waited * 1000), calls_saved=self.cache.saved)
        if error is None:
            lag = (now_at_both(self._conn, self._client) - self._plan.window_to).total_seconds()
            self._succeeded()
            self.report.finished(self.counts, calls=calls, waited=waited, lag=lag)
        elif (seconds := postponement(error)) is not None:
            self.report.deferred(error, self.counts, calls, seconds)
            self._ended("deferred", error, mark_waiting)
        else:
            self.report.failed(error, self.counts, calls)
            self._ended("failed", error, mark_failed)

    def compare_clocks(self) -> Clocks:
        """Look at the clocks, once HubSpot has answered, and say and keep what they show where they differ."""
        seen = clocks(self._conn, self._client)
        if (difference := seen.difference) is not None:
            self.report.clocks_differ(difference, worker=socket.gethostname(), until=seen.now)
            with self._conn.transaction():
                keep_clock_warning(self._conn, self.sync_run_id, f"{difference} (worker {socket.gethostname()})")
        return seen

    def replan(self, plan: Plan) -> Plan:
        """Take note that the run covers another interval than it seemed at first, and return that."""
        if plan != self._plan:
            self._plan = plan
            with self._conn.transaction():
                correct_window(self._conn, self.sync_run_id, plan.window_from, plan.window_to)
        return plan

    def progress(self) -> None:
        """Write a progress line when one is due."""
        self.report.progress(self.counts, self._client.stats.snapshot().calls - self._before.calls)

    def _succeeded(self) -> None:
        with self._conn.transaction():
            finish_run(self._conn, self.sync_run_id, state="success", counts=self.counts)
            cursor = read_cursor(self._conn, self._integration.id, self._stream)
            mark_succeeded(self._conn, self._of, cursor=cursor.at.isoformat() if cursor else "")
            gone = frozenset(each.name for each in STREAMS if not self._integration.has_feature(each.feature))
            forget_streams(self._conn, self._integration.id, gone)

    def _ended(self, state: str, error: BaseException, mark: _Mark) -> None:
        message = f"{type(error).__name__}: {error}"
        try:
            with self._conn.transaction():
                finish_run(self._conn, self.sync_run_id, state=state, counts=self.counts, error=message)
                mark(self._conn, self._of, message)
        except psycopg.Error:
            # The next try marks this run as abandoned; the error that ended it must not be hidden by this one.
            _log.exception("the end of the run could not be written down")
