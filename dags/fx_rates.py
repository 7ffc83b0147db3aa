"""Exchange rates, once a day, and what deals are worth with them."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable

from airflow_hubspot.retry import HubSpotRetryPolicy
from commission_sync.alerts.callbacks import watched
from commission_sync.operators.convert_amounts import ConvertAmountsOperator
from commission_sync.operators.fetch_rates import FetchRatesOperator, fetch_params
from commission_sync.operators.list_companies import ListCompaniesOperator
from commission_sync.settings import load_settings

DOC = """
### Exchange rates into `fx_rates`, and every amount in its company's own currency

`fetch` asks the source (`EXCHANGE_RATE_SOURCE`) for the days that are missing; `convert` then converts, for each
company, the deals that waited for a rate and those that a new rate dates better.

* **Scheduled and manual runs** fetch whatever is missing up to today, so a day that an outage took comes by itself.
* **Backfill runs** (`airflow backfill create`) fetch the day of their data interval, if it is missing.
* Rates are added and never changed; a deal whose commission is approved keeps its rate. Running twice is safe.

What a fetch did is in `fx_fetches`, figures that are no rate in `fx_rate_rejects`, deals without a rate in
`deals_waiting_for_rate`.
"""

settings = load_settings()

with DAG(
    dag_id="fx_rates",
    description="Daily exchange rates and the conversion of amounts",
    doc_md=DOC,
    # An interval is a day in UTC; its run starts when the day is over, and by then every source has its rates.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(1999, 1, 4, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["fx"],
    params=fetch_params(),
    **watched(settings),
    default_args={
        "owner": "commission-sync",
        "retries": settings.max_sync_retries,
        "retry_delay": timedelta(minutes=5),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(hours=1),
        "retry_policy": HubSpotRetryPolicy(),
    },
):
    fetch = FetchRatesOperator(task_id="fetch")
    companies = ListCompaniesOperator(task_id="companies")
    convert = ConvertAmountsOperator.partial(task_id="convert", map_index_template="{{ task.who }}").expand_kwargs(
        companies.output
    )
    fetch >> convert
