"""The operator of the nightly reconciliation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import psycopg
from airflow.sdk import Context, Param
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.types import DagRunProtocol

from airflow_hubspot.client import HubSpotClient
from commission_sync.operators.company import CompanyOperator, requested
from commission_sync.operators.derivations import derivations
from commission_sync.settings import load_settings
from commission_sync.store.integrations import Integration
from commission_sync.store.runs import RunCounts
from commission_sync.streams.company import Reconciliation
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.stream import Stream


class ReconcileOperator(CompanyOperator):
    """Corrects what search never shows, stream by stream.

    :param streams: what to reconcile, deals first
    """

    def __init__(self, *, streams: Sequence[Stream], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.streams = tuple(streams)

    def request(self, context: Context) -> SyncRequest:
        """Return what the DAG run asks for; a reconciliation compares the present, so it has no window.

        The scheduled run of one night a week compares every record.
        """
        dag_run = context["dag_run"]
        mode = Mode(context["params"]["mode"])
        if dag_run.run_type == "scheduled" and _is_full_night(dag_run, load_settings().reconcile_full_weekday):
            mode = Mode.FULL
        if mode is Mode.WINDOW or dag_run.run_type == "backfill":
            raise AirflowFailException(
                "a reconciliation compares what is there now and has no window; use mode incremental, or full to "
                "compare every record value by value"
            )
        return requested(context, mode)

    def work(
        self,
        request: SyncRequest,
        company: Integration,
        client: HubSpotClient,
        conn: psycopg.Connection,
        context: Context,
    ) -> RunCounts:
        """Reconcile the company's streams, and read the history of the deals that the run asks for."""
        params = context["params"]
        percent = params["max_archived_percent"]
        settings = load_settings()
        follow = partial(derivations, company=company, settings=settings)
        history_of = tuple(params["history_of"])
        work = Reconciliation(self.streams, company, client, conn, settings, percent, history_of, follow)
        return work.run(request)

    def fresh_streams(self) -> tuple[Stream, ...]:
        """Return the streams."""
        return self.streams


def _is_full_night(dag_run: DagRunProtocol, weekday: int) -> bool:
    return dag_run.data_interval_end is not None and dag_run.data_interval_end.weekday() == weekday


def reconcile_params() -> dict[str, Param]:
    """Return what the form of a reconciliation has beyond that of a sync."""
    return {
        "max_archived_percent": Param(
            default=None,
            type=["null", "number"],
            minimum=0,
            maximum=100,
            title="Most archived, in per cent",
            description="How much of a company's stream may be marked as archived at once. Empty: the setting "
            "RECONCILE_MAX_ARCHIVED_PERCENT. Raise it for one run after you have looked into HubSpot.",
        ),
        "history_of": Param(
            default=[],
            type="array",
            items={"type": "string"},
            title="History of deals",
            description="HubSpot ids of deals whose property history is read in this run, one per line.",
        ),
    }
