"""A whole Airflow to measure in: its parts as `airflow standalone` starts them, one DAG, an emulator, a PostgreSQL."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from commission_sync.local.environment import API_PORT, COMMISSIONS, METADATA, Project, build
from commission_sync.local.port import any_free
from commission_sync.local.postgres import EmbeddedPostgres, Server
from commission_sync.local.standalone import Standalone
from commission_sync.local.tenants import Tenant, connection_variable, enlist
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

    @property
    def webhook_url(self) -> str:
        """Where the receiver is."""
        return f"{self.airflow.api.url}/hubspot/webhooks"

    def unpause(self, dag_id: str) -> None:
        """Let a DAG run by itself."""
        self.airflow.api.wait_for_dag(dag_id, seconds=120)
        self.airflow.api.unpause(dag_id)


@contextmanager
def airflow_site(
    *dag_files: str,
    portals: Sequence[PortalSpec] = (PORTAL,),
    settings: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[AirflowSite]:
    """Yield an Airflow with these files of dags/ and a company for each portal, whose deals are not synced yet.

    :param settings: those of PostgreSQL
    :param variables: more of Airflow's environment
    """
    with (
        tempfile.TemporaryDirectory(prefix="bench-airflow-") as root,
        EmbeddedPostgres(Path(root) / "postgres", settings=settings) as server,
        running_emulator(portals) as emulator,
    ):
        (Path(root) / "dags").mkdir()
        for name in dag_files:
            (Path(root) / "dags" / name).symlink_to(ROOT / "dags" / name)
        (Path(root) / "plugins").symlink_to(ROOT / "plugins")
        dsn, secret, port = server.dsn("commissions"), secrets.token_urlsafe(24), any_free()
        migrate(dsn)
        enlist(dsn, [Tenant(portal.company, portal.portal_id, portal.token) for portal in portals])
        given = {
            METADATA: server.dsn("airflow", driver="postgresql+psycopg"),
            COMMISSIONS: dsn,
            API_PORT: str(port),
            "HUBSPOT_WEBHOOK_SECRET": secret,
            "HUBSPOT_WEBHOOK_URL": f"http://127.0.0.1:{port}/hubspot/webhooks",
            **(variables or {}),
        }
        for portal in portals:
            given |= connection_variable(portal.company, emulator.url, portal.token)
        environment = build(Project(Path(root)), os.environ | given, serves_api=True)
        with Standalone(environment) as airflow:
            airflow.wait_until_healthy()
            yield AirflowSite(emulator, server, airflow, dsn, secret)
