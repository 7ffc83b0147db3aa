"""The write-back against the fewest calls that HubSpot allows, and its plan against reading the same rows."""

from __future__ import annotations

import time
from contextlib import closing
from uuid import UUID

import psycopg

from airflow_hubspot.client import HubSpotClient
from benchmarks.floor import WINDOW_SECONDS
from benchmarks.site import database, site
from benchmarks.table import Figure
from commission_sync.store import connect
from commission_sync.store.integrations import Integration, integration
from commission_sync.writeback.applying import Applier
from commission_sync.writeback.planning import PlanRequest, make_plan

COMMISSIONS = 10_000
PLANNED = 100_000
# One reading and one writing for each batch of 100.
FLOOR = 2 * COMMISSIONS // 100
MOST = 5

_ON = 'UPDATE crm_integrations SET feature_flags = \'{"writeback": "on"}\''
_PAY = """
INSERT INTO deal_commissions (deal_id, amount, currency, status, approved_date)
SELECT id, amount * 0.07, 'USD', 'approved', '2026-03-31' FROM deals
"""
_DEALS = """
INSERT INTO deals (integration_id, company_id, crm_id, amount, currency, crm_updated_at, properties)
SELECT %s, 'bench', n::text, n, 'USD', now(), jsonb_build_object(
    'commission_amount', trim_scale(n * 0.07)::text, 'commission_status', 'approved',
    'commission_approved_date', '2026-03-31', 'commission_paid', 'false', 'description', repeat('text ', 200))
FROM generate_series(1, %s) n
"""
_PLAIN = "SELECT d.*, c.* FROM deals d JOIN deal_commissions c ON c.deal_id = d.id WHERE d.integration_id = %s"


def writeback() -> list[Figure]:
    """Measure a first write of many commissions under real limits, and a plan that finds nothing to do."""
    return [_first_write(), _idle_plan()]


def _first_write() -> Figure:
    with site(COMMISSIONS) as place:
        place.run()
        # The first load's calls are not to be waited for, nor refused.
        time.sleep(WINDOW_SECONDS)
        with (
            closing(connect(place.dsn)) as conn,
            HubSpotClient(token=place.portal.token, base_url=place.emulator.url) as client,
        ):
            with conn.transaction():
                conn.execute(_ON)
                conn.execute(_PAY)
            started = time.monotonic()
            company = _company(conn, place.integration_id)
            planned = make_plan(conn, company, PlanRequest("bench", "bench"))
            assert planned.plan is not None
            applied = Applier(company, client, conn).apply(planned.plan.id)
            seconds = time.monotonic() - started
            assert applied.counts == {"sent": COMMISSIONS}
        stats = client.stats.snapshot()
    calls = sum(n for name, n in stats.by_operation.items() if name.startswith("deals.batch."))
    return Figure(
        f"first write of {COMMISSIONS:,} commissions, real limits",
        f"{calls} calls = {calls / FLOOR:.2f} x the fewest, {seconds:.1f} s, of which {stats.waited_seconds:.1f} s "
        "waiting for the limit",
        "1.00 x",
        calls == FLOOR,
    )


def _idle_plan() -> Figure:
    with database() as dsn, closing(connect(dsn)) as conn:
        with conn.transaction():
            row = conn.execute(
                "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('bench', 1, 'x') RETURNING id"
            ).fetchone()
            assert row is not None
            conn.execute(_ON)
            conn.execute(_DEALS, (row[0], PLANNED))
            conn.execute(_PAY)
        with closing(psycopg.connect(dsn, autocommit=True)) as other:
            other.execute("ANALYZE")
        plain = _timed_plain(conn, row[0])
        started = time.monotonic()
        assert make_plan(conn, _company(conn, row[0]), PlanRequest("bench", "bench")).plan is None
        seconds = time.monotonic() - started
    return Figure(
        f"plan of {PLANNED:,} approved commissions without a difference",
        f"{seconds:.1f} s = {seconds / plain:.1f} x reading their rows ({plain:.1f} s), no call",
        f"<= {MOST} x",
        seconds <= MOST * plain,
    )


def _timed_plain(conn: psycopg.Connection, company: UUID) -> float:
    started = time.monotonic()
    with conn.transaction(), conn.cursor(name="plain") as cursor:
        assert sum(1 for _ in cursor.execute(_PLAIN, (company,))) == PLANNED
    return time.monotonic() - started


def _company(conn: psycopg.Connection, integration_id: UUID) -> Integration:
    with conn.transaction():
        return integration(conn, integration_id)
