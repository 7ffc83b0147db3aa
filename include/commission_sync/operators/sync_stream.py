"""The operator that syncs one stream of one company."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.types import DagRunProtocol

from airflow_hubspot.client.windows import Window
from airflow_hubspot.hooks.hubspot import HubSpotHook
from commission_sync.operators.database import COMMISSIONS_DB, commissions_connection
from commission_sync.operators.derivations import derivations
from commission_sync.settings import load_settings
from commission_sync.store.integrations import integration
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.stream import Stream
from commission_sync.streams.sync import StreamSync


class SyncStreamOperator(BaseOperator):
    """Reads what the DAG run asks for from HubSpot and lands it in PostgreSQL.

    A backfill run reads exactly its data interval by modified time and leaves the cursor alone. Any other run does what
    its param `mode` says.

    :param stream: what to sync
    :param integration_id: for whom; the integration's row names the HubSpot connection
    :param company: the integration's company, which names the mapped task instance
    :param database_conn_id: the Airflow connection of the commissions database
    """

    template_fields = ("integration_id", "company")

    def __init__(
        self,
        *,
        stream: Stream,
        integration_id: str,
        company: str,
        database_conn_id: str = COMMISSIONS_DB,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stream = stream
        self.integration_id = integration_id
        self.company = company
        self.database_conn_id = database_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Return the run's counters."""
        request, settings = _request(context), load_settings()
        with commissions_connection(self.database_conn_id) as conn:
            with conn.transaction():
                company = integration(conn, UUID(self.integration_id))
            with HubSpotHook(company.conn_id).get_conn() as client:
                follow = derivations(self.stream, company, settings)
                return StreamSync(self.stream, company, client, conn, settings, follow).run(request).as_dict()


def _request(context: Context) -> SyncRequest:
    dag_run, params = context["dag_run"], context["params"]
    requested = partial(SyncRequest, dag_id=dag_run.dag_id, run_id=dag_run.run_id, try_number=context["ti"].try_number)
    try:
        if dag_run.run_type == "backfill":
            return requested(mode=Mode.WINDOW, window=_data_interval(dag_run))
        mode = Mode(params["mode"])
        window = _window(params["window_from"], params["window_to"]) if mode is Mode.WINDOW else None
        return requested(mode=mode, window=window)
    except ValueError as error:
        raise AirflowFailException(
            f"this run cannot start: {error}; correct the run's params and trigger it again"
        ) from None


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
