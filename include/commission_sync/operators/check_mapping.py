"""The operator that holds companies' mappings to their portals."""

from __future__ import annotations

import psycopg
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_hubspot.client import Lane
from commission_sync.operators.for_companies import ForCompaniesOperator
from commission_sync.operators.gate import gated_client
from commission_sync.store.integrations import Integration
from commission_sync.streams.mapping_check import check_mapping


class CheckMappingOperator(ForCompaniesOperator):
    """Compares a mapping with the portal's properties, reads what deals never got, and finishes recomputations.

    It fails for a company whose mapping is broken: `mapping_breaches` says where. Syncs go on for all other fields.
    """

    def work_for(
        self,
        company: Integration,
        conn: psycopg.Connection,
        context: Context,  # noqa: ARG002 - the base class gives it
    ) -> list[str]:
        """Return the warnings."""
        with gated_client(company, Lane.BACKFILL, self.database_conn_id) as client:
            issues = check_mapping(client, conn, company)
        if errors := [str(issue) for issue in issues if issue.is_error]:
            raise AirflowFailException(
                f"the mapping of {company.company_id} is broken in {len(errors)} places: {'; '.join(errors)}. "
                "The fields named stay empty or old, all others are filled; correct the mapping or the property "
                "(docs/mapping.md), then clear this task"
            )
        return [str(issue) for issue in issues]
