"""Line items from HubSpot into PostgreSQL, company by company."""

from datetime import UTC, datetime

from airflow.sdk import DAG, CronDataIntervalTimetable

from commission_sync.alerts.callbacks import watched
from commission_sync.operators.assets import outlets
from commission_sync.operators.defaults import task_defaults
from commission_sync.operators.list_companies import ListCompaniesOperator
from commission_sync.operators.params import sync_params
from commission_sync.operators.sync_stream import SyncStreamOperator
from commission_sync.settings import load_settings
from commission_sync.streams.line_items import LINE_ITEMS

DOC = """
### Line items from HubSpot into the table `deal_line_items`

Runs as `hubspot_deals` does: incremental from a cursor, backfill by data interval, full on request.

* The deals of changed line items, and the line items of changed deals, are read a thousand at a time and stored as they
  are then: attached and detached both ways. A line item whose deal is not there yet waits and is joined when it comes.
* `feature_flags.line_items = false` on a company's row in `crm_integrations` leaves the company out.

What can be late, and by how long, is in `docs/streams.md`.
"""

settings = load_settings()

with DAG(
    dag_id="hubspot_line_items",
    description="Incremental sync of HubSpot line items with their deals",
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
    companies = ListCompaniesOperator(task_id="companies", feature=LINE_ITEMS.feature)
    SyncStreamOperator.partial(
        task_id="sync", stream=LINE_ITEMS, outlets=outlets(LINE_ITEMS), map_index_template="{{ task.who }}"
    ).expand_kwargs(companies.output)
