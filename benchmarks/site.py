"""A place to measure in: PostgreSQL with full durability, an emulator, and a company between them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from commission_sync.local.environment import LEAN_THREADS
from commission_sync.local.postgres import EmbeddedPostgres, Server
from commission_sync.store import migrate
from hubspot_emulator import Emulator, PortalSpec, running_emulator

TRY = Path(__file__).with_name("one_run.py")


@dataclass(frozen=True)
class Site:
    """Where a benchmark runs one company's sync, each time in a process of its own as a task would."""

    emulator: Emulator
    portal: PortalSpec
    dsn: str
    integration_id: UUID

    def run(self, what: str = "deals") -> dict[str, float]:
        """Sync once and return seconds, calls, waited, fetched, changed and peak_mib as the run reports them."""
        arguments = [self.emulator.url, self.portal.token, self.dsn, str(self.integration_id), what]
        done = subprocess.run(
            [sys.executable, str(TRY), *arguments],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | LEAN_THREADS,
        )
        return {k: float(v) for k, v in (pair.split("=") for pair in done.stdout.splitlines()[-1].split())}

    def split_deals(self) -> int:
        """Return how many deals are stored with splits."""
        with psycopg.connect(self.dsn) as conn:
            row = conn.execute("SELECT count(DISTINCT deal_id) FROM deal_splits").fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def server() -> Iterator[Server]:
    """Yield a fresh server with fsync on."""
    with tempfile.TemporaryDirectory(prefix="bench-") as root, EmbeddedPostgres(Path(root)) as running:
        yield running


@contextmanager
def database() -> Iterator[str]:
    """Yield the URL of a fresh, migrated database with fsync on."""
    with server() as running:
        migrate(running.dsn("commissions"))
        yield running.dsn("commissions")


@contextmanager
def site(deals: int, *, limits: bool = True, **spec: Any) -> Iterator[Site]:
    """Yield a company with `deals` deals; real limits are 190 calls per 10 s and 5 searches per second."""
    portal = PortalSpec(company="bench", portal_id=77, deals=deals, token="pat-na1-bench", tier="pro", **spec)
    with database() as dsn, running_emulator([portal], limits=limits) as emulator:
        with closing(psycopg.connect(dsn)) as conn, conn.transaction():
            row = conn.execute(
                "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('bench', 77, 'x') RETURNING id"
            ).fetchone()
        assert row is not None
        yield Site(emulator, portal, dsn, row[0])


def machine() -> str:
    """Return what the figures were measured on."""
    return f"{os.cpu_count()} cores, Python {sys.version.split()[0]}"
