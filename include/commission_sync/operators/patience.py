"""For how long a run may wait for HubSpot."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from commission_sync.settings import load_settings


def waits_until(context: Context) -> datetime | None:
    """Return when a task is to leave what still waits for HubSpot to the next run; None for never.

    A DAG has one run at a time, so a run that waits for one company until midnight would keep every other company's
    next run from starting; and the next run asks for all that this one leaves. A backfill's window is asked for by no
    other run.
    """
    dag_run = context["dag_run"]
    if dag_run.run_type == "backfill":
        return None
    started = max(filter(None, (dag_run.run_after, dag_run.start_date)))
    interval = timedelta(minutes=load_settings().sync_interval_minutes)
    if dag_run.data_interval_start and dag_run.data_interval_end:
        interval = max(interval, dag_run.data_interval_end - dag_run.data_interval_start)
    return started + interval


def left_to_the_next_run(error: Exception, at: datetime) -> AirflowFailException:
    """Return what a company fails with whose work goes on only at `at`, after the next run has begun."""
    return AirflowFailException(
        f"HubSpot has nothing for this company before {at:%Y-%m-%d %H:%M} UTC, and the next run comes earlier and asks "
        f"for all that this one leaves; nothing is lost: {error}"
    )
