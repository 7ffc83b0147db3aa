"""Records whose stored document lacks a property that is wanted now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from commission_sync.store.merge import take_turn

_FIND = """
SELECT crm_id FROM {table}
WHERE integration_id = %s AND archived_at IS NULL AND crm_id > %s AND NOT properties ?& %s::text[]
ORDER BY crm_id LIMIT %s
"""


def records_with_gaps(
    conn: psycopg.Connection, integration_id: UUID, table: str, names: Sequence[str], *, after: str, limit: int
) -> list[str]:
    """Return ids, behind the given one, of live records that lack one of the named properties."""
    statement = sql.SQL(_FIND).format(table=sql.Identifier(table))
    return [row[0] for row in conn.execute(statement, (integration_id, after, list(names), limit))]


_LOCK = """
SELECT crm_id, properties FROM {table} WHERE integration_id = %s AND crm_id = ANY (%s) ORDER BY crm_id FOR NO KEY UPDATE
"""


def documents_for_update(
    conn: psycopg.Connection, integration_id: UUID, table: str, ids: Sequence[str]
) -> list[tuple[str, dict[str, Any]]]:
    """Return records with their documents, which nobody else can change until the caller's transaction ends."""
    take_turn(conn, integration_id, table)
    statement = sql.SQL(_LOCK).format(table=sql.Identifier(table))
    return conn.execute(statement, (integration_id, list(ids))).fetchall()


@dataclass(frozen=True)
class FilledDocument:
    """A document that has no gap any more, its hash, and as `{property: [null, value]}` what is new; JSON as text."""

    crm_id: str
    properties: str
    content_hash: bytes
    changes: str


_STAGE = """
CREATE TEMP TABLE IF NOT EXISTS stage_filled (crm_id text, properties jsonb, content_hash bytea, changes jsonb)
ON COMMIT DELETE ROWS
"""

_FILL = """
WITH written AS (
    UPDATE {table} AS d SET properties = s.properties, content_hash = s.content_hash, synced_at = now()
    FROM stage_filled s
    WHERE d.integration_id = %(integration_id)s AND d.crm_id = s.crm_id
    RETURNING d.crm_id, s.changes
)
INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor)
SELECT %(integration_id)s, %(entity)s, crm_id, 'update', changes, 'backfill' FROM written WHERE changes <> '{{}}'
"""


def fill_gaps(
    conn: psycopg.Connection, integration_id: UUID, table: str, entity: str, rows: Sequence[FilledDocument]
) -> None:
    """Write documents without gaps, with an audit row for each that gained a value."""
    if not rows:
        return
    conn.execute(_STAGE)
    with conn.cursor() as cursor, cursor.copy("COPY stage_filled FROM STDIN") as copy:
        for row in rows:
            copy.write_row(astuple(row))
    statement = sql.SQL(_FILL).format(table=sql.Identifier(table))
    conn.execute(statement, {"integration_id": integration_id, "entity": entity})
