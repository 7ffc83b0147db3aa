"""What all operators that read from one company's portal after the other share: what the DAG run asks for."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime

import psycopg
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.types import DagRunProtocol

from airflow_hubspot.client import HubSpotClient
from airflow_hubspot.client.windows import Window
from commission_sync.operators.assets import tell_it_is_fresh
from commission_sync.operators.for_companies import ForCompaniesOperator
from commission_sync.operators.gate import gated_client
from commission_sync.operators.metrics import emit
from commission_sync.store.integrations import Integration
from commission_sync.store.runs import RunCounts
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.stream import Stream


class CompanyOperator(ForCompaniesOperator):
    """Does its companies' part of a DAG run; what exactly is the business of `work`.

    A backfill run asks for exactly its data interval by modified time. Any other run asks for what its param `mode`
    says. A company that was left for later goes on from its receipts.
    """

    def execute(self, context: Context) -> dict[str, dict[str, int]]:
        """Return the run's counters by company, and tell whoever is scheduled on their streams that they are fresh."""
        # What makes no sense is refused once, before any company.
        self.request(context)
        return super().execute(context)

    def work_for(self, company: Integration, conn: psycopg.Connection, context: Context) -> dict[str, int]:
        """Do what the DAG run asks for."""
        request = self.request(context)
        with gated_client(company, request.lane, self.database_conn_id) as client:
            counts = self.work(request, company, client, conn, context)
        tell_it_is_fresh(context, self.fresh_streams(), company, counts)
        emit(counts, company=company.company_id, dag=request.dag_id)
        return counts.as_dict()

    @abstractmethod
    def work(
        self,
        request: SyncRequest,
        company: Integration,
        client: HubSpotClient,
        conn: psycopg.Connection,
        context: Context,
    ) -> RunCounts:
        """Do the work and return what it did."""

    @abstractmethod
    def fresh_streams(self) -> tuple[Stream, ...]:
        """Return the streams that are fresh when the work has succeeded."""

    def request(self, context: Context) -> SyncRequest:
        """Return what the DAG run asks for."""
        try:
            return _request(context)
        except ValueError as error:
            raise AirflowFailException(
                f"this run cannot start: {error}; correct the run's params and trigger it again"
            ) from None


def requested(context: Context, mode: Mode, window: Window | None = None) -> SyncRequest:
    """Return a request of this try of the task."""
    dag_run, ti = context["dag_run"], context["ti"]
    return SyncRequest(
        mode,
        dag_id=dag_run.dag_id,
        run_id=dag_run.run_id,
        try_number=ti.try_number,
        window=window,
        task_id=ti.task_id,
        map_index=ti.map_index if ti.map_index is not None else -1,
    )


def _request(context: Context) -> SyncRequest:
    dag_run, params = context["dag_run"], context["params"]
    if dag_run.run_type == "backfill":
        return requested(context, Mode.WINDOW, _data_interval(dag_run))
    mode = Mode(params["mode"])
    window = _window(params["window_from"], params["window_to"]) if mode is Mode.WINDOW else None
    return requested(context, mode, window)


def _data_interval(dag_run: DagRunProtocol) -> Window:
    if dag_run.data_interval_start is None or dag_run.data_interval_end is None:
        raise ValueError("a backfill run without a data interval has no window to read")
    return Window.between(dag_run.data_interval_start, dag_run.data_interval_end)


def _window(start: str | None, end: str | None) -> Window:
    if not start or not end:
        raise ValueError("mode 'window' needs window_from and window_to, such as 2026-01-31T00:00:00Z")
    return Window.between(_aware("window_from", start), _aware("window_to", end))


def _aware(name: str, value: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{name}={value!r} is not an ISO 8601 time, such as 2026-01-31T00:00:00Z") from None
    if parsed.tzinfo is None:
        raise ValueError(f"{name}={value!r} has no time zone; end it with Z for UTC")
    return parsed
