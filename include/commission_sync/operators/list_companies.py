"""The operator that finds out for whom a DAG run works."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from commission_sync.flags.read import all_with_flags
from commission_sync.operators.database import COMMISSIONS_DB, commissions_connection
from commission_sync.operators.groups import Named, in_groups
from commission_sync.settings import load_settings
from commission_sync.store.incidents import in_trouble
from commission_sync.store.integrations import UnknownCompany, active_integrations


class ListCompaniesOperator(BaseOperator):
    """Returns the active integrations as sets of arguments, to expand a `ForCompaniesOperator` over.

    Up to `MAPPED_TASKS_AT_MOST` companies get a set each; more share them evenly, and those for which this DAG did not
    work lately share none with others. The DAG run's param `companies` narrows it down; an unknown company fails the
    run before anything is read.

    :param database_conn_id: the Airflow connection of the commissions database
    :param feature: only companies that have this capability, as their flags decide
    :param grouped: False: a set for each company however many there are, as `{"integration_id": ..., "company": ...}`
    """

    def __init__(
        self,
        *,
        database_conn_id: str = COMMISSIONS_DB,
        feature: str | None = None,
        grouped: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.grouped = grouped
        self.database_conn_id = database_conn_id
        self.feature = feature

    def execute(self, context: Context) -> list[Named] | list[dict[str, list[Named]]]:
        """Return `[{"companies": [{"integration_id": ..., "company": ...}, ...]}, ...]`."""
        wanted = context["params"].get("companies") or []
        with commissions_connection(self.database_conn_id) as conn:
            try:
                found = all_with_flags(conn, active_integrations(conn, wanted))
            except UnknownCompany as error:
                raise AirflowFailException(str(error)) from None
            troubled = in_trouble(conn, context["dag_run"].dag_id) if self.grouped else set()
        if not found:
            self.log.warning(
                "no company to sync: crm_integrations has no active row; "
                "add one with company_id, portal_id and conn_id (docs/connection.md)"
            )
        on = [i for i in found if i.has_feature(self.feature)]
        if off := [i.company_id for i in found if i not in on]:
            self.log.info("left out, as feature_flags.%s is false: %s", self.feature, ", ".join(off))
        named: list[Named] = [{"integration_id": str(i.id), "company": i.company_id} for i in on]
        if not self.grouped:
            return named
        groups = in_groups(named, load_settings().mapped_tasks_at_most, apart={str(each) for each in troubled})
        return [{"companies": group} for group in groups]
