"""The operators of the write-back: plan, ask a person where one is needed, apply, verify."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from airflow.providers.standard.exceptions import HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airflow_hubspot.client import HubSpotClient, Lane
from commission_sync.flags.read import with_flags
from commission_sync.operators.database import COMMISSIONS_DB, commissions_connection
from commission_sync.operators.gate import gated_client
from commission_sync.store.integrations import Integration, integration
from commission_sync.store.plans import approve_plan, close_plan, plan_of
from commission_sync.writeback.applying import TooManyFailed
from commission_sync.writeback.company import InvalidWritebackSetting
from commission_sync.writeback.planning import NothingToUndo, PlanRequest
from commission_sync.writeback.runs import apply_plan, plan_company, verify_company
from commission_sync.writeback.summary import subject, summarise


class _CompanyOperator(BaseOperator):
    """What the steps of one company's write-back have in common.

    :param integration_id: for whom
    :param company: the integration's company, which names the mapped task instance
    :param database_conn_id: the Airflow connection of the commissions database
    """

    template_fields: Sequence[str] = ("integration_id", "company")

    def __init__(
        self, *, integration_id: str, company: str, database_conn_id: str = COMMISSIONS_DB, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.integration_id = integration_id
        self.company = company
        self.database_conn_id = database_conn_id

    def _company(self, conn: psycopg.Connection) -> Integration:
        with conn.transaction():
            return with_flags(conn, integration(conn, UUID(self.integration_id)))

    def _client(self, company: Integration) -> AbstractContextManager[HubSpotClient]:
        return gated_client(company, Lane.WRITEBACK, self.database_conn_id)


class PlanWriteBackOperator(_CompanyOperator):
    """Plans what to write for one company, or with the param `undo_run_id` what to take back.

    Returns the plan's id; None when nothing is to be applied: the write-back is off, a dry run, or has nothing to do.
    """

    def execute(self, context: Context) -> str | None:
        """Return the id of the plan to apply."""
        dag_run = context["dag_run"]
        request = PlanRequest(dag_run.dag_id, dag_run.run_id, context["params"].get("undo_run_id") or None)
        with commissions_connection(self.database_conn_id) as conn:
            try:
                plan = plan_company(conn, self._company(conn), request)
            except (InvalidWritebackSetting, NothingToUndo) as error:
                raise AirflowFailException(str(error)) from None
        return None if plan is None else str(plan.id)


class ApproveWriteBackOperator(ApprovalOperator):
    """Asks a person whether to apply a plan that needs one's agreement; any other passes at once.

    The question shows totals, expiry and the weightiest rows with links into HubSpot. It can be answered in Airflow's
    pages or by its API until the plan expires.

    :param plan_id: what `PlanWriteBackOperator` returned
    :param integration_id: for whom
    :param company: the integration's company, which names the mapped task instance
    :param database_conn_id: the Airflow connection of the commissions database
    """

    template_fields: Sequence[str] = ("subject", "body", "plan_id", "integration_id", "company")

    def __init__(
        self,
        *,
        plan_id: Any,
        integration_id: str,
        company: str,
        database_conn_id: str = COMMISSIONS_DB,
        **kwargs: Any,
    ) -> None:
        super().__init__(subject="Write commissions to HubSpot?", **kwargs)
        self.plan_id = plan_id
        self.integration_id = integration_id
        self.company = company
        self.database_conn_id = database_conn_id

    def execute(self, context: Context) -> Any:
        """Return the plan's id, or wait for an answer."""
        if not self.plan_id:
            raise AirflowSkipException("there is no plan to apply; the task `plan` says why")
        with commissions_connection(self.database_conn_id) as conn:
            with conn.transaction():
                company = integration(conn, UUID(self.integration_id))
                plan = plan_of(conn, UUID(self.plan_id))
            if plan.state != "awaiting_approval":
                return str(self.plan_id)
            self.subject, self.body = subject(company, plan), summarise(conn, company, plan)
        self.response_timeout = max(timedelta(seconds=1), plan.expires_at - datetime.now(UTC))
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Take the answer: return the plan's id, or skip what follows."""
        try:
            # Not the ApprovalOperator's own, which skips by task and not by company.
            answer = HITLOperator.execute_complete(self, context=context, event=event)
        except HITLTimeoutError:
            self._close("expired", "nobody answered before the plan expired")
            raise AirflowSkipException("nobody answered before the plan expired, so it is not applied") from None
        who = (answer["responded_by_user"] or {}).get("name") or "somebody"
        if answer["chosen_options"] != [self.APPROVE]:
            self._close("rejected", f"{who} rejected the plan", who)
            raise AirflowSkipException(f"{who} rejected the plan, so HubSpot stays as it is")
        with commissions_connection(self.database_conn_id) as conn, conn.transaction():
            if not approve_plan(conn, UUID(self.plan_id), who):
                raise AirflowSkipException("the plan had expired or was replaced before it was approved")
        self.log.info("write-back approved company=%s plan=%s by=%s", self.company, self.plan_id, who)
        return str(self.plan_id)

    def _close(self, state: str, why: str, who: str | None = None) -> None:
        with commissions_connection(self.database_conn_id) as conn, conn.transaction():
            close_plan(conn, UUID(self.plan_id), state, why, who)


class ApplyWriteBackOperator(_CompanyOperator):
    """Applies a plan to HubSpot; returns how many rows are in which state.

    :param plan_id: what `ApproveWriteBackOperator` returned
    """

    template_fields: Sequence[str] = ("integration_id", "company", "plan_id")

    def __init__(self, *, plan_id: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_id = plan_id

    def execute(self, context: Context) -> dict[str, int]:  # noqa: ARG002 - Airflow's signature
        """Return the rows by state."""
        with commissions_connection(self.database_conn_id) as conn:
            company = self._company(conn)
            with self._client(company) as client:
                try:
                    return apply_plan(conn, company, client, UUID(self.plan_id))
                except TooManyFailed as error:
                    raise AirflowFailException(str(error)) from None


class VerifyWriteBackOperator(_CompanyOperator):
    """Reads again what earlier runs wrote and no sync has shown since, and what no answer told of.

    The param `verify_now` reads everything that was not read again yet.
    """

    def execute(self, context: Context) -> dict[str, int]:
        """Return how many rows were read, and how many of them differ from what was written."""
        with commissions_connection(self.database_conn_id) as conn:
            company = self._company(conn)
            with self._client(company) as client:
                return verify_company(conn, company, client, at_once=bool(context["params"].get("verify_now")))
