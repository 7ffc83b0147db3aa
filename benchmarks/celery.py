"""Twenty companies in Celery's workers: one worker, then two, and whether HubSpot's limits hold between them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks.airflow_site import ROOT
from benchmarks.table import Figure, tell
from commission_sync.local.environment import API_PORT, COMMISSIONS, METADATA, Environment, Project, build
from commission_sync.local.part import running_part
from commission_sync.local.port import any_free
from commission_sync.local.postgres import EmbeddedPostgres
from commission_sync.local.standalone import WITH_WORKERS, Standalone
from commission_sync.store import migrate
from hubspot_emulator import Emulator, PortalSpec, running_emulator

COMPANIES, DEALS = 20, 4_000
PORTALS = [
    PortalSpec(company=f"bench{n:02}", portal_id=100 + n, deals=DEALS, token=f"pat-na1-{n:02}", tier="pro")
    for n in range(COMPANIES)
]
SPEEDUP = 1.8


@dataclass(frozen=True)
class _Site:
    environment: Environment
    airflow: Standalone
    emulator: Emulator
    dsn: str

    def seconds_of_a_run(self) -> float:
        """Read every deal of every company, and return for how long tasks ran."""
        run_id = self.airflow.api.run_now("hubspot_deals", {"mode": "full"}, since=datetime.now(UTC))
        while (state := self.airflow.api.run_state("hubspot_deals", run_id)) not in {"success", "failed"}:
            time.sleep(1)
        assert state == "success", state
        with psycopg.connect(self.dsn) as conn:
            row = conn.execute(
                "SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM sync_runs WHERE run_id = %s",
                (run_id,),
            ).fetchone()
        assert row is not None
        return float(row[0])


def celery() -> list[Figure]:
    """Measure both, each worker doing one task at a time, so that a worker is a core's worth of work."""
    if shutil.which("redis-server") is None:
        return [Figure("Celery's workers", "redis-server is not installed", "-", holds=True)]
    with _site() as site:
        site.seconds_of_a_run()
        tell("first load done")
        one = site.seconds_of_a_run()
        command = f"{WITH_WORKERS[-1]} --celery-hostname second@%h"
        with running_part(site.environment, command, "second-worker") as second:
            while " ready." not in second.log.read_text(errors="replace"):
                time.sleep(0.5)
            two = site.seconds_of_a_run()
        refused = sum(site.emulator.admin.refusals(portal.portal_id) for portal in PORTALS)
    return [
        Figure(
            f"{COMPANIES} companies x {DEALS:,} deals read again, two of Celery's workers against one",
            f"{one:.1f} s and {two:.1f} s = {one / two:.2f} x on {os.cpu_count()} cores, {refused} refused",
            f">= {SPEEDUP} x where workers are the bound, 0 refused",
            one / two >= SPEEDUP and not refused,
        )
    ]


@contextmanager
def _site() -> Iterator[_Site]:
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-celery-")))
        server = stack.enter_context(EmbeddedPostgres(root / "postgres"))
        emulator = stack.enter_context(running_emulator(PORTALS))
        redis = stack.enter_context(_redis(root))
        (root / "dags").mkdir()
        (root / "dags" / "hubspot_deals.py").symlink_to(ROOT / "dags" / "hubspot_deals.py")
        (root / "plugins").symlink_to(ROOT / "plugins")
        dsn = server.dsn("commissions")
        migrate(dsn)
        _enlist(dsn)
        connections = {
            f"AIRFLOW_CONN_HUBSPOT_{p.company.upper()}": json.dumps(
                {"conn_type": "hubspot", "host": emulator.url, "password": p.token}
            )
            for p in PORTALS
        }
        variables = {
            METADATA: server.dsn("airflow", driver="postgresql+psycopg"),
            COMMISSIONS: dsn,
            API_PORT: str(any_free()),
            "REDIS_URL": redis,
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "1",
            "SYNC_INTERVAL_MINUTES": "1440",
            **connections,
        }
        environment = build(Project(root), os.environ | variables, serves_api=True)
        airflow = stack.enter_context(Standalone(environment))
        airflow.wait_until_healthy()
        airflow.api.wait_for_dag("hubspot_deals", seconds=120)
        yield _Site(environment, airflow, emulator, dsn)


def _enlist(dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        for portal in PORTALS:
            conn.execute(
                "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES (%s, %s, %s)",
                (portal.company, portal.portal_id, f"hubspot_{portal.company}"),
            )


@contextmanager
def _redis(root: Path) -> Iterator[str]:
    port = any_free()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(root)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
