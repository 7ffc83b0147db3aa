"""What a task of the write-back does, in a process of its own that can be killed and frozen."""

import logging
import sys
from contextlib import closing
from datetime import datetime, timedelta
from uuid import UUID

from writeback_chaos import impatient  # noqa: F401 - before anything that waits

from airflow_hubspot.client import HubSpotClient, HubSpotError, InMemoryLimiter  # isort: skip
from commission_sync.flags.read import with_flags
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.writeback.applying import PlanNotOpen, TooManyFailed
from commission_sync.writeback.planning import BusyPlan, NothingToUndo, PlanRequest
from commission_sync.writeback.runs import apply_plan, plan_company, verify_company
from writeback_chaos.job import DAG_ID, Ending, Job

_EXPECTED = (HubSpotError, BusyPlan, NothingToUndo, PlanNotOpen, TooManyFailed)


def perform(job: Job) -> Ending:
    """Do a job as Airflow's tasks would, and return how it ended."""
    logging.disable(logging.CRITICAL)
    if job.skew_seconds:
        _skew(job.skew_seconds)
    limiter = InMemoryLimiter(burst_limit=100_000, search_limit=100_000)
    with (
        closing(connect(job.dsn)) as conn,
        HubSpotClient(
            token=job.token, base_url=job.url, limiter=limiter, timeout_seconds=job.timeout_seconds
        ) as client,
    ):
        try:
            return _done(job, conn, client)
        except _EXPECTED as error:
            return Ending("failed", f"{type(error).__name__}: {error}")
        except Exception as error:
            return Ending("crashed", f"{type(error).__name__}: {error}")


def _done(job: Job, conn, client) -> Ending:
    with conn.transaction():
        company = with_flags(conn, integration(conn, UUID(job.integration_id)))
    if job.what == "verify":
        return Ending("verified", str(verify_company(conn, company, client, at_once=job.at_once)))
    plan_id = UUID(job.plan_id) if job.plan_id else None
    if plan_id is None:
        plan = plan_company(conn, company, PlanRequest(DAG_ID, job.run_id, job.undo_run_id))
        if plan is None:
            return Ending("idle", "")
        if plan.state == "awaiting_approval":
            return Ending("waits", plan.approval_reason or "", str(plan.id))
        plan_id = plan.id
    return Ending("applied", str(apply_plan(conn, company, client, plan_id)), str(plan_id))


def _skew(seconds: float) -> None:
    """Give this process a clock that is wrong."""
    away = timedelta(seconds=seconds)

    class Skewed(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + away

    for name, module in list(sys.modules.items()):
        if name.startswith(("commission_sync.", "airflow_hubspot.")) and getattr(module, "datetime", None) is datetime:
            module.datetime = Skewed
