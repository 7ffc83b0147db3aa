"""A whole Airflow that runs: scheduler, DAG processor, triggerer and API, on a checkout of its own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from commission_sync.local.environment import Environment, Project, build
from commission_sync.local.standalone import Standalone
from commission_sync.local.tenants import connection_name
from commission_sync.store import migrate
from hubspot_emulator import Emulator, PortalSpec
from world import register

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


@dataclass(frozen=True)
class LiveAirflow:
    """A running Airflow, the database that it fills, and the portals that it reads."""

    environment: Environment
    standalone: Standalone
    emulator: Emulator

    @property
    def dsn(self) -> str:
        return self.environment.commissions_dsn

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(statement, values).fetchall()

    def connect_company(self, portal: PortalSpec, token: str | None = None) -> None:
        connection = {"conn_type": "hubspot", "host": self.emulator.url, "password": token or portal.token}
        self.standalone.api.put_connection(connection_name(portal.company), connection)

    def trigger(self, dag_id: str = "hubspot_deals") -> str:
        """Let a DAG run now and return the run's id."""
        self.standalone.api.wait_for_dag(dag_id, seconds=120)
        return self.standalone.api.run_now(dag_id, {}, since=datetime.now(UTC))

    def ended(self, run_id: str, dag_id: str = "hubspot_deals", *, seconds: float = 120) -> str:
        """Wait until a run is over and return its state."""
        return eventually(
            lambda: (
                state if (state := self.standalone.api.run_state(dag_id, run_id)) in {"success", "failed"} else None
            ),
            seconds=seconds,
        )


@contextmanager
def live_airflow(
    directory: Path,
    emulator: Emulator,
    portals: list[PortalSpec],
    variables: Mapping[str, str],
    prepare: Callable[[str], None] = lambda _: None,
) -> Iterator[LiveAirflow]:
    """Start an Airflow below `directory` whose companies are `portals`; nothing of it is left behind.

    `prepare` is given the commissions database, with the companies in it, while Airflow starts.
    """
    for part in ("dags", "plugins"):
        shutil.copytree(ROOT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
    environment = build(Project(directory), dict(variables), serves_api=True)
    try:
        migrate(environment.commissions_dsn)
        for portal in portals:
            register(environment.commissions_dsn, portal)
        with Standalone(environment) as standalone:
            prepare(environment.commissions_dsn)
            standalone.wait_until_healthy()
            live = LiveAirflow(environment, standalone, emulator)
            for portal in portals:
                live.connect_company(portal)
            yield live
    finally:
        assert environment.server is not None
        environment.server.release()


def eventually(ask: Callable[[], T | None], *, seconds: float) -> T:
    """Ask until there is an answer."""
    deadline = time.monotonic() + seconds
    while (answer := ask()) is None:
        assert time.monotonic() < deadline, f"nothing after {seconds} seconds"
        time.sleep(0.3)
    return answer
