"""The conversion of many deals against PostgreSQL's plain UPDATE of the same rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import psycopg

from benchmarks.site import database
from benchmarks.table import Figure
from commission_sync.fx.amounts import Amounts
from commission_sync.settings import Settings
from commission_sync.store.rates import Rate, save_rates

DEALS = 100_000
DAYS = 1_000
RATES = {"USD": "1.1", "GBP": "0.85", "JPY": "160.5", "CHF": "0.95", "SEK": "11.2"}
# What a plain UPDATE cannot do and a conversion must: find the rates, and write an audit row for each change.
MOST = 5

_DEALS = """
INSERT INTO deals (integration_id, company_id, crm_id, amount, currency, closed_at, crm_created_at, crm_updated_at)
SELECT %s, 'bench', n::text, n * 0.37, (ARRAY['EUR', 'USD', 'GBP', 'JPY', 'CHF', 'SEK'])[n %% 6 + 1],
       %s::timestamptz + n %% %s * interval '1 day', now(), now()
FROM generate_series(1, %s) n
"""
_PLAIN = """
UPDATE deals SET amount_base = amount, fx_rate = 1, fx_rate_date = closed_at::date, fx_source = 'x', fx_pair = 'x',
                 fx_anchor_date = closed_at::date
WHERE integration_id = %s
"""


def conversion() -> list[Figure]:
    """Measure a conversion of everything, one that finds nothing to do, and one after a single day's rates changed."""
    start = datetime(2023, 1, 1, 12, tzinfo=UTC)
    with database() as dsn, closing(psycopg.connect(dsn)) as conn:
        with conn.transaction():
            days = [start.date() + timedelta(days=n) for n in range(DAYS)]
            save_rates(conn, "ecb", [Rate("EUR", q, day, Decimal(r)) for day in days for q, r in RATES.items()])
        plain = _timed(conn, _company(conn, 1, start), lambda company: conn.execute(_PLAIN, (company,)).rowcount)
        company = _company(conn, 2, start)
        amounts = Amounts(company, Settings())
        fresh = _timed(conn, company, lambda _: amounts.of_all(conn, None))
        again = _timed(conn, company, lambda _: amounts.of_all(conn, None), changes=0)
    ratio = fresh / plain
    return [
        Figure(
            f"conversion of {DEALS:,} deals, {len(RATES) + 1} currencies, {DAYS:,} days, with audit",
            f"{fresh:.1f} s = {ratio:.1f} x a plain UPDATE of them ({plain:.1f} s)",
            f"<= {MOST} x",
            ratio <= MOST,
        ),
        Figure(f"the same {DEALS:,} deals again", f"{again:.2f} s, nothing written", "-", True),
    ]


def _company(conn: psycopg.Connection, portal_id: int, start: datetime) -> UUID:
    with conn.transaction():
        row = conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id, portal_time_zone) "
            "VALUES ('bench', %s, 'x', 'UTC') RETURNING id",
            (portal_id,),
        ).fetchone()
        assert row is not None
        conn.execute(_DEALS, (row[0], start, DAYS, DEALS))
    conn.execute("ANALYZE deals")
    conn.commit()
    return UUID(str(row[0]))


def _timed(conn: psycopg.Connection, company: UUID, work: Callable[[UUID], int], changes: int = DEALS) -> float:
    started = time.monotonic()
    with conn.transaction():
        changed = work(company)
    assert changed == changes, changed
    return time.monotonic() - started
