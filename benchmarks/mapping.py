"""What a changed mapping costs: 100,000 stored deals computed anew."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from uuid import UUID

import psycopg

from airflow_hubspot.client import Record
from benchmarks.merge import ROWS, company, records
from benchmarks.site import database
from benchmarks.table import Figure
from commission_sync.mapping.compiled import Portal
from commission_sync.mapping.derive import DealMapping
from commission_sync.mapping.recompute import recompute
from commission_sync.mapping.versions import Documents, activate, check, save
from commission_sync.store import connect
from commission_sync.store.catalog import KnownProperty
from commission_sync.store.merge import Merger
from commission_sync.streams.deals import DEALS
from commission_sync.streams.landing import CHECKPOINT_ROWS
from commission_sync.streams.rows import RowBuilder

TARGET_SECONDS = 10
MAPPINGS = {
    "custom_property_1": "plan",
    "custom_property_2": {"field": "partner", "type": "text"},
    "custom_property_3": "split",
    "amount": {"field": "value", "type": "number", "required": True},
    "closedate": {"field": "closed on", "type": "date"},
}
FORMULAS = {
    "total_contract_value": "value * 12",
    "commission": "round(total_contract_value * 0.075, 2)",
    "bonus": 'if(total_contract_value > 1000 and year("closed on") = 2026, 50, 0)',
}


def recomputation() -> list[Figure]:
    """Measure the recomputation of stored deals whose fields all change, and of deals whose fields all stay."""
    with database() as dsn, closing(connect(dsn)) as conn:
        integration_id = company(conn, 1)
        _load(conn, integration_id)
        mapping = _activated(conn, integration_id)
        changed, seconds = _timed(conn, integration_id, mapping)
        unchanged, again = _timed(conn, integration_id, mapping)
        audited = conn.execute("SELECT count(*) FROM audit_log WHERE action = 'recompute'").fetchone()
    assert audited == (ROWS,)
    return [
        Figure(
            f"recompute of {ROWS:,} stored deals, five mapped and three calculated fields, audited",
            f"{seconds:.1f} s, {changed:,} rows written",
            f"<= {TARGET_SECONDS} s",
            seconds <= TARGET_SECONDS and changed == ROWS,
        ),
        Figure("the same again", f"{again:.1f} s, {unchanged} rows written", "nothing written", unchanged == 0),
    ]


def _load(conn: psycopg.Connection, integration_id: UUID) -> None:
    merger = Merger(
        conn, DEALS.spec, integration_id=integration_id, company_id="bench", actor="bench", sync_run_id=None
    )
    builder = RowBuilder(DEALS, frozenset(), "USD", DealMapping())
    for batch in _batches():
        with conn.transaction():
            merger.merge(builder.build(batch).rows)


def _batches() -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in records():
        batch.append(record)
        if len(batch) == CHECKPOINT_ROWS:
            yield batch
            batch = []


def _activated(conn: psycopg.Connection, integration_id: UUID) -> DealMapping:
    catalogue = {name: KnownProperty(name, name, "string", "text") for name in MAPPINGS}
    catalogue["amount"] = KnownProperty("amount", "Amount", "number", "number")
    catalogue["closedate"] = KnownProperty("closedate", "Close date", "datetime", "date")
    portal = Portal(catalogue)
    checked = check(Documents(json.dumps(MAPPINGS), json.dumps(FORMULAS)), portal)
    with conn.transaction():
        version = save(conn, integration_id, checked, portal, author="bench")
        activate(conn, integration_id, version, portal, actor="bench")
    return replace(checked.compiled.mapping, version=version)


def _timed(conn: psycopg.Connection, integration_id: UUID, mapping: DealMapping) -> tuple[int, float]:
    started = time.monotonic()
    done = recompute(conn, integration_id, mapping)
    assert done.deals == ROWS, done
    return done.changed, time.monotonic() - started
