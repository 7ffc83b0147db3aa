"""A whole Airflow of the tests' own: scheduler, API server and pages, on ports and databases of its own."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from commission_sync.local.environment import COMMISSIONS, METADATA, Project, build
from commission_sync.local.port import any_free
from commission_sync.local.standalone import Standalone

ROOT = Path(__file__).parents[2]


@dataclass
class AirflowServer:
    """A running Airflow, spoken to by its API."""

    standalone: Standalone

    @property
    def url(self) -> str:
        return self.standalone.api.url

    @property
    def login(self) -> tuple[str, str]:
        return self.standalone.api.user, self.standalone.api.password

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self.standalone.api._call(method, f"/api/v2{path}", body)

    def enable(self, dag_id: str) -> None:
        """Unpause a DAG and wait until the run that is due at once has ended."""
        self.standalone.api.wait_for_dag(dag_id, seconds=90)
        self.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})
        self.wait_for(
            "the scheduled run", lambda: self.call("GET", f"/dags/{dag_id}/dagRuns?state=success")["dag_runs"]
        )

    def trigger(self, dag_id: str, **conf: Any) -> str:
        body = {"logical_date": None, "conf": conf}
        return str(self.call("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def questions(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The questions of a run that wait for an answer."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/hitlDetails"
        return [d for d in self.call("GET", path)["hitl_details"] if not d["response_received"]]

    def asked(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Wait until a run asks, and until its answer will not be lost, and return the question."""
        (question,) = self.wait_for("the question", lambda: self.questions(dag_id, run_id))
        self.wait_for("the worker's leave of it", lambda: is_heeded(self.standalone, run_id))
        return question

    def answer(self, dag_id: str, run_id: str, question: Mapping[str, Any], option: str) -> None:
        ti = question["task_instance"]
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances/{ti['task_id']}/{ti['map_index']}"
        self.call("PATCH", f"{path}/hitlDetails", {"chosen_options": [option], "params_input": {}})

    def states(self, dag_id: str, run_id: str) -> dict[str, str]:
        return {ti["task_id"]: ti["state"] for ti in self._task_instances(dag_id, run_id)}

    def tries(self, dag_id: str, run_id: str) -> Counter[str]:
        """How often each task was tried, all of its mapped instances together."""
        found = Counter[str]()
        for ti in self._task_instances(dag_id, run_id):
            found[ti["task_id"]] += ti["try_number"]
        return found

    def _task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        return list(self.call("GET", path)["task_instances"])

    def ended(self, dag_id: str, run_id: str, *, seconds: float = 120) -> str:
        """Wait until a run has ended and return how."""

        def state() -> str | None:
            now = self.standalone.api.run_state(dag_id, run_id)
            return now if now in {"success", "failed"} else None

        return self.wait_for(f"the end of {run_id}", state, seconds=seconds)

    def wait_for(self, what: str, found: Callable[[], Any], *, seconds: float = 120) -> Any:
        deadline = time.monotonic() + seconds
        while not (value := found()):
            assert time.monotonic() < deadline, f"{what} did not come within {seconds:.0f} s"
            time.sleep(0.5)
        return value


def is_heeded(standalone: Standalone, run_id: str) -> bool:
    """Say whether the scheduler has noticed that a run's task asked and then left its worker.

    That comes some five seconds after the question. To an answer before it the scheduler takes that leave for the death
    of the task that goes on, tries it again a minute later, and asks anew. Only its log tells.
    """
    noticed = rf"TaskInstance Finished: .* run_id={re.escape(run_id)}, .* state=awaiting_input, "
    return re.search(noticed, standalone.log.read_text(errors="replace")) is not None


@contextmanager
def airflow_server(root: Path, metadata_url: str, dsn: str, **variables: str) -> Iterator[AirflowServer]:
    """Start Airflow with the project's DAGs; `root` becomes its home."""
    for part in ("dags", "plugins"):
        (root / part).symlink_to(ROOT / part)
    given = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    given |= {METADATA: metadata_url, COMMISSIONS: dsn, "AIRFLOW__API__PORT": str(any_free()), **variables}
    with Standalone(build(Project(root), given)) as standalone:
        standalone.wait_until_healthy()
        yield AirflowServer(standalone)
