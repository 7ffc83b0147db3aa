"""The nightly correction of what HubSpot's search never shows, company by company."""

from datetime import UTC, datetime

from airflow.sdk import DAG, CronDataIntervalTimetable, task_group

from commission_sync.alerts.callbacks import watched
from commission_sync.operators.assets import outlets
from commission_sync.operators.defaults import task_defaults
from commission_sync.operators.list_companies import ListCompaniesOperator
from commission_sync.operators.params import sync_params
from commission_sync.operators.reconcile import ReconcileOperator, reconcile_params
from commission_sync.operators.score_quality import ScoreQualityOperator
from commission_sync.settings import load_settings
from commission_sync.streams.standard import STREAMS

DOC = """
### What search never shows: archived, restored, merged, purged, relinked and silently changed records

Compares HubSpot's primary store with the tables, corrects what differs, and says why in `audit_log`.

* Nothing is archived or detached on an error or an empty answer. When more of a company's rows would be archived at
  once than `RECONCILE_MAX_ARCHIVED_PERCENT` allows, the task fails before it marks any.
* Afterwards each company's data are scored, even if that failed: `data_quality_scores`, `data_quality_findings`.
* Mode `full` compares every record value by value, however many there are, and reads the history of every deal.
* Run it by hand for one company with `companies`; HubSpot's figures beside ours are in `reconcile_checks`.
"""

settings = load_settings()

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
    **watched(settings),
    default_args=task_defaults(settings),
):
    companies = ListCompaniesOperator(task_id="companies")

    @task_group(prefix_group_id=False)
    def share(companies):
        """Reconcile companies, then score them."""
        named = {"companies": companies, "map_index_template": "{{ task.who }}"}
        reconcile = ReconcileOperator(task_id="reconcile", streams=STREAMS, outlets=outlets(*STREAMS), **named)
        # A teardown runs even when the reconciliation fails, and leaves the run's outcome to that.
        reconcile >> ScoreQualityOperator(task_id="score", streams=STREAMS, **named).as_teardown()

    share.expand_kwargs(companies.output)
