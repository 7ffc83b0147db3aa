"""Airflow's REST API, as far as a first run needs it."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from commission_sync.local.errors import LocalError

TIMEOUT_SECONDS = 30.0
DUE_SECONDS = 30.0
PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")


@dataclass(frozen=True)
class TaskFailure:
    """A task instance that failed."""

    task: str
    company: str
    tries: int


@dataclass
class AirflowApi:
    """One Airflow, spoken to as one user; the login is renewed when it has expired."""

    url: str
    user: str
    password: str = field(repr=False)
    _token: str = field(default="", repr=False)

    def missing_parts(self) -> list[str]:
        """List the parts of Airflow that are not up or have not reported lately."""
        try:
            parts = self._send("GET", "/api/v2/monitor/health", authorized=False)
        except (OSError, http.client.HTTPException, ValueError):
            return ["API server"]
        return [part for part in PARTS if (parts.get(part) or {}).get("status") != "healthy"]

    def wait_for_dag(self, dag_id: str, *, seconds: float) -> None:
        """Return once the DAG processor has read a DAG.

        :raises LocalError: it has not in time; with the import errors there are.
        """
        deadline = time.monotonic() + seconds
        while self._maybe("GET", f"/api/v2/dags/{quote(dag_id)}") is None:
            if time.monotonic() > deadline:
                found = self._call("GET", "/api/v2/importErrors")["import_errors"]
                why = "; ".join(f"{each['filename']}: {_last_line(each['stack_trace'])}" for each in found)
                raise LocalError(f"Airflow does not show the DAG {dag_id}: {why or 'its file was not read yet'}.")
            time.sleep(0.5)

    def put_connection(self, connection_id: str, values: Mapping[str, Any]) -> None:
        """Store a connection, in place of an earlier one of that name."""
        body = {"connection_id": connection_id, **values}
        path = f"/api/v2/connections/{quote(connection_id)}"
        if self._maybe("GET", path) is None:
            self._call("POST", "/api/v2/connections", body)
        else:
            self._call("PATCH", path, body)

    def unpause(self, dag_id: str) -> None:
        """Let a DAG run by itself."""
        self._call("PATCH", f"/api/v2/dags/{quote(dag_id)}", {"is_paused": False})

    def run_now(self, dag_id: str, conf: Mapping[str, Any], *, since: datetime) -> str:
        """Let the DAG run and return the id of the run that does: the scheduled one if it is due, else one asked for.

        :param since: a scheduled run that was queued after this time counts as the one
        """
        path = f"/api/v2/dags/{quote(dag_id)}"
        is_due = _passed(self._call("GET", path).get("next_dagrun_run_after"))
        self._call("PATCH", path, {"is_paused": False})
        deadline = time.monotonic() + (DUE_SECONDS if is_due else 0.0)
        while True:
            latest = self._call("GET", f"{path}/dagRuns?run_type=scheduled&order_by=-run_after&limit=1")["dag_runs"]
            if latest and _passed(latest[0]["queued_at"], after=since):
                return str(latest[0]["dag_run_id"])
            if time.monotonic() >= deadline:
                break
            time.sleep(0.5)
        body = {"logical_date": datetime.now(UTC).isoformat(), "conf": dict(conf)}
        return str(self._call("POST", f"{path}/dagRuns", body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return a run's state: `queued`, `running`, `success` or `failed`."""
        return str(self._call("GET", _run_path(dag_id, run_id))["state"])

    def failures(self, dag_id: str, run_id: str) -> list[TaskFailure]:
        """List a run's failed task instances, those aside that only failed because of another."""
        found = self._call("GET", f"{_run_path(dag_id, run_id)}/taskInstances?state=failed&limit=100")
        return [
            TaskFailure(each["task_id"], str(each.get("rendered_map_index") or ""), int(each["try_number"]))
            for each in found["task_instances"]
        ]

    def _maybe(self, method: str, path: str) -> Any:
        """Send, with None for 'there is no such thing'."""
        try:
            return self._authorized(method, path, None)
        except urllib.error.HTTPError as error:
            if error.code == http.client.NOT_FOUND:
                return None
            raise _refused(method, path, error) from None
        except (OSError, http.client.HTTPException) as error:
            raise _silent(self.url, error) from None

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            return self._authorized(method, path, body)
        except urllib.error.HTTPError as error:
            raise _refused(method, path, error) from None
        except (OSError, http.client.HTTPException) as error:
            raise _silent(self.url, error) from None

    def _authorized(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        if not self._token:
            self._log_in()
        try:
            return self._send(method, path, body)
        except urllib.error.HTTPError as error:
            if error.code != http.client.UNAUTHORIZED:
                raise
        self._log_in()
        return self._send(method, path, body)

    def _log_in(self) -> None:
        credentials = {"username": self.user, "password": self.password}
        self._token = self._send("POST", "/auth/token", credentials, authorized=False)["access_token"]

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, authorized: bool = True) -> Any:
        request = urllib.request.Request(  # noqa: S310 - http on this machine
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        if authorized:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        # Not through a proxy of the environment: this machine is meant.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            text = answer.read()
        return json.loads(text) if text else {}


def _passed(moment: str | None, *, after: datetime | None = None) -> bool:
    """Say whether a time lies in the past, but not before `after`."""
    if moment is None:
        return False
    then = datetime.fromisoformat(moment)
    return then <= datetime.now(UTC) and (after is None or then >= after)


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def _refused(method: str, path: str, error: urllib.error.HTTPError) -> LocalError:
    detail = error.read().decode(errors="replace")[:500]
    return LocalError(f"Airflow refused {method} {path} with {error.code} ({detail}).")


def _silent(url: str, error: Exception) -> LocalError:
    return LocalError(f"Airflow at {url} does not answer ({error}): its logs are in .airflow/logs.")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]
