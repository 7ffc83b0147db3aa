"""Deals from HubSpot into PostgreSQL, company by company."""

from datetime import UTC, datetime

from airflow.sdk import DAG, CronDataIntervalTimetable

from commission_sync.alerts.callbacks import watched
from commission_sync.operators.assets import outlets
from commission_sync.operators.defaults import task_defaults
from commission_sync.operators.list_companies import ListCompaniesOperator
from commission_sync.operators.params import sync_params
from commission_sync.operators.sync_stream import SyncStreamOperator
from commission_sync.settings import load_settings
from commission_sync.streams.deals import DEALS

DOC = """
### Deals from HubSpot into the table `deals`

Every company with an active row in `crm_integrations` gets a task of its own, or shares one where there are more than
`MAPPED_TASKS_AT_MOST`; one that fails leaves the others alone.

* **Scheduled and manual runs** read what was modified since the company's cursor, less a lookback, and move the cursor.
* **Backfill runs** (`airflow backfill create`) read exactly their data interval by modified time; the cursor stays.
* Running anything twice is safe: unchanged rows are not written, and an older version never replaces a newer one.

What a run did is in `sync_runs`, rows that could not be read in `sync_rejects`, every change in `audit_log`.
"""

settings = load_settings()

with DAG(
    dag_id="hubspot_deals",
    description="Incremental sync of HubSpot deals",
    doc_md=DOC,
    schedule=CronDataIntervalTimetable(settings.schedule, timezone="UTC"),
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["hubspot", "sync"],
    params=sync_params(),
    **watched(settings),
    default_args=task_defaults(settings),
):
    companies = ListCompaniesOperator(task_id="companies")
    SyncStreamOperator.partial(
        task_id="sync", stream=DEALS, outlets=outlets(DEALS), map_index_template="{{ task.who }}"
    ).expand_kwargs(companies.output)
