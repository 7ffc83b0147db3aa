"""A company's portal on the emulator and the database that it is synced into, with the questions tests ask of both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
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
from commission_sync.local.tenants import connection_variable
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.store.runs import RunCounts
from commission_sync.streams.activities import ACTIVITIES
from commission_sync.streams.company import Reconciliation
from commission_sync.streams.deals import DEALS
from commission_sync.streams.line_items import LINE_ITEMS
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.stream import Stream
from commission_sync.streams.sync import StreamSync
from hubspot_calls import Call, caller, inputs
from hubspot_emulator import Emulator, PortalSpec

EVERY_STREAM = (DEALS, LINE_ITEMS, *ACTIVITIES)

_CLOCK_LIKE = ("hs_time_in_", "hs_v2_time_in_", "hs_v2_latest_time_in_", "hs_v2_cumulative_time_in_")


@dataclass(frozen=True)
class Difference:
    """How what is stored of an object type differs from the portal's true state; `wrong_links` are pairs of ids."""

    missing: list[str]
    stale: list[str]
    surplus: list[str]
    wrong_links: list[tuple[str, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale or self.surplus or self.wrong_links)


@dataclass
class World:
    """One company: `sync` runs a stream as a task would, without Airflow."""

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
        stream: Stream = DEALS,
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
                return StreamSync(stream, company, client, conn, Settings()).run(request)

    def sync_all(self, mode: Mode = Mode.INCREMENTAL) -> RunCounts:
        """Run every stream once, deals first."""
        return sum((self.sync(mode, stream=stream) for stream in EVERY_STREAM), RunCounts())

    def reconcile(
        self,
        mode: Mode = Mode.INCREMENTAL,
        *,
        percent: float | None = 100,
        history_of: tuple[str, ...] = (),
        streams: tuple[Stream, ...] = EVERY_STREAM,
        **settings: Any,
    ) -> RunCounts:
        """Reconcile every stream as the nightly task would."""
        request = SyncRequest(mode, "hubspot_reconcile", f"run-{next(self._runs)}")
        with closing(connect(self.dsn)) as conn:
            with conn.transaction():
                company = integration(conn, self.integration_id)
            with self.client() as client:
                work = Reconciliation(streams, company, client, conn, Settings(**settings), percent, history_of)
                return work.run(request)

    @property
    def call(self) -> Call:
        """Make a call of HubSpot's API as some other app would: `call(method, path, body)`."""
        return caller(self.emulator.url, self.portal.token)

    def get(self, path: str) -> dict[str, Any]:
        return json.loads(self._call("GET", path))

    def archive(self, *crm_ids: str, object_type: str = "deals") -> None:
        self._call("POST", f"/crm/v3/objects/{object_type}/batch/archive", inputs(*crm_ids))

    def merge(self, primary: str, loser: str, object_type: str = "deals") -> str:
        """Merge two records and return the id of the one that stays."""
        body = {"primaryObjectId": primary, "objectIdToMerge": loser}
        return json.loads(self._call("POST", f"/crm/v3/objects/{object_type}/merge", body))["id"]

    def attach(self, deal: str, crm_id: str, object_type: str = "line_items") -> None:
        self._call("PUT", f"/crm/v4/objects/deals/{deal}/associations/default/{object_type}/{crm_id}")

    def detach(self, deal: str, crm_id: str, object_type: str = "line_items") -> None:
        self._call("DELETE", f"/crm/v4/objects/deals/{deal}/associations/{object_type}/{crm_id}")

    def add_property(self, name: str, label: str) -> None:
        """Make a number that deals have, as the portal's administrator would."""
        made = {"name": name, "label": label, "groupName": "dealinformation", "type": "number", "fieldType": "number"}
        self._call("POST", "/crm/v3/properties/deals", made)

    def links(self, object_type: str = "line_items") -> list[tuple[str, str]]:
        """Return the true links of a type, as (record, deal)."""
        listed = self.emulator.admin.truth_links(self.portal.portal_id, object_type, "deals")
        return [(link["from"], link["to"]) for link in listed]

    def _call(self, method: str, path: str, body: object = None) -> bytes:
        answer = self.call(method, path, body)
        assert answer.status < 300, answer.data
        return answer.data

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

    def difference(self, stream: Stream = DEALS, *, nulls: bool = True, ignored: tuple[str, ...] = ()) -> Difference:
        """Compare every property of every live record, and its links to live deals, with the truth.

        Without `nulls`, a property that has no value and one that is not there are the same. Properties whose name
        begins with one of `ignored` are not compared.
        """

        def _comparable(properties: dict[str, str | None]) -> dict[str, str | None]:
            kept = {k: v for k, v in properties.items() if not k.startswith((*_CLOCK_LIKE, *ignored))}
            return kept if nulls else {k: v for k, v in kept.items() if v is not None}

        of_type = "AND type = %s" if stream.type else "AND %s::text IS NULL"
        records = self.emulator.admin.truth(self.portal.portal_id, stream.object_type)
        truth = {r["id"]: _comparable(r["properties"]) for r in records}
        landed = {
            crm_id: _comparable(properties)
            for crm_id, properties in self.query(
                f"SELECT crm_id, {stream.document} FROM {stream.table} "
                f"WHERE integration_id = %s AND archived_at IS NULL {of_type}",
                self.integration_id,
                stream.type,
            )
        }
        return Difference(
            missing=sorted(truth.keys() - landed.keys()),
            stale=sorted(i for i in truth.keys() & landed.keys() if truth[i] != landed[i]),
            surplus=sorted(landed.keys() - truth.keys()),
            wrong_links=self._wrong_links(stream, of_type) if stream.on_deals else [],
        )

    def _wrong_links(self, stream: Stream, of_type: str) -> list[tuple[str, str]]:
        truth = {
            (link["from"], link["to"])
            for link in self.emulator.admin.truth_links(self.portal.portal_id, stream.object_type, "deals")
        }
        landed = self.query(
            f"SELECT r.crm_id, d.crm_id FROM {stream.table} r JOIN deals d ON d.id = r.deal_id "
            f"WHERE r.integration_id = %s AND r.archived_at IS NULL AND d.archived_at IS NULL {of_type}",
            self.integration_id,
            stream.type,
        )
        assert len(landed) == len(set(landed)), "a link is stored twice"
        return sorted(truth ^ set(landed))

    def splits(self) -> dict[str, dict[str, float]]:
        """Return the stored share of each owner by live deal."""
        found: dict[str, dict[str, float]] = {}
        for deal, owner, share in self.query(
            "SELECT d.crm_id, s.owner_crm_id, s.percentage FROM deal_splits s JOIN deals d ON d.id = s.deal_id "
            "WHERE s.archived_at IS NULL AND d.archived_at IS NULL"
        ):
            found.setdefault(deal, {})[owner] = float(share)
        return found

    def true_splits(self) -> dict[str, dict[str, float]]:
        """Return what `splits` should."""
        live = set(self.emulator.admin.truth_ids(self.portal.portal_id))
        found = self.emulator.admin.truth_splits(self.portal.portal_id)
        return {d: {o: float(p) for o, p in shares.items()} for d, shares in found.items() if shares and d in live}

    def differences(self) -> dict[str, Difference]:
        """Return the streams that differ from the truth."""
        found = {stream.name: self.difference(stream) for stream in EVERY_STREAM}
        return {name: difference for name, difference in found.items() if difference}


def connection_variables(portals: Iterable[PortalSpec], url: str, **tokens: str) -> dict[str, str]:
    """The variables that make portals Airflow's connections; `tokens` by company where it is not the portal's."""
    found: dict[str, str] = {}
    for portal in portals:
        found |= connection_variable(portal.company, url, tokens.get(portal.company, portal.token))
    return found


def register(dsn: str, portal: PortalSpec) -> UUID:
    """Add the portal's company to `crm_integrations`."""
    with psycopg.connect(dsn) as conn:
        row = conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES (%s, %s, %s) RETURNING id",
            (portal.company, portal.portal_id, f"hubspot_{portal.company}"),
        ).fetchone()
    assert row is not None
    return row[0]
