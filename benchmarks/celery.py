"""Twenty companies in Celery's workers: one worker, then two, and whether HubSpot's limits hold between them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psutil
import psycopg

from benchmarks.airflow_site import AirflowSite, airflow_site
from benchmarks.table import Figure, tell
from commission_sync.local.part import running_part
from commission_sync.local.port import any_free
from commission_sync.local.standalone import WITH_WORKERS
from hubspot_emulator import PortalSpec

COMPANIES, DEALS = 20, 4_000
PORTALS = [
    PortalSpec(company=f"bench{n:02}", portal_id=100 + n, deals=DEALS, token=f"pat-na1-{n:02}", tier="pro")
    for n in range(COMPANIES)
]
DAG_ID, SPEEDUP = "hubspot_deals", 1.8
# Each worker does one task at a time; a day passes before the next run that nobody asked for.
ONE_AT_A_TIME = {"AIRFLOW__CELERY__WORKER_CONCURRENCY": "1", "SYNC_INTERVAL_MINUTES": "1440"}


def celery() -> list[Figure]:
    """Measure both, each worker doing one task at a time, so that a worker is a core's worth of work."""
    if shutil.which("redis-server") is None:
        return [Figure("Celery's workers", "redis-server is not installed", "-", holds=True)]
    with (
        _redis() as url,
        airflow_site("hubspot_deals.py", portals=PORTALS, variables={"REDIS_URL": url, **ONE_AT_A_TIME}) as site,
    ):
        site.airflow.api.wait_for_dag(DAG_ID, seconds=120)
        _run(site)
        tell("first load done")
        one, busy_by_one = _run(site)
        command = f"{WITH_WORKERS[-1]} --celery-hostname second@%h"
        with running_part(site.airflow.environment, command, "second-worker") as second:
            while " ready." not in second.log.read_text(errors="replace"):
                time.sleep(0.5)
            two, busy_by_two = _run(site)
        refused = sum(site.emulator.admin.refusals(portal.portal_id) for portal in PORTALS)
    return [
        Figure(
            f"{COMPANIES} companies x {DEALS:,} deals read again, two of Celery's workers against one",
            f"{one:.1f} s and {two:.1f} s = {one / two:.2f} x, {refused} refused; of {os.cpu_count()} cores "
            f"{busy_by_one:.2f} and {busy_by_two:.2f} were busy, with emulator, PostgreSQL and Airflow's other parts",
            f">= {SPEEDUP} x where workers are the bound, 0 refused",
            one / two >= SPEEDUP and not refused,
        )
    ]


def _run(site: AirflowSite) -> tuple[float, float]:
    """Read every deal of every company, and return for how long tasks ran, and how many cores were busy meanwhile."""
    api = site.airflow.api
    began, busy = time.monotonic(), _busy_seconds()
    run_id = api.run_now(DAG_ID, {"mode": "full"}, since=datetime.now(UTC))
    while (state := api.run_state(DAG_ID, run_id)) not in {"success", "failed"}:
        time.sleep(1)
    assert state == "success", state
    cores = (_busy_seconds() - busy) / (time.monotonic() - began)
    with psycopg.connect(site.dsn) as conn:
        row = conn.execute(
            "SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM sync_runs WHERE run_id = %s", (run_id,)
        ).fetchone()
    assert row is not None
    return float(row[0]), cores


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


@contextmanager
def _redis() -> Iterator[str]:
    port = any_free()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
