"""The operators of the `hubspot_webhooks` DAG."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import psycopg
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.observability.stats import Stats

from airflow_hubspot.client import Lane
from commission_sync.operators.database import COMMISSIONS_DB, commissions_connection
from commission_sync.operators.derivations import derivations
from commission_sync.operators.for_companies import ForCompaniesOperator
from commission_sync.operators.gate import gated_client
from commission_sync.operators.groups import Named
from commission_sync.settings import load_settings
from commission_sync.store.clock import database_now
from commission_sync.store.integrations import Integration, UnknownCompany, active_integrations
from commission_sync.webhooks.figures import figures
from commission_sync.webhooks.lanes import due_lanes
from commission_sync.webhooks.letters import REPLAYABLE, InvalidReplay, Selection, replay
from commission_sync.webhooks.retention import keep_weeks
from commission_sync.webhooks.worker import LaneWorker

# Where the API server shares the machine, answering the events that arrive comes before working off those that did:
# HubSpot waits for five seconds. As for `nice`; Airflow gives each task a process of its own.
NICENESS = 10


class ListLanesOperator(BaseOperator):
    """Returns one set of arguments per company with events that are due, to expand a `DrainLaneOperator` over.

    Before, it replays what the run's params ask for, and keeps the inbox's weeks. Lanes share no task, however many
    there are: a worker stays with its company for as long as events come, and others' would wait for that. Those beyond
    `MAPPED_TASKS_AT_MOST` are still due, and so call the next run.

    :param database_conn_id: the Airflow connection of the commissions database
    """

    def __init__(self, *, database_conn_id: str = COMMISSIONS_DB, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.database_conn_id = database_conn_id

    def execute(self, context: Context) -> list[dict[str, list[Named]]]:
        """Return `[{"companies": [{"integration_id": ..., "company": ...}]}, ...]`."""
        params = context["params"]
        companies = params.get("companies") or []
        try:
            selections = _selections(params, companies)
            with commissions_connection(self.database_conn_id) as conn:
                with conn.transaction():
                    self._check(conn, companies)
                    replayed = sum(replay(conn, s, actor=f"dag run {context['dag_run'].run_id}") for s in selections)
                if selections:
                    self.log.info("webhooks replayed events=%d", replayed)
                # A run that an event woke has to be quick.
                if context["dag_run"].run_type != "asset_triggered":
                    self._tend(conn)
                with conn.transaction():
                    found = due_lanes(conn, companies)
        except (UnknownCompany, InvalidReplay, ValueError) as error:
            raise AirflowFailException(
                f"this run cannot start: {error}; correct the run's params and trigger it again"
            ) from None
        taken = found[: load_settings().mapped_tasks_at_most]
        if later := len(found) - len(taken):
            self.log.info("webhooks lanes=%d for_the_next_run=%d", len(taken), later)
        return [
            {"companies": [{"integration_id": str(lane.integration_id), "company": lane.company}]} for lane in taken
        ]

    def _tend(self, conn: psycopg.Connection) -> None:
        keep_weeks(conn, keep=timedelta(days=load_settings().webhook_retention_days), now=database_now(conn))
        with conn.transaction():
            for company, name, value in figures(conn):
                Stats.gauge(f"commission_sync.webhooks.{name}", value, tags={"company": company})

    def _check(self, conn: psycopg.Connection, companies: Sequence[str]) -> None:
        if companies:
            active_integrations(conn, companies)


class DrainLaneOperator(ForCompaniesOperator):
    """Works off a company's events, and stays for a while for those that follow."""

    def work_for(self, company: Integration, conn: psycopg.Connection, context: Context) -> dict[str, int]:
        """Return what became of the events."""
        settings, dag_run = load_settings(), context["dag_run"]
        os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
        with gated_client(company, Lane.WEBHOOK, self.database_conn_id) as client:
            worker = LaneWorker(
                company,
                client,
                conn,
                most_retries=settings.max_sync_retries,
                quiet_seconds=settings.webhook_quiet_seconds,
                derive=partial(derivations, company=company, settings=settings),
            )
            done = worker.run(dag_id=dag_run.dag_id, run_id=dag_run.run_id, try_number=context["ti"].try_number)
        return done.as_dict()


def _selections(params: Any, companies: Sequence[str]) -> list[Selection]:
    ids, states = params.get("replay_ids") or None, tuple(params.get("replay") or ())
    if not ids and not states:
        return []
    start, end = (params.get(name) for name in ("replay_from", "replay_to"))
    return [
        Selection(
            ids=ids,
            company=company,
            subscription_types=params.get("replay_types") or None,
            received_from=datetime.fromisoformat(start) if start else None,
            received_to=datetime.fromisoformat(end) if end else None,
            states=states or REPLAYABLE,
        )
        for company in companies or (None,)
    ]
