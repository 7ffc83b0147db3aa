"""The merge against PostgreSQL's own COPY of the same rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import UUID

import psycopg

from airflow_hubspot.client import Record
from benchmarks.site import database
from benchmarks.table import Figure
from commission_sync.mapping.derive import DealMapping
from commission_sync.store.merge import Merger
from commission_sync.streams.deals import DEALS
from commission_sync.streams.landing import CHECKPOINT_ROWS
from commission_sync.streams.rows import RowBuilder

ROWS = 100_000
PROPERTIES = 60
# The disk's mood changes from minute to minute, so both sides are measured in turns.
PAIRS = 3


def merge() -> list[Figure]:
    """Measure a fresh merge as a ratio to raw COPY, and a second one that finds nothing changed."""
    builder = RowBuilder(DEALS, frozenset(), "USD", DealMapping())
    rows = builder.build(records()).rows
    pairs = []
    with database() as dsn, closing(psycopg.connect(dsn)) as conn:
        for number in range(PAIRS):
            integration_id = company(conn, number)
            pairs.append((_raw_copy(conn, rows), _merge(conn, integration_id, rows)))
        again = _merge(conn, integration_id, rows)
    raw, fresh = sorted(pairs, key=lambda pair: pair[0] / pair[1])[PAIRS // 2]
    ratio = raw / fresh
    return [
        Figure(
            f"merge of {ROWS:,} new rows with audit and checkpoints every {CHECKPOINT_ROWS:,}",
            f"{ROWS / fresh:,.0f} rows/s, raw COPY {ROWS / raw:,.0f} rows/s, "
            f"ratio {ratio:.2f} (median of {PAIRS} pairs)",
            ">= 0.5 x raw COPY",
            ratio >= 0.5,
        ),
        Figure(f"the same {ROWS:,} rows again", f"{again:.2f} s, nothing written", "-", True),
    ]


def records() -> Iterator[Record]:
    """Yield deals with 60 properties, 54 of them a portal's own."""
    for i in range(ROWS):
        properties: dict[str, str | None] = {f"custom_property_{n}": f"value {i * n}" for n in range(PROPERTIES - 6)}
        properties |= {
            "dealname": f"Deal {i}",
            "amount": f"{i}.50",
            "pipeline": "default",
            "dealstage": "closedwon",
            "hs_is_closed": "true",
            "closedate": "2026-05-01T10:00:00Z",
        }
        when = "2026-06-01T00:00:00.001Z"
        yield {"id": str(10**10 + i), "properties": properties, "createdAt": when, "updatedAt": when, "archived": False}


def company(conn: psycopg.Connection, portal_id: int) -> UUID:
    """Add a company and return its id."""
    with conn.transaction():
        row = conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('bench', %s, 'x') RETURNING id",
            (portal_id,),
        ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def _raw_copy(conn: psycopg.Connection, rows: list[tuple[Any, ...]]) -> float:
    columns = DEALS.spec.columns
    listed = ", ".join(c.name for c in columns)
    conn.execute("DROP TABLE IF EXISTS raw_copy")
    conn.execute(f"CREATE TABLE raw_copy AS SELECT {listed} FROM deals WITH NO DATA")
    conn.commit()
    started = time.monotonic()
    for start in range(0, len(rows), CHECKPOINT_ROWS):
        with (
            conn.transaction(),
            conn.cursor() as cursor,
            cursor.copy("COPY raw_copy FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.set_types([c.pg_type for c in columns])
            for row in rows[start : start + CHECKPOINT_ROWS]:
                copy.write_row([_Json(v) if c.pg_type == "jsonb" else v for c, v in zip(columns, row, strict=True)])
    return time.monotonic() - started


class _Json(psycopg.types.json.Jsonb):
    """A document that is text already."""

    def __init__(self, text: str) -> None:
        super().__init__(text, dumps=str.encode)


def _merge(conn: psycopg.Connection, company_id: UUID, rows: list[tuple[Any, ...]]) -> float:
    merger = Merger(conn, DEALS.spec, integration_id=company_id, company_id="bench", actor="bench", sync_run_id=None)
    started = time.monotonic()
    for start in range(0, len(rows), CHECKPOINT_ROWS):
        with conn.transaction():
            merger.merge(rows[start : start + CHECKPOINT_ROWS])
    return time.monotonic() - started
