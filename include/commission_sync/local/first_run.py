"""A run of the DAG from the outside: asked for, followed, told."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from commission_sync.local.console import Terminal
from commission_sync.local.environment import Environment
from commission_sync.local.errors import LocalError
from commission_sync.local.standalone import Standalone
from commission_sync.local.summary import as_table, landed, read_outcomes

DAG = "hubspot_deals"
PARSE_SECONDS = 120.0
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class FirstRun:
    """A run of the DAG for some companies, in an Airflow that was just started."""

    terminal: Terminal
    environment: Environment
    airflow: Standalone
    companies: Sequence[str]

    def complete(self, *, seconds: float) -> bool:
        """Run the DAG, show what landed, say whether all of it did.

        :raises LocalError: Airflow ends, does not know the DAG, or the run is not over within `seconds`.
        """
        with self.terminal.step(f"Airflow reads the DAG {DAG}"):
            self.airflow.api.wait_for_dag(DAG, seconds=PARSE_SECONDS)
        with self.terminal.step("First sync"):
            conf = {"companies": list(self.companies)}
            run_id = self.airflow.api.run_now(DAG, conf, since=self.airflow.started)
            state = self._follow(run_id, time.monotonic() + seconds)
        outcomes = read_outcomes(self.environment.commissions_dsn, self.companies, DAG, run_id)
        self.terminal.show(as_table(outcomes))
        if state != "success":
            self._tell_failures(run_id, state)
        return state == "success" and not any(outcome.failed for outcome in outcomes)

    def _follow(self, run_id: str, deadline: float) -> str:
        with (
            psycopg.connect(self.environment.commissions_dsn, autocommit=True) as connection,
            self.terminal.counts("deals in the database") as counts,
        ):
            while (state := self.airflow.api.run_state(DAG, run_id)) not in ("success", "failed"):
                counts.update(landed(connection, self.companies))
                self.airflow.check()
                if time.monotonic() > deadline:
                    raise LocalError(
                        f"The run {run_id} is still {state} at the end of its time: see its logs in "
                        f"{self.environment.project.home / 'logs'}; what has landed so far stays."
                    )
                time.sleep(POLL_SECONDS)
        return state

    def _tell_failures(self, run_id: str, state: str) -> None:
        for failure in self.airflow.api.failures(DAG, run_id):
            name = f"{failure.task} [{failure.company}]" if failure.company else failure.task
            self.terminal.say(f"✗ Task {name} failed after {failure.tries} tries")
        self.terminal.say(f"The run ended as '{state}'; logs: .airflow/logs/dag_id={DAG}/run_id={run_id}")
