"""What all operators that work company by company share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import TaskDeferred

from airflow_hubspot.client import postponement
from commission_sync.flags.read import with_flags
from commission_sync.operators.assets import tell_again, told
from commission_sync.operators.database import COMMISSIONS_DB, commissions_connection
from commission_sync.operators.groups import Named
from commission_sync.operators.patience import left_to_the_next_run, waits_until
from commission_sync.operators.progress import Progress
from commission_sync.store.integrations import Integration, integration


class ForCompaniesOperator(BaseOperator):
    """Does its work for one company after the other; what the work is, is the business of `work_for`.

    One that fails leaves the others alone: it is logged, and once all had their turn the task fails with one error that
    names those that failed. With one company that is its own error. A company whose portal is down, or has no calls
    left for longer than a minute, is left for later: once no other needs a turn or another try, the task is deferred,
    its worker is free, and it goes on with those that are left. Where HubSpot's time comes after that of the next run,
    the company is left to that one.

    A retry begins with all companies again: what is there already is not written twice, and little is read.

    :param companies: whose turn it is, as `ListCompaniesOperator` lists them
    :param database_conn_id: the Airflow connection of the commissions database
    """

    template_fields: Sequence[str] = ("companies",)

    def __init__(self, *, companies: list[Named], database_conn_id: str = COMMISSIONS_DB, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.companies = companies
        self.database_conn_id = database_conn_id

    @property
    def who(self) -> str:
        """What a `map_index_template` calls the task instance: by its company, or `acme … globex (20)`."""
        first, last = self.companies[0]["company"], self.companies[-1]["company"]
        return first if len(self.companies) == 1 else f"{first} … {last} ({len(self.companies)})"

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what the work returned, by company."""
        return self._take_turns(context, Progress.at_first(self.companies, datetime.now(UTC)))

    def resume(
        self,
        context: Context,
        event: Any = None,  # noqa: ARG002 - Airflow's signature
        progress: dict[str, Any] | None = None,
        events: Sequence[dict[str, Any]] = (),
    ) -> dict[str, Any]:
        """Go on after a deferral with the companies that are left; return what `execute` would have returned."""
        if progress is None:
            # Airflow 3.3's `dags test` forgets what a deferral carries; all having another turn comes to the same.
            return self.execute(context)
        tell_again(context, events)
        return self._take_turns(context, Progress.from_json(progress))

    def _take_turns(self, context: Context, progress: Progress) -> dict[str, Any]:
        for company in progress.take_due(datetime.now(UTC)):
            # Without the database nobody's turn would end well, so that is the task's own error.
            with commissions_connection(self.database_conn_id) as conn:
                self._take_turn(company, conn, context, progress)
        # A wait may last until midnight, and another company's next try would wait as long.
        if progress.left and not (progress.may_pass and context["ti"].try_number <= context["ti"].max_tries):
            raise TaskDeferred(
                trigger=TimeDeltaTrigger(max(timedelta(), progress.next_at - datetime.now(UTC))),
                method_name=self.resume.__name__,
                kwargs={"progress": progress.as_json(), "events": told(context)},
            )
        if progress.failures:
            raise progress.error(of=len(self.companies))
        return progress.done

    def _take_turn(self, company: Named, conn: psycopg.Connection, context: Context, progress: Progress) -> None:
        try:
            self._work_or_leave(company, conn, context, progress)
        except Exception as error:
            if len(self.companies) == 1:
                raise
            self.log.exception("company failed company=%s", company["company"])
            progress.fail(company, error)

    def _work_or_leave(self, company: Named, conn: psycopg.Connection, context: Context, progress: Progress) -> None:
        try:
            with conn.transaction():
                found = with_flags(conn, integration(conn, UUID(company["integration_id"])))
            progress.done[company["company"]] = self.work_for(found, conn, context)
        except Exception as error:
            if (seconds := postponement(error)) is None:
                raise
            at = datetime.now(UTC) + timedelta(seconds=seconds)
            if (until := waits_until(context)) is not None and at > until:
                raise left_to_the_next_run(error, at) from error
            progress.leave(company, at)

    @abstractmethod
    def work_for(self, company: Integration, conn: psycopg.Connection, context: Context) -> Any:
        """Do the work for one company and return, as JSON has it, what it came to.

        :param company: with every flag decided
        :param conn: a connection of this company's own, autocommit off
        """
