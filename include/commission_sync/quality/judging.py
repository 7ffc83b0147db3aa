"""Judges one stream of one company, in one snapshot of the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from commission_sync.fx.currencies import exponents
from commission_sync.quality.completeness import COMPLETENESS
from commission_sync.quality.consistency import CONSISTENCY
from commission_sync.quality.dimension import Dimension
from commission_sync.quality.freshness import FRESHNESS
from commission_sync.quality.parity import PARITY
from commission_sync.quality.points import Judged, Loss
from commission_sync.quality.subject import SUBJECTS
from commission_sync.quality.validity import VALIDITY
from commission_sync.store.integrations import Integration
from commission_sync.streams.stream import Stream

DIMENSIONS = (COMPLETENESS, VALIDITY, FRESHNESS, CONSISTENCY, PARITY)
# So many findings of each dimension are kept, those that cost most.
KEPT_FINDINGS = 100

# The records are read and weighed once; every rule judges them by these weights.
_WEIGH: LiteralString = """
CREATE TEMPORARY TABLE quality_records ON COMMIT DROP AS
WITH records AS MATERIALIZED ({records}), typical AS (
    SELECT coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY money) FILTER (WHERE money > 0), 1) AS money
    FROM records
)
SELECT r.*, greatest(coalesce(r.money, t.money) * r.chance, 1) AS weight, t.money AS typical
FROM records r CROSS JOIN typical t
"""

# What rules may read besides the records; what no rule of a dimension reads costs nothing.
_AIDS: LiteralString = """
WITH quality_typical AS (
    SELECT coalesce((SELECT typical FROM quality_records LIMIT 1), 1) AS money
), quality_cursor AS (
    SELECT cursor_at FROM sync_cursors WHERE integration_id = %(integration_id)s AND stream = %(stream)s
), quality_fields AS (
    SELECT m.key AS property, true AS is_mapped,
           CASE jsonb_typeof(m.value) WHEN 'object' THEN m.value ->> 'field' ELSE m.value #>> '{}' END AS field
    FROM crm_integrations i CROSS JOIN LATERAL jsonb_each(
        CASE jsonb_typeof(i.property_mappings) WHEN 'object' THEN i.property_mappings ELSE '{}' END) m
    WHERE i.id = %(integration_id)s
    UNION ALL
    SELECT NULL, false, c.key FROM crm_integrations i CROSS JOIN LATERAL jsonb_each(
        CASE jsonb_typeof(i.calculated_fields) WHEN 'object' THEN i.calculated_fields ELSE '{}' END) c
    WHERE i.id = %(integration_id)s
), quality_problems AS (
    SELECT p.crm_id, p.field, p.reason, coalesce(f.is_mapped, false) AS is_mapped,
           f.property IS NOT NULL AND coalesce(d.properties ->> f.property, '') = '' AS is_missing
    FROM mapping_problems p
    JOIN deals d ON d.integration_id = p.integration_id AND d.crm_id = p.crm_id
    LEFT JOIN quality_fields f ON f.field = p.field
    WHERE p.integration_id = %(integration_id)s AND p.resolved_at IS NULL
)
"""

# A record that is wrong in several ways loses its money once: its findings share it.
_FOUND: LiteralString = """, shared AS (
    SELECT rule, crm_id, what,
           CASE WHEN crm_id IS NULL THEN money ELSE money / count(*) OVER (PARTITION BY crm_id) END AS money
    FROM found
)
SELECT rule, crm_id, money, what, count(*) OVER () AS findings, sum(money) OVER () AS lost
FROM shared ORDER BY money DESC, rule, crm_id LIMIT %(kept)s
"""


@dataclass(frozen=True)
class Verdict:
    """What was found of a stream: its live records, the money that hangs on them, and every dimension."""

    records: int
    money: Decimal
    dimensions: Sequence[Judged]
    is_empty: bool


def judge(conn: psycopg.Connection, company: Integration, stream: Stream, *, now: datetime, sla: timedelta) -> Verdict:
    """Judge a stream; `conn` must not be in a transaction, as this takes a snapshot of its own."""
    values = {
        "integration_id": company.id,
        "stream": stream.name,
        "type": stream.type,
        "currencies": sorted(exponents()),
        "now": now,
        "sla": sla,
        "kept": KEPT_FINDINGS,
    }
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        conn.execute(sql.SQL(_WEIGH).format(records=sql.SQL(SUBJECTS[stream.table].records)), values)
        conn.execute("ANALYZE quality_records")
        dimensions = [_judged(conn, company, stream, dimension, values) for dimension in DIMENSIONS]
        records, money = _one(conn, "SELECT count(*), coalesce(sum(weight), 0) FROM quality_records", {})
        (rejects,) = _one(
            conn,
            "SELECT count(*) FROM sync_rejects "
            "WHERE integration_id = %(integration_id)s AND stream = %(stream)s AND resolved_at IS NULL",
            values,
        )
    return Verdict(records, money, dimensions, is_empty=not records and not rejects)


def _judged(
    conn: psycopg.Connection, company: Integration, stream: Stream, dimension: Dimension, values: dict[str, Any]
) -> Judged:
    money, reason = _one(conn, _AIDS + "SELECT " + dimension.money + ", " + dimension.unknown, values)
    if reason is not None:
        return Judged(dimension.name, dimension.weight, reason=reason)
    rules = [r for r in dimension.rules if stream.table in r.tables and company.has_feature(r.feature)]
    if not rules:
        return Judged(dimension.name, dimension.weight, reason="this stream has nothing to hold against it")
    # The names are those of the declarations, so they are safe to be written into the statement.
    found = " UNION ALL ".join(f"SELECT '{r.name}' AS rule, crm_id, money, what FROM ({r.found}) f" for r in rules)
    rows = conn.execute(_AIDS + ", found AS (" + found + ")" + _FOUND, values).fetchall()
    count, lost = rows[0][4:] if rows else (0, Decimal())
    losses = [Loss(rule, crm_id, money_lost, what) for rule, crm_id, money_lost, what, *_ in rows]
    return Judged(dimension.name, dimension.weight, money, lost, count, losses)


def _one(conn: psycopg.Connection, statement: str, values: dict[str, Any]) -> tuple[Any, ...]:
    row = conn.execute(statement, values).fetchone()
    assert row is not None
    return row
