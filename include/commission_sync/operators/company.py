"""What all operators that work for one company share: its row, its HubSpot client, and a database connection."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.types import DagRunProtocol

from airflow_hubspot.client import HubSpotClient
from airflow_hubspot.client.windows import Window
from commission_sync.operators.assets import tell_it_is_fresh
from commission_sync.operators.database import COMMISSIONS_DB, commissions_connection
from commission_sync.operators.portal import portal_hook
from commission_sync.store.integrations import Integration, integration
from commission_sync.store.runs import RunCounts
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.stream import Stream


class CompanyOperator(BaseOperator):
    """Does one company's part of a DAG run; what exactly is the business of `work`.

    A backfill run asks for exactly its data interval by modified time. Any other run asks for what its param `mode`
    says.

    :param integration_id: for whom; the integration's row names the HubSpot connection
    :param company: the integration's company, which names the mapped task instance
    :param database_conn_id: the Airflow connection of the commissions database
    """

    template_fields = ("integration_id", "company")

    def __init__(
        self, *, integration_id: str, company: str, database_conn_id: str = COMMISSIONS_DB, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.integration_id = integration_id
        self.company = company
        self.database_conn_id = database_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Return the run's counters, and tell whoever is scheduled on the company's streams that they are fresh."""
        request = self.request(context)
        with commissions_connection(self.database_conn_id) as conn:
            with conn.transaction():
                company = integration(conn, UUID(self.integration_id))
            with portal_hook(company, self.database_conn_id).get_conn() as client:
                counts = self.work(request, company, client, conn, context)
        tell_it_is_fresh(context, self.fresh_streams(), company, counts)
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


def _request(context: Context) -> SyncRequest:
    dag_run, params = context["dag_run"], context["params"]
    requested = partial(SyncRequest, dag_id=dag_run.dag_id, run_id=dag_run.run_id, try_number=context["ti"].try_number)
    if dag_run.run_type == "backfill":
        return requested(mode=Mode.WINDOW, window=_data_interval(dag_run))
    mode = Mode(params["mode"])
    window = _window(params["window_from"], params["window_to"]) if mode is Mode.WINDOW else None
    return requested(mode=mode, window=window)


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
