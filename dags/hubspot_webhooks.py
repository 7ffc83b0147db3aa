"""HubSpot's webhooks from the inbox into the tables, one mapped task per company."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable

from airflow_hubspot.retry import HubSpotRetryPolicy
from commission_sync.alerts.callbacks import watched
from commission_sync.operators.inbox_trigger import InboxTrigger
from commission_sync.operators.lanes import DrainLaneOperator, ListLanesOperator
from commission_sync.operators.params import lane_params
from commission_sync.settings import load_settings

DOC = """
### Events that HubSpot sent, worked off

The receiver `POST /hubspot/webhooks` keeps events in `webhook_events`. This DAG runs when some of them are due, and on
a timer. Every company with due events gets a task of its own, which reads the records that they speak of afresh, and
stays for a short while for those that follow.

* **Failures** are tried again with growing delays, then they are dead letters: `webhook_dead_letters` shows them.
* **Replay** by this form: choose states, ids, types or a time window, and trigger. Running anything twice is safe.
* **Pause** a company's lane and its events are still accepted (docs/webhooks.md).
"""

settings = load_settings()
inbox = Asset("hubspot_webhook_inbox", watchers=[AssetWatcher(name="inbox", trigger=InboxTrigger())])

with DAG(
    dag_id="hubspot_webhooks",
    description="Records that HubSpot's webhooks speak of, read afresh within seconds",
    doc_md=DOC,
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable(f"*/{settings.webhook_timer_minutes} * * * *", timezone="UTC"), assets=[inbox]
    ),
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    # A run stays with its companies; those that come meanwhile get another one.
    max_active_runs=16,
    tags=["hubspot", "webhooks"],
    params=lane_params(),
    **watched(settings),
    default_args={
        "owner": "commission-sync",
        # Events have retries of their own; a task's is for a database or a machine that went away.
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "retry_policy": HubSpotRetryPolicy(),
    },
):
    lanes = ListLanesOperator(task_id="lanes")
    DrainLaneOperator.partial(task_id="drain", map_index_template="{{ task.who }}").expand_kwargs(lanes.output)
