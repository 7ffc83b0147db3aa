"""A whole Airflow to measure in: its parts as `airflow standalone` starts them, one DAG, an emulator, a PostgreSQL."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from commission_sync.local.environment import API_PORT, COMMISSIONS, METADATA, Project, build
from commission_sync.local.port import any_free
from commission_sync.local.postgres import EmbeddedPostgres, Server
from commission_sync.local.standalone import Standalone
from commission_sync.store import migrate
from hubspot_emulator import Emulator, PortalSpec, running_emulator

ROOT = Path(__file__).parents[1]
PORTAL = PortalSpec(company="bench", portal_id=77, deals=2_000, token="pat-na1-bench", tier="pro")


@dataclass(frozen=True)
class AirflowSite:
    """What runs, and where."""

    emulator: Emulator
    postgres: Server
    airflow: Standalone
    dsn: str
    secret: str
    api_url: str
    portal_id: int = PORTAL.portal_id

    @property
    def webhook_url(self) -> str:
        """Where the receiver is."""
        return f"{self.api_url}/hubspot/webhooks"

    def unpause(self, dag_id: str) -> None:
        """Let a DAG run by itself."""
        self.airflow.api.wait_for_dag(dag_id, seconds=120)
        self.airflow.api.unpause(dag_id)


@contextmanager
def airflow_site(*dag_files: str, settings: Mapping[str, str] | None = None) -> Iterator[AirflowSite]:
    """Yield an Airflow with these files of dags/ and the company `bench`, whose deals are not synced yet.

    :param settings: those of PostgreSQL
    """
    with (
        tempfile.TemporaryDirectory(prefix="bench-airflow-") as root,
        EmbeddedPostgres(Path(root) / "postgres", settings=settings) as server,
        running_emulator([PORTAL]) as emulator,
    ):
        (Path(root) / "dags").mkdir()
        for name in dag_files:
            (Path(root) / "dags" / name).symlink_to(ROOT / "dags" / name)
        (Path(root) / "plugins").symlink_to(ROOT / "plugins")
        dsn, secret, port = server.dsn("commissions"), secrets.token_urlsafe(24), any_free()
        migrate(dsn)
        with psycopg.connect(dsn) as conn:
            conn.execute(
                "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('bench', 77, 'hubspot_bench')"
            )
        connection = {"conn_type": "hubspot", "host": emulator.url, "password": PORTAL.token}
        variables = {
            METADATA: server.dsn("airflow", driver="postgresql+psycopg"),
            COMMISSIONS: dsn,
            API_PORT: str(port),
            "HUBSPOT_WEBHOOK_SECRET": secret,
            "HUBSPOT_WEBHOOK_URL": f"http://127.0.0.1:{port}/hubspot/webhooks",
            "AIRFLOW_CONN_HUBSPOT_BENCH": json.dumps(connection),
        }
        environment = build(Project(Path(root)), os.environ | variables, serves_api=True)
        with Standalone(environment) as airflow:
            airflow.wait_until_healthy()
            yield AirflowSite(emulator, server, airflow, dsn, secret, environment.api_url)
