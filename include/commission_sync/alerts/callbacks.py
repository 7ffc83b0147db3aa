"""What Airflow calls when a DAG run is over or late, and the one line that a DAG file needs for it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any

from airflow.sdk import BaseHook, Variable
from airflow.sdk.configuration import conf
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from asgiref.sync import sync_to_async

from commission_sync.alerts.mail import Links
from commission_sync.alerts.review import Review
from commission_sync.alerts.smtp import send
from commission_sync.settings import Settings, load_settings
from commission_sync.store import DatabaseUnavailable

COMMISSIONS_DB = "commissions_db"
# Incidents are kept in the database; this one says that there is none to keep them in.
DATABASE_IS_DOWN = "commission_sync_database_down_since"

_log = logging.getLogger(__name__)


def watched(settings: Settings, *, within: timedelta | None = None) -> dict[str, Any]:
    """Return what makes a DAG watched: `DAG(..., **watched(settings))`.

    Its runs are reviewed when they are over, and when one is not over `within` its time, `FRESHNESS_SLA_MINUTES` unless
    said, after it was queued.
    """
    deadline = DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=within or settings.freshness_sla,
        callback=AsyncCallback(run_is_late),
        name="freshness",
    )
    return {
        "on_failure_callback": run_failed,
        "on_success_callback": run_succeeded,
        "deadline": None if _is_dags_test() else deadline,
    }


def _is_dags_test() -> bool:
    # Airflow 3.3.2 takes the alerts themselves for their ids when `airflow dags test` ends a run, and fails.
    return sys.argv[1:3] == ["dags", "test"]


def run_failed(context: Mapping[str, Any]) -> None:
    """Review a DAG run that has failed; Airflow's DAG processor calls this."""
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    _review(lambda r: r.of_ended_run(dag_id, run_id, succeeded=False, reason=context.get("reason")))


def run_succeeded(context: Mapping[str, Any]) -> None:
    """Review a DAG run that has succeeded; Airflow's DAG processor calls this."""
    _review(partial(Review.of_ended_run, dag_id=context["dag"].dag_id, run_id=context["run_id"], succeeded=True))


async def run_is_late(context: Mapping[str, Any]) -> None:
    """Review a DAG run that has missed its deadline; Airflow's triggerer calls this."""
    run = context["dag_run"]
    # Airflow keeps the deadline of a run that failed before it.
    if run["state"] in {"success", "failed"}:
        return
    look = partial(Review.of_late_run, dag_id=run["dag_id"], run_id=run["dag_run_id"])
    await sync_to_async(_review)(look)


def _review(look: Callable[[Review], int]) -> None:
    settings = load_settings()
    links = Links(conf.get("api", "base_url", fallback="http://localhost:8080"), settings.runbook_url)
    dsn = BaseHook.get_connection(COMMISSIONS_DB).get_uri()
    try:
        look(Review(dsn, settings, links, send))
    except DatabaseUnavailable as error:
        _tell_of_database(settings, str(error))
    else:
        if Variable.get(DATABASE_IS_DOWN, default=""):
            Variable.set(DATABASE_IS_DOWN, "")
            _send(settings, "the commissions database works again", "Runs go on by themselves.")


def _tell_of_database(settings: Settings, error: str) -> None:
    since = Variable.get(DATABASE_IS_DOWN, default="")
    if since and (datetime.now(UTC) - datetime.fromisoformat(since)).days < 1:
        _log.error("the commissions database is still down; people were told at %s", since)
        return
    Variable.set(DATABASE_IS_DOWN, datetime.now(UTC).isoformat())
    _send(
        settings,
        "the commissions database does not answer",
        f"{error}.\n\nNo company is synced until it does; nothing is lost, and runs go on by themselves afterwards.",
    )


def _send(settings: Settings, heading: str, text: str) -> None:
    if settings.alert_recipients:
        message = EmailMessage()
        message["Subject"] = f"[commission sync] {heading}"
        message["To"] = ", ".join(settings.alert_recipients)
        message.set_content(text)
        send(message)
