"""Keeps a run's row in `sync_runs` and its company's status true, however the run ends."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from types import TracebackType
from uuid import UUID

import psycopg

from airflow_hubspot.client import HubSpotClient
from commission_sync.store.cursors import read_cursor
from commission_sync.store.integrations import Integration, mark_failed, mark_synced, mark_syncing
from commission_sync.store.runs import RunCounts, finish_run, open_run
from commission_sync.streams.report import Report
from commission_sync.streams.request import Plan, SyncRequest

_log = logging.getLogger(__name__)


class RunRecord:
    """A run from its first line to its last: use it as a context manager around the work.

    The runner keeps `counts` up to date; what they say when the block is left is what is written down.
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
        self.report = Report(integration.company_id, stream)
        self._conn = conn
        self._client = client
        self._integration = integration
        self._stream = stream
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
                window_from=plan.window_from,
                window_to=plan.window_to,
            )
            mark_syncing(self._conn, self._integration.id)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        now = self._client.stats.snapshot()
        calls, waited = now.calls - self._before.calls, now.waited_seconds - self._before.waited_seconds
        self.counts += RunCounts(api_calls=calls, api_wait_ms=round(waited * 1000))
        if error is None:
            self._succeeded()
            lag = (datetime.now(UTC) - self._plan.window_to).total_seconds()
            self.report.finished(self.counts, calls=calls, waited=waited, lag=lag)
        else:
            self.report.failed(error, self.counts, calls)
            self._failed(error)

    def progress(self) -> None:
        """Write a progress line when one is due."""
        self.report.progress(self.counts, self._client.stats.snapshot().calls - self._before.calls)

    def _succeeded(self) -> None:
        with self._conn.transaction():
            finish_run(self._conn, self.sync_run_id, state="success", counts=self.counts)
            cursor = read_cursor(self._conn, self._integration.id, self._stream)
            mark_synced(
                self._conn,
                self._integration.id,
                at=datetime.now(UTC),
                cursor=cursor.at.isoformat() if cursor else "",
            )

    def _failed(self, error: BaseException) -> None:
        message = f"{type(error).__name__}: {error}"
        try:
            with self._conn.transaction():
                finish_run(self._conn, self.sync_run_id, state="failed", counts=self.counts, error=message)
                mark_failed(self._conn, self._integration.id, message)
        except psycopg.Error:
            # The next try marks this run as abandoned; the error that ended it must not be hidden by this one.
            _log.exception("the failed run could not be written down")
