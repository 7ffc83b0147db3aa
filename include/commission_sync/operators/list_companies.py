"""The operator that finds out for whom a DAG run works."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from commission_sync.operators.database import COMMISSIONS_DB, commissions_connection
from commission_sync.store.integrations import UnknownCompany, active_integrations


class ListCompaniesOperator(BaseOperator):
    """Returns one set of arguments per active integration, to expand a `SyncStreamOperator` over.

    The DAG run's param `companies` narrows it down; an unknown company fails the run before anything is read.

    :param database_conn_id: the Airflow connection of the commissions database
    :param feature: only companies that have not switched it off in `crm_integrations.feature_flags`
    """

    def __init__(self, *, database_conn_id: str = COMMISSIONS_DB, feature: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.database_conn_id = database_conn_id
        self.feature = feature

    def execute(self, context: Context) -> list[dict[str, str]]:
        """Return `[{"integration_id": ..., "company": ...}, ...]`."""
        wanted = context["params"].get("companies") or []
        with commissions_connection(self.database_conn_id) as conn:
            try:
                found = active_integrations(conn, wanted)
            except UnknownCompany as error:
                raise AirflowFailException(str(error)) from None
        if not found:
            self.log.warning(
                "no company to sync: crm_integrations has no active row; "
                "add one with company_id, portal_id and conn_id (docs/connection.md)"
            )
        on = [i for i in found if i.has_feature(self.feature)]
        if off := [i.company_id for i in found if i not in on]:
            self.log.info("left out, as feature_flags.%s is false: %s", self.feature, ", ".join(off))
        return [{"integration_id": str(i.id), "company": i.company_id} for i in on]
