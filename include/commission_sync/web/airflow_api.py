"""What pages ask Airflow for, in the name of the person who asks: its own permissions hold, and it knows who it was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from airflow.sdk.configuration import conf
from fastapi import Request

from commission_sync.operators.portal import pages

_PATIENCE_SECONDS = 30.0
_LOGIN_COOKIE = "_token"


class AirflowRefused(RuntimeError):
    """Airflow does not do what it was asked for; the text is what it says, `status` the HTTP status to answer with."""

    def __init__(self, status: int, said: str) -> None:
        self.status = status
        super().__init__(said)


def trigger(request: Request, dag_id: str, params: Mapping[str, Any]) -> str:
    """Start a run of a DAG and return its id.

    :raises AirflowRefused: when the person may not, the DAG is unknown, or a param makes no sense.
    """
    path = f"/dags/{quote(dag_id, safe='')}/dagRuns"
    return str(ask(request, "POST", path, {"logical_date": None, "conf": dict(params)})["dag_run_id"])


def backfill(request: Request, dag_id: str, since: datetime, until: datetime, params: Mapping[str, Any]) -> int:
    """Start a backfill of a DAG's intervals from `since` to `until` and return its number; what has run runs again.

    :raises AirflowRefused: as `trigger`, and when a backfill of this DAG is under way.
    """
    body = {
        "dag_id": dag_id,
        "from_date": since.isoformat(),
        "to_date": until.isoformat(),
        "reprocess_behavior": "completed",
        "dag_run_conf": dict(params),
    }
    return int(ask(request, "POST", "/backfills", body)["id"])


def is_paused(request: Request, dag_id: str) -> bool:
    """Return whether Airflow starts no runs of a DAG at present.

    :raises AirflowRefused: when the person may not see the DAG, or it is unknown.
    """
    return bool(ask(request, "GET", f"/dags/{quote(dag_id, safe='')}")["is_paused"])


def ask(request: Request, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Call Airflow's REST API with the login that came with a request and return the answer.

    :raises AirflowRefused: when it does not answer with success.
    """
    try:
        answer = httpx.request(
            method,
            f"{_own_address(request)}/api/v2{path}",
            json=body,
            headers={"Authorization": f"Bearer {_login(request)}"},
            timeout=_PATIENCE_SECONDS,
        )
    except httpx.HTTPError as error:
        raise AirflowRefused(503, f"Airflow's API does not answer ({type(error).__name__}); try again") from None
    if answer.is_success:
        return answer.json() if answer.content else None
    raise AirflowRefused(answer.status_code, f"Airflow refused: {_said(answer)}")


def _own_address(request: Request) -> str:
    """Return where this very server listens: its public address may be out of its own reach."""
    public = urlsplit(pages().removesuffix("/hubspot"))
    if conf.get("api", "ssl_cert", fallback="") or not request.scope.get("server"):
        return public.geturl()
    host, port = request.scope["server"]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{public.path}"


def _login(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else request.cookies.get(_LOGIN_COOKIE, "")


def _said(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
    return detail if isinstance(detail, str) else "; ".join(str(each.get("msg", each)) for each in detail)
