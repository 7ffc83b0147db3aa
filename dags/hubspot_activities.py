"""E-mails, notes, calls, meetings and tasks from HubSpot into PostgreSQL, company by company."""

from datetime import UTC, datetime

from airflow.sdk import DAG, CronDataIntervalTimetable

from commission_sync.alerts.callbacks import watched
from commission_sync.operators.assets import outlets
from commission_sync.operators.defaults import task_defaults
from commission_sync.operators.list_companies import ListCompaniesOperator
from commission_sync.operators.params import sync_params
from commission_sync.operators.sync_stream import SyncStreamsOperator
from commission_sync.settings import load_settings
from commission_sync.streams.activities import ACTIVITIES

DOC = """
### Activities from HubSpot into the table `deal_activities`

Runs as `hubspot_deals` does, for the five types one after the other; one that fails leaves the others alone.

* An activity on several deals is several rows, one on none is a row without a deal; `content` is all of it, HTML kept.
* E-mail bodies are there only where the token has the scope `sales-email-read`; the log says so where it has not.
* `feature_flags.activities = false` on a company's row in `crm_integrations` leaves the company out.

What can be late, and by how long, is in `docs/streams.md`.
"""

settings = load_settings()

with DAG(
    dag_id="hubspot_activities",
    description="Incremental sync of HubSpot activities with their deals",
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
    companies = ListCompaniesOperator(task_id="companies", feature="activities")
    SyncStreamsOperator.partial(
        task_id="sync", streams=ACTIVITIES, outlets=outlets(*ACTIVITIES), map_index_template="{{ task.who }}"
    ).expand_kwargs(companies.output)
