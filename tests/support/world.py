"""A company's portal on the emulator and the database that it is synced into, with the questions tests ask of both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
import tenacity

from airflow_hubspot.client import HubSpotClient, HubSpotError, InMemoryLimiter, Lane, Limiter, postponement
from airflow_hubspot.client.windows import Window
from commission_sync.gate import GateSession, PostgresLimiter
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.store.runs import RunCounts
from commission_sync.streams.deals import DEALS
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.sync import StreamSync
from hubspot_emulator import Emulator, PortalSpec

_CLOCK_LIKE = ("hs_time_in_", "hs_v2_time_in_", "hs_v2_latest_time_in_", "hs_v2_cumulative_time_in_")


@dataclass(frozen=True)
class Difference:
    """How the table `deals` differs from the portal's true state."""

    missing: list[str]
    stale: list[str]
    surplus: list[str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale or self.surplus)


@dataclass
class World:
    """One company: `sync` runs the deals stream as a task would, without Airflow."""

    emulator: Emulator
    portal: PortalSpec
    dsn: str
    integration_id: UUID
    _runs: Iterator[int] = field(default_factory=lambda: count(1))

    def sync(
        self,
        mode: Mode = Mode.INCREMENTAL,
        *,
        window: Window | None = None,
        run_id: str | None = None,
        try_number: int = 1,
        token: str | None = None,
        timeout_seconds: float = 10.0,
        gated: bool = False,
    ) -> RunCounts:
        request = SyncRequest(mode, "hubspot_deals", run_id or f"run-{next(self._runs)}", try_number, window)
        with closing(connect(self.dsn)) as conn:
            with conn.transaction():
                company = integration(conn, self.integration_id)
            with (
                closing(GateSession(self.dsn)) as session,
                self.client(
                    token=token,
                    timeout_seconds=timeout_seconds,
                    limiter=PostgresLimiter(session, company, Lane.INCREMENTAL) if gated else None,
                ) as client,
            ):
                return StreamSync(DEALS, company, client, conn, Settings()).run(request)

    def sync_as_airflow_does(self, mode: Mode = Mode.INCREMENTAL, *, tries: int = 4, **how: Any) -> RunCounts:
        """Sync through the gate, again after a failure, and after any number of postponements."""
        run_id = f"run-{next(self._runs)}"
        waits = tenacity.wait_exception(lambda error: min(postponement(error) or 0.0, 20.0))
        failures = count(1)

        def _is_tried_again(error: BaseException) -> bool:
            if not isinstance(error, HubSpotError) or error.is_final:
                return False
            return postponement(error) is not None or next(failures) < tries

        retrying = tenacity.Retrying(retry=tenacity.retry_if_exception(_is_tried_again), wait=waits, reraise=True)
        return retrying(self.sync, mode, run_id=run_id, gated=True, **how)

    def client(
        self, *, token: str | None = None, timeout_seconds: float = 10.0, limiter: Limiter | None = None
    ) -> HubSpotClient:
        return HubSpotClient(
            token=token or self.portal.token,
            base_url=self.emulator.url,
            timeout_seconds=timeout_seconds,
            limiter=limiter or InMemoryLimiter(burst_limit=100_000, search_limit=100_000),
        )

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(statement, parameters).fetchall()

    def value(self, statement: str, *parameters: Any) -> Any:
        return self.query(statement, *parameters)[0][0]

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.dsn) as conn:
            conn.execute(statement)

    def difference(self, *, nulls: bool = True) -> Difference:
        """Compare every property of every live deal, but for those that differ at every read.

        Without `nulls`, a property that has no value and one that is not there are the same.
        """

        def _comparable(properties: dict[str, str | None]) -> dict[str, str | None]:
            kept = {k: v for k, v in properties.items() if not k.startswith(_CLOCK_LIKE)}
            return kept if nulls else {k: v for k, v in kept.items() if v is not None}

        truth = {r["id"]: _comparable(r["properties"]) for r in self.emulator.admin.truth(self.portal.portal_id)}
        landed = {
            crm_id: _comparable(properties)
            for crm_id, properties in self.query(
                "SELECT crm_id, properties FROM deals WHERE integration_id = %s AND archived_at IS NULL",
                self.integration_id,
            )
        }
        return Difference(
            missing=sorted(truth.keys() - landed.keys()),
            stale=sorted(i for i in truth.keys() & landed.keys() if truth[i] != landed[i]),
            surplus=sorted(landed.keys() - truth.keys()),
        )


def register(dsn: str, portal: PortalSpec) -> UUID:
    """Add the portal's company to `crm_integrations`."""
    with psycopg.connect(dsn) as conn:
        row = conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES (%s, %s, %s) RETURNING id",
            (portal.company, portal.portal_id, f"hubspot_{portal.company}"),
        ).fetchone()
    assert row is not None
    return row[0]
