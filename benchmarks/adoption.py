"""Taking over an old database of 50,000 deals with every defect: what each step takes, and whether it ends equal."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from airflow_hubspot.client import HubSpotClient, InMemoryLimiter
from benchmarks.site import server
from benchmarks.table import Figure
from commission_sync.adoption.adopting import adopt
from commission_sync.adoption.companies import Portal
from commission_sync.adoption.deals import SET_ASIDE, UNREADABLE
from commission_sync.adoption.ending import undo
from commission_sync.adoption.kept import fingerprints
from commission_sync.adoption.stages import Stage, switch
from commission_sync.adoption.standing import standing
from commission_sync.adoption.survey import Choices, look
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.integrations import active_integrations
from commission_sync.streams.company import Reconciliation
from commission_sync.streams.deals import DEALS
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.sync import StreamSync
from hubspot_emulator import Emulator, PortalSpec, old_service, running_emulator

ROWS = 50_000
SPEC = PortalSpec("acme", 77, ROWS, "pat-na1-bench", line_items_per_deal=0, activities_per_deal=0)
CHOICES = Choices({"acme": Portal(77)})
TABLES = ("crm_integrations", "deals")

Result = TypeVar("Result")


def adoption() -> list[Figure]:
    """Look, adopt, sync, reconcile, compare with the truth, and give back."""
    now = datetime.now(UTC)
    with server() as postgres, running_emulator([SPEC], limits=False) as emulator:
        dsn = _database(postgres)
        with closing(connect(dsn)) as conn, conn.transaction():
            defects = old_service.fill(conn, "acme", emulator.admin.truth(77), now)
        before = _fingerprints(dsn)
        looked, counted = _timed(lambda: _look(dsn, now))
        adopted, _ = _timed(lambda: adopt(dsn, CHOICES, now=now, actor="bench"))
        _activate(dsn)
        emulator.admin.edit(77, count=500, seed=1)
        synced, fetched = _timed(lambda: _run(dsn, emulator, reconciles=False))
        reconciled, _ = _timed(lambda: _run(dsn, emulator, reconciles=True))
        wrong = _differences(dsn, emulator)
        undone, _ = _timed(lambda: undo(dsn, now=now, actor="bench"))
        is_same = _fingerprints(dsn) == before
    expected = {reason: defects[reason] for reason in (*SET_ASIDE, *UNREADABLE)}
    what = f"old database of {ROWS:,} deals"
    told = ", ".join(f"{reason} {count:,}" for reason, count in counted.items())
    return [
        Figure(f"{what}: the look", f"{looked:.1f} s; {told}", "every defect put in", counted == expected),
        Figure(f"{what}: adopted in one transaction", f"{adopted:.1f} s", "<= 60 s", adopted <= 60),
        Figure(
            f"{what}: the next run", f"{synced:.1f} s, {fetched:,} deals read", "no first load", fetched < ROWS / 10
        ),
        Figure(f"{what}: reconciled", f"{reconciled:.1f} s, {wrong} deals differ from HubSpot", "0 differ", wrong == 0),
        Figure(f"{what}: given back", f"{undone:.1f} s", "the same rows", is_same),
    ]


def _timed(step: Callable[[], Result]) -> tuple[float, Result]:
    started = time.monotonic()
    result = step()
    return time.monotonic() - started, result


def _database(postgres: Any) -> str:
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE old_service"))
    return str(postgres.dsn("old_service"))


def _fingerprints(dsn: str) -> dict[str, Any]:
    with closing(connect(dsn)) as conn, conn.transaction():
        return fingerprints(conn, "public", TABLES)


def _look(dsn: str, now: datetime) -> dict[str, int]:
    with closing(connect(dsn)) as conn:
        conn.read_only = True
        with conn.transaction():
            survey = look(conn, CHOICES, now)
    return {reason: survey.total(reason) for reason in (*SET_ASIDE, *UNREADABLE)}


def _activate(dsn: str) -> None:
    with closing(connect(dsn)) as conn, conn.transaction():
        switch(conn, standing(conn), "acme", Stage.SHADOW, actor="bench")


def _run(dsn: str, emulator: Emulator, *, reconciles: bool) -> int:
    limiter = InMemoryLimiter(burst_limit=100_000, search_limit=100_000)
    with (
        closing(connect(dsn)) as conn,
        HubSpotClient(token=SPEC.token, base_url=emulator.url, limiter=limiter) as client,
    ):
        with conn.transaction():
            (company,) = active_integrations(conn)
        if reconciles:
            request = SyncRequest(Mode.FULL, "hubspot_reconcile", "bench")
            return Reconciliation((DEALS,), company, client, conn, Settings(), 100).run(request).fetched
        return StreamSync(DEALS, company, client, conn, Settings()).run(SyncRequest(Mode.INCREMENTAL, "d", "b")).fetched


def _differences(dsn: str, emulator: Emulator) -> int:
    """Count the deals whose properties, but for those that differ at every read, are not HubSpot's."""
    clocks = ("hs_time_in_", "hs_v2_")

    def comparable(properties: dict[str, str | None]) -> dict[str, str]:
        return {k: v for k, v in properties.items() if v is not None and not k.startswith(clocks)}

    with closing(connect(dsn)) as conn:
        rows = conn.execute("SELECT crm_id, properties FROM deals WHERE archived_at IS NULL").fetchall()
    stored = {crm_id: comparable(properties) for crm_id, properties in rows}
    truth = {record["id"]: comparable(record["properties"]) for record in emulator.admin.truth(77)}
    return sum(stored.get(crm_id) != truth.get(crm_id) for crm_id in stored.keys() | truth.keys())
