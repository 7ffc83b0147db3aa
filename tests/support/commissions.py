"""A company's commissions and their write-back, as its DAG would run it, without Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from commission_sync.store import connect
from commission_sync.store.integrations import Integration, integration
from commission_sync.store.plans import approve_plan
from commission_sync.store.writebacks import writeback_settings
from commission_sync.writeback.applying import Applied, Applier
from commission_sync.writeback.company import parse_settings
from commission_sync.writeback.planning import Planned, PlanRequest, make_plan
from commission_sync.writeback.properties import PROPERTIES
from commission_sync.writeback.verifying import Verified, verify
from world import World

NAMES = [declared.key for declared in PROPERTIES]
DAG_ID = "commission_writeback"

_PAY = """
INSERT INTO deal_commissions (deal_id, amount, currency, status, approved_date, paid)
SELECT id, %(amount)s::numeric, %(currency)s, %(status)s, %(approved_date)s::date, %(paid)s
FROM deals WHERE crm_id = ANY (%(ids)s)
ON CONFLICT (deal_id) DO UPDATE SET amount = excluded.amount, currency = excluded.currency, status = excluded.status,
    approved_date = excluded.approved_date, paid = excluded.paid, updated_at = now()
"""

_TABLE = """
SELECT d.crm_id, coalesce(c.amount::text, ''), c.status::text, coalesce(c.approved_date::text, ''), c.paid::text
FROM deal_commissions c JOIN deals d ON d.id = c.deal_id WHERE d.integration_id = %s
"""


@dataclass
class WriteBack:
    """The write-back of one company, with the questions that tests ask."""

    world: World
    _runs: Iterator[int] = field(default_factory=lambda: count(1))

    def flag(self, mode: str, **settings: Any) -> None:
        with psycopg.connect(self.world.dsn) as conn:
            conn.execute(
                "UPDATE crm_integrations SET feature_flags = %s, writeback_settings = %s",
                (Jsonb({"writeback": mode}), Jsonb(settings)),
            )

    def pay(
        self,
        ids: list[str],
        amount: str | None = "100.00",
        *,
        currency: str = "USD",
        status: str = "approved",
        approved_date: str | None = "2026-03-31",
        paid: bool = False,
    ) -> None:
        with psycopg.connect(self.world.dsn) as conn:
            values = {"ids": ids, "amount": amount, "currency": currency, "status": status}
            conn.execute(_PAY, values | {"approved_date": approved_date, "paid": paid})

    def pay_each(self, ids: list[str]) -> None:
        """Give each deal a commission of its own amount."""
        with psycopg.connect(self.world.dsn) as conn:
            conn.execute(
                "INSERT INTO deal_commissions (deal_id, amount, currency, status, approved_date) "
                "SELECT id, (row_number() OVER ())::numeric * 1000000.000000123, 'USD', 'approved', '2026-03-31' "
                "FROM deals WHERE crm_id = ANY (%s)",
                (ids,),
            )

    def company(self, conn: psycopg.Connection) -> Integration:
        with conn.transaction():
            return integration(conn, self.world.integration_id)

    def plan(self, *, run_id: str | None = None, undo_run_id: str | None = None) -> Planned:
        with closing(connect(self.world.dsn)) as conn:
            request = PlanRequest(DAG_ID, run_id or f"run-{next(self._runs)}", undo_run_id)
            return make_plan(conn, self.company(conn), request)

    def approve(self, planned: Planned, by: str = "ana") -> bool:
        assert planned.plan is not None
        with closing(connect(self.world.dsn)) as conn, conn.transaction():
            return approve_plan(conn, planned.plan.id, by)

    def apply(self, planned: Planned, **client: Any) -> Applied:
        assert planned.plan is not None, planned.why
        with closing(connect(self.world.dsn)) as conn, self.world.client(**client) as hubspot:
            return Applier(self.company(conn), hubspot, conn, sleep=lambda _: None).apply(planned.plan.id)

    def run(self, *, run_id: str | None = None, undo_run_id: str | None = None) -> Applied | None:
        """Plan and apply, as with the flag `on` within the caps; None when there was nothing to do."""
        planned = self.plan(run_id=run_id, undo_run_id=undo_run_id)
        if planned.plan is None:
            return None
        applied = self.apply(planned)
        with closing(connect(self.world.dsn)) as conn, conn.transaction():
            applied.check(parse_settings(writeback_settings(conn, self.world.integration_id)))
        return applied

    def verify(self, *, at_once: bool = False) -> Verified:
        with closing(connect(self.world.dsn)) as conn, self.world.client() as hubspot:
            layout = parse_settings(writeback_settings(conn, self.world.integration_id)).layout
            conn.commit()
            return verify(hubspot, conn, self.world.integration_id, layout, at_once=at_once)

    def in_hubspot(self, names: list[str] = NAMES) -> dict[str, tuple[str, ...]]:
        """The commission properties of every deal that has any."""
        truth = self.world.emulator.admin.truth(self.world.portal.portal_id)
        found = {r["id"]: tuple(r["properties"].get(name) or "" for name in names) for r in truth}
        return {crm_id: values for crm_id, values in found.items() if any(values)}

    def in_table(self) -> dict[str, tuple[str, ...]]:
        """The same, as `deal_commissions` wants it."""
        return {crm_id: tuple(values) for crm_id, *values in self.world.query(_TABLE, self.world.integration_id)}

    def past_values(self, name: str) -> dict[str, list[str]]:
        """All values that a property ever had, by deal, without those that are empty."""
        ids = list(self.in_hubspot())
        found: dict[str, list[str]] = {}
        with self.world.client() as client:
            for start in range(0, len(ids), 50):
                read = client.objects.batch_read_history("deals", ids[start : start + 50], [name])
                for record in read.results:
                    past = record["propertiesWithHistory"][name]
                    found[record["id"]] = [entry["value"] for entry in past if entry["value"]]
        return found

    def calls(self) -> dict[str, int]:
        """How often each operation was asked for since the last time."""
        admin = self.world.emulator.admin
        figures = admin.stats(self.world.portal.portal_id)["by_operation"]
        admin.reset_stats()
        return dict(figures)

    def states(self) -> dict[str, int]:
        return dict(self.world.query("SELECT state, count(*)::int FROM commission_writebacks GROUP BY state"))

    def problems(self) -> list[tuple[str, str, str]]:
        return self.world.query("SELECT crm_id, state, last_error FROM writeback_problems ORDER BY crm_id")
