"""Links from a task to HubSpot's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class HubSpotRecordsLink(BaseOperatorLink):
    """Leads to the list of the records that a task read or wrote."""

    name = "HubSpot records"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's signature
        """Return the page's address; Airflow asks once, when the task has ended, and keeps the answer."""
        return getattr(operator, "records_url", "")
