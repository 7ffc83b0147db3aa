"""What a scoring costs: 100,000 deals and 200,000 line items, of which many are wrong."""

from __future__ import annotations

import time
from contextlib import closing
from uuid import UUID

import psycopg

from benchmarks.merge import company
from benchmarks.site import database
from benchmarks.table import Figure
from commission_sync.quality import Scored, ScoredBy, Scoring
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.streams.deals import DEALS
from commission_sync.streams.line_items import LINE_ITEMS

ROWS = 100_000
TARGET_SECONDS = 10

# One deal in ten has no owner, one in twenty another amount than its line items.
_DATA = """
INSERT INTO crm_owners (integration_id, crm_id) SELECT %(id)s, n::text FROM generate_series(0, 49) n;
INSERT INTO crm_stages (integration_id, pipeline, pipeline_label, stage, stage_label, display_order, probability)
SELECT %(id)s, 'p', 'P', n::text, n::text, n, 0.4 FROM generate_series(0, 6) n;
INSERT INTO deals (integration_id, company_id, crm_id, amount, currency, pipeline, stage, is_closed, is_won,
                   owner_crm_id, closed_at, crm_updated_at, properties)
SELECT %(id)s, 'bench', n::text, CASE WHEN n %% 20 = 0 THEN 1 ELSE n * 2 END, 'USD', 'p', (n %% 7)::text, n %% 7 > 4,
       n %% 7 = 6, CASE WHEN n %% 10 > 0 THEN (n %% 50)::text END, now(), now(),
       jsonb_build_object('filler', repeat('x', 2000))
FROM generate_series(1, %(rows)s) n;
INSERT INTO deal_line_items (integration_id, company_id, deal_id, deal_crm_id, crm_id, quantity, total, currency)
SELECT %(id)s, 'bench', d.id, d.crm_id, d.crm_id || '-' || k, 1, d.crm_id::int, 'USD'
FROM deals d, generate_series(1, 2) k WHERE d.integration_id = %(id)s;
INSERT INTO sync_cursors (integration_id, stream, cursor_at)
SELECT %(id)s, stream, now() FROM unnest(ARRAY['deals', 'line_items']) stream
"""


def quality() -> list[Figure]:
    """Measure the scoring of a large company's deals and line items."""
    with database() as dsn, closing(connect(dsn)) as conn:
        integration_id = company(conn, 1)
        _fill(dsn, integration_id)
        started = time.monotonic()
        deals, line_items = _score(conn, integration_id)
        seconds = time.monotonic() - started
    wrong = sum(part.count for part in deals.score.parts.values())
    assert (deals.records, line_items.records, wrong > ROWS // 10) == (ROWS, 2 * ROWS, True)
    return [
        Figure(
            f"quality scores of {ROWS:,} deals and {2 * ROWS:,} line items",
            f"{seconds:.1f} s, {wrong:,} findings",
            f"<= {TARGET_SECONDS} s",
            seconds <= TARGET_SECONDS,
        )
    ]


def _fill(dsn: str, integration_id: UUID) -> None:
    # Values are written into the statements by the client, as several at once take no parameters.
    with psycopg.connect(dsn, cursor_factory=psycopg.ClientCursor) as conn:
        conn.execute(_DATA, {"id": integration_id, "rows": ROWS})
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("ANALYZE deals, deal_line_items")


def _score(conn: psycopg.Connection, integration_id: UUID) -> list[Scored]:
    with conn.transaction():
        found = integration(conn, integration_id)
    return Scoring(conn, found, Settings(), ScoredBy("bench"), (DEALS, LINE_ITEMS)).run()
