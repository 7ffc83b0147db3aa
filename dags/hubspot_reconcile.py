"""The nightly correction of what HubSpot's search never shows, one mapped task per company."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable

from airflow_hubspot.retry import HubSpotRetryPolicy
from commission_sync.operators.assets import outlets
from commission_sync.operators.list_companies import ListCompaniesOperator
from commission_sync.operators.params import sync_params
from commission_sync.operators.reconcile import ReconcileOperator, reconcile_params
from commission_sync.settings import load_settings
from commission_sync.streams.activities import ACTIVITIES
from commission_sync.streams.deals import DEALS
from commission_sync.streams.line_items import LINE_ITEMS

DOC = """
### What search never shows: archived, restored, merged, purged, relinked and silently changed records

Compares HubSpot's primary store with the tables, corrects what differs, and says why in `audit_log`.

* Nothing is archived or detached on an error or an empty answer. When more of a company's rows would be archived at
  once than `RECONCILE_MAX_ARCHIVED_PERCENT` allows, the task fails before it marks any.
* Mode `full` compares every record value by value, however many there are, and reads the history of every deal.
* Run it by hand for one company with `companies`; HubSpot's figures beside ours are in `reconcile_checks`.
"""

settings = load_settings()
STREAMS = (DEALS, LINE_ITEMS, *ACTIVITIES)

with DAG(
    dag_id="hubspot_reconcile",
    description="Nightly reconciliation of the tables with HubSpot",
    doc_md=DOC,
    schedule=CronDataIntervalTimetable(settings.reconcile_schedule, timezone="UTC"),
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["hubspot", "sync"],
    params={**sync_params(), **reconcile_params()},
    default_args={
        "owner": "commission-sync",
        "retries": settings.max_sync_retries,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=15),
        "retry_policy": HubSpotRetryPolicy(),
    },
):
    companies = ListCompaniesOperator(task_id="companies")
    ReconcileOperator.partial(
        task_id="reconcile", streams=STREAMS, outlets=outlets(*STREAMS), map_index_template="{{ task.company }}"
    ).expand_kwargs(companies.output)
