"""Commissions from PostgreSQL back onto the deals in HubSpot, one mapped group of tasks per company."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable, task_group

from commission_sync.alerts.callbacks import watched
from commission_sync.operators.defaults import task_defaults
from commission_sync.operators.list_companies import ListCompaniesOperator
from commission_sync.operators.params import writeback_params
from commission_sync.operators.write_back import (
    ApplyWriteBackOperator,
    ApproveWriteBackOperator,
    PlanWriteBackOperator,
    VerifyWriteBackOperator,
)
from commission_sync.settings import load_settings

DOC = """
### Commissions from `deal_commissions` onto the deals in HubSpot

Per company: **plan** (the difference, as rows), **approve** (a person, where one is needed), **apply**, **verify**. How
far it goes is the company's flag `writeback`: `off`, `dry_run` (default), `approval`, `on`. To take back what a run
wrote, give its run id as `undo_run_id`. Rows that failed or are in conflict are in the view `writeback_problems`.
"""

settings = load_settings()

with DAG(
    dag_id="commission_writeback",
    description="Commissions back onto the deals",
    doc_md=DOC,
    schedule=CronDataIntervalTimetable(settings.schedule, timezone="UTC"),
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    # A run may wait for a person for a day; the others must go on meanwhile.
    max_active_runs=64,
    tags=["hubspot", "write-back"],
    params=writeback_params(),
    # A plan that waits for a person is late once it has expired.
    **watched(settings, within=timedelta(hours=25)),
    default_args={**task_defaults(settings), "map_index_template": "{{ task.company }}"},
):

    @task_group
    def write_back(integration_id: str, company: str) -> None:
        """From the difference to what is verified, for one company."""
        who = {"integration_id": integration_id, "company": company}
        plan = PlanWriteBackOperator(task_id="plan", **who)
        approve = ApproveWriteBackOperator(task_id="approve", plan_id=plan.output, **who)
        apply = ApplyWriteBackOperator(task_id="apply", plan_id=approve.output, **who)
        apply >> VerifyWriteBackOperator(task_id="verify", trigger_rule="none_failed", **who)

    companies = ListCompaniesOperator(task_id="companies", grouped=False, map_index_template=None)
    write_back.expand_kwargs(companies.output)
