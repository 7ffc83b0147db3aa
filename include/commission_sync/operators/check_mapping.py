"""The operator that holds one company's mapping to its portal."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_hubspot.client import Lane
from commission_sync.operators.database import COMMISSIONS_DB, commissions_connection
from commission_sync.operators.gate import gated_client
from commission_sync.store.integrations import integration
from commission_sync.streams.mapping_check import check_mapping


class CheckMappingOperator(BaseOperator):
    """Compares a mapping with the portal's properties, reads what deals never got, and finishes recomputations.

    It fails for a company whose mapping is broken: `mapping_breaches` says where. Syncs go on for all other fields.

    :param integration_id: for whom; the integration's row names the HubSpot connection
    :param company: the integration's company, which names the mapped task instance
    :param database_conn_id: the Airflow connection of the commissions database
    """

    template_fields = ("integration_id", "company")

    def __init__(
        self, *, integration_id: str, company: str, database_conn_id: str = COMMISSIONS_DB, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.integration_id = integration_id
        self.company = company
        self.database_conn_id = database_conn_id

    def execute(self, context: Context) -> list[str]:  # noqa: ARG002 - the base class gives it
        """Return the warnings."""
        with commissions_connection(self.database_conn_id) as conn:
            with conn.transaction():
                company = integration(conn, UUID(self.integration_id))
            with gated_client(company, Lane.BACKFILL, self.database_conn_id) as client:
                issues = check_mapping(client, conn, company)
        if errors := [str(issue) for issue in issues if issue.is_error]:
            raise AirflowFailException(
                f"the mapping of {company.company_id} is broken in {len(errors)} places: {'; '.join(errors)}. "
                "The fields named stay empty or old, all others are filled; correct the mapping or the property "
                "(docs/mapping.md), then clear this task"
            )
        return [str(issue) for issue in issues]
