"""The operator that fetches the exchange rates that all companies share."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context, Param
from airflow.sdk.exceptions import AirflowFailException

from commission_sync.fx.days import Days
from commission_sync.fx.errors import FxError
from commission_sync.fx.providers import shared_source
from commission_sync.fx.refresh import FetchRequest, refresh
from commission_sync.operators.database import COMMISSIONS_DB, commissions_connection
from commission_sync.settings import load_settings
from commission_sync.store.clock import database_now


class FetchRatesOperator(BaseOperator):
    """Fetches the days that are missing from the source that the settings name.

    A backfill run fetches the days of its data interval, a run with the params `from_date` and `to_date` those days,
    any other run whatever is missing up to today. Where each portal has rates of its own there is nothing to do here.

    :param database_conn_id: the Airflow connection of the commissions database
    """

    def __init__(self, *, database_conn_id: str = COMMISSIONS_DB, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.database_conn_id = database_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Return what became of the rates that were read."""
        request = fetch_request(context)
        with shared_source(load_settings()) as source:
            if source is None:
                self.log.info("each portal has rates of its own, which are read before its amounts are converted")
                return {}
            with commissions_connection(self.database_conn_id) as conn:
                try:
                    counts = refresh(conn, source, request, today=database_now(conn).date())
                except FxError as error:
                    # From None: the cause's text may hold what the error's own leaves out.
                    raise (AirflowFailException(str(error)) if error.is_lasting else error) from None
        return counts.as_dict()


def fetch_request(context: Context) -> FetchRequest:
    """Return what a DAG run asks for.

    :raises AirflowFailException: when its params make no sense.
    """
    dag_run, params = context["dag_run"], context["params"]
    try:
        if dag_run.run_type == "backfill" and dag_run.data_interval_start and dag_run.data_interval_end:
            end = dag_run.data_interval_end - timedelta(microseconds=1)
            days: Days | None = Days(dag_run.data_interval_start.date(), end.date())
        else:
            days = _days(params.get("from_date"), params.get("to_date"))
    except ValueError as error:
        raise AirflowFailException(
            f"this run cannot start: {error}; correct the run's params and trigger it again"
        ) from None
    return FetchRequest(dag_run.dag_id, dag_run.run_id, context["ti"].try_number, days)


def fetch_params() -> dict[str, Param]:
    """Return the form: for whom amounts are converted, and which days are fetched."""
    return {
        "companies": Param(
            default=[],
            type="array",
            items={"type": "string"},
            title="Companies",
            description="Whose amounts are converted: one company_id per line. Empty: all active ones.",
        ),
        "from_date": _day("From", "The first day whose rates are fetched if missing. Empty: all missing ones."),
        "to_date": _day("To", "The last of those days. Empty: the same as From."),
    }


def _day(title: str, description: str) -> Param:
    return Param(default=None, type=["null", "string"], format="date", title=title, description=description)


def _days(first: str | None, last: str | None) -> Days | None:
    if not first and not last:
        return None
    if not first:
        raise ValueError("to_date needs a from_date")
    return Days(date.fromisoformat(first), date.fromisoformat(last or first))
