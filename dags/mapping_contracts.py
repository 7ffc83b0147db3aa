"""Holds each company's mapping to its HubSpot portal, every night."""

from datetime import UTC, datetime

from airflow.sdk import DAG

from commission_sync.alerts.callbacks import watched
from commission_sync.operators.check_mapping import CheckMappingOperator
from commission_sync.operators.defaults import task_defaults
from commission_sync.operators.list_companies import ListCompaniesOperator
from commission_sync.operators.params import companies_param
from commission_sync.settings import load_settings

DOC = """
### Does every mapping still fit its portal?

A property that was archived, renamed or given another type in HubSpot is reported here before a deal needs it: in the
task's error, in the log, and in `mapping_breaches`. Syncs go on for all other fields meanwhile.

It also reads, for the deals that never got them, properties that a mapping has come to need, and finishes a
recomputation that was interrupted. Run it by hand after a repair, to have it confirmed at once.
"""

settings = load_settings()

with DAG(
    dag_id="mapping_contracts",
    description="Nightly check of property mappings against HubSpot",
    doc_md=DOC,
    schedule="15 3 * * *",
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["hubspot", "mapping"],
    params={"companies": companies_param()},
    **watched(settings),
    default_args=task_defaults(settings),
):
    companies = ListCompaniesOperator(task_id="companies")
    CheckMappingOperator.partial(task_id="check", map_index_template="{{ task.who }}").expand_kwargs(companies.output)
