"""Who may do what, by Airflow's own permissions, and that it was they who asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException, Request

from commission_sync.operators.portal import pages

_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Person:
    """Who is logged in to Airflow."""

    user: BaseUser

    @property
    def name(self) -> str:
        """As Airflow shows it; the actor of what they do, in `audit_log`."""
        return self.user.get_name()

    @property
    def id(self) -> str:
        """As Airflow knows them."""
        return self.user.get_id()

    @property
    def may_operate(self) -> bool:
        """Whether they may start runs of DAGs."""
        return self.may_start(None)

    @property
    def may_administer(self) -> bool:
        """Whether they may add connections: that is what mapping pay and a consent amount to."""
        return get_auth_manager().is_authorized_connection(method="POST", user=self.user)

    def may_start(self, dag_id: str | None) -> bool:
        """Whether they may start runs of one DAG, or of DAGs as such."""
        return self._may_with_runs("POST", dag_id)

    def may_see(self, dag_id: str | None) -> bool:
        """Whether they may see runs of one DAG, or of DAGs as such."""
        return self._may_with_runs("GET", dag_id)

    def _may_with_runs(self, method: str, dag_id: str | None) -> bool:
        return get_auth_manager().is_authorized_dag(
            method=method,  # type: ignore[arg-type]
            access_entity=DagAccessEntity.RUN,
            details=DagDetails(id=dag_id) if dag_id else None,
            user=self.user,
        )


def _somebody(request: Request, user: GetUserDep) -> Person:
    refuse_other_sites(request)
    return Person(user)


Somebody = Annotated[Person, Depends(_somebody)]


def whoever_may_see(dag_id: str | None = None) -> Callable[[Person], Person]:
    """Make a dependency that lets those pass who may see a DAG's runs."""

    def check(person: Somebody) -> Person:
        if not person.may_see(dag_id):
            raise HTTPException(403, f"this needs the right to see runs of {dag_id or 'DAGs'} in Airflow")
        return person

    return check


def whoever_may_operate(dag_id: str | None = None) -> Callable[[Person], Person]:
    """Make a dependency that lets those pass who may start a DAG's runs."""

    def check(person: Somebody) -> Person:
        if not person.may_start(dag_id):
            raise HTTPException(403, f"this needs the right to trigger {dag_id or 'DAGs'} in Airflow")
        return person

    return check


def whoever_may_administer(person: Somebody) -> Person:
    """Let those pass who may add connections."""
    if not person.may_administer:
        raise HTTPException(403, "this needs the right to add connections in Airflow")
    return person


MaySee = Annotated[Person, Depends(whoever_may_see())]
MayOperate = Annotated[Person, Depends(whoever_may_operate())]
MayAdminister = Annotated[Person, Depends(whoever_may_administer)]


def refuse_other_sites(request: Request) -> None:
    """Refuse a change that another site's page asks a browser for; the login comes along as a cookie, whoever asks.

    :raises HTTPException: 403 when the browser says that it comes from elsewhere; 415 when it has neither the header
        nor the content type that no form of another site can have.
    """
    if request.method in _READING:
        return
    origin = request.headers.get("origin")
    ours = {request.headers.get("host"), urlsplit(pages()).netloc}
    if origin is not None and urlsplit(origin).netloc not in ours:
        raise HTTPException(403, "this is asked for by another site's page")
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise HTTPException(403, "this is asked for by another site's page")
    content = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.headers.get("hx-request") != "true" and content != "application/json":
        raise HTTPException(415, "the body has to be application/json")
