"""A portal with real limits on the emulator, a company for it in PostgreSQL, and callers on the gate between them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from airflow_hubspot.client import HubSpotClient, Lane
from commission_sync.gate import GateSession, PostgresLimiter
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from hubspot_emulator import Emulator, PortalSpec, running_emulator
from world import register

CALLER = Path(__file__).parents[4] / "benchmarks" / "one_caller.py"


@dataclass
class Gate:
    """One portal, and what tests do at its gate."""

    emulator: Emulator
    portal: PortalSpec
    dsn: str
    integration_id: UUID
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def admin(self):
        return self.emulator.admin

    def limiter(self, lane: Lane = Lane.INCREMENTAL, **how: Any) -> PostgresLimiter:
        """A worker's limiter, with a session of its own."""
        session = self.stack.enter_context(closing(GateSession(self.dsn)))
        with closing(connect(self.dsn)) as conn:
            company = integration(conn, self.integration_id)
        return PostgresLimiter(session, company, lane, **how)

    def client(self, lane: Lane = Lane.INCREMENTAL, *, timeout_seconds: float = 5.0, **how: Any) -> HubSpotClient:
        """A worker's client."""
        made = HubSpotClient(
            token=self.portal.token,
            base_url=self.emulator.url,
            timeout_seconds=timeout_seconds,
            limiter=self.limiter(lane, **how),
        )
        return self.stack.enter_context(made)

    def hammer(self, *, processes: int, threads: int, seconds: float, lane: str = "INCREMENTAL") -> None:
        """Call from several processes as often as the gate lets them."""
        arguments = [self.emulator.url, self.portal.token, self.dsn, str(self.integration_id), lane]
        command = [sys.executable, str(CALLER), *arguments, str(threads), str(seconds), str(time.time() + 3)]
        callers = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(processes)]
        assert [caller.wait(timeout=120) for caller in callers] == [0] * processes

    def row(self, statement: str) -> tuple[Any, ...]:
        with psycopg.connect(self.dsn) as conn:
            found = conn.execute(statement).fetchone()
        assert found is not None
        return found

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.dsn) as conn:
            conn.execute(statement)


@pytest.fixture
def gate(database_dsn: str) -> Iterator[Callable[..., Gate]]:
    """A maker of gates."""
    with ExitStack() as stack:

        def make(*, tier: str = "pro", limits: bool = True) -> Gate:
            portal = PortalSpec("acme", 1001, 100, "pat-na1-acme", tier=tier)
            emulator = stack.enter_context(running_emulator([portal], limits=limits))
            made = Gate(emulator, portal, database_dsn, register(database_dsn, portal))
            stack.enter_context(made.stack)
            return made

        yield make
