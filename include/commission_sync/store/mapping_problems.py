"""What a mapping could not do: for single deals, and for a whole field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class Problem:
    """A field of a deal without a sound value; `crm_updated_at` is the deal's version that was looked at."""

    crm_id: str
    crm_updated_at: datetime
    field: str
    reason: str


# A version that is older than the stored one says nothing about the deal as it is.
_RECORD = """
INSERT INTO mapping_problems AS m (integration_id, crm_id, field, reason)
SELECT %(integration_id)s, p.crm_id, p.field, min(p.reason)
FROM unnest(%(crm_ids)s::text[], %(versions)s::timestamptz[], %(fields)s::text[], %(reasons)s::text[])
    AS p (crm_id, crm_updated_at, field, reason)
JOIN deals d ON d.integration_id = %(integration_id)s AND d.crm_id = p.crm_id
    AND d.crm_updated_at <= p.crm_updated_at
GROUP BY p.crm_id, p.field
ON CONFLICT (integration_id, crm_id, field) WHERE resolved_at IS NULL DO UPDATE
SET reason = excluded.reason, last_seen_at = now()
"""

_RESOLVE = """
UPDATE mapping_problems m SET resolved_at = now()
FROM unnest(%(crm_ids)s::text[], %(versions)s::timestamptz[]) AS looked_at (crm_id, crm_updated_at)
JOIN deals d ON d.integration_id = %(integration_id)s AND d.crm_id = looked_at.crm_id
    AND d.crm_updated_at <= looked_at.crm_updated_at
WHERE m.integration_id = %(integration_id)s AND m.crm_id = looked_at.crm_id AND m.resolved_at IS NULL
  AND NOT EXISTS (
    SELECT FROM unnest(%(problem_ids)s::text[], %(fields)s::text[]) AS p (crm_id, field)
    WHERE p.crm_id = m.crm_id AND p.field = m.field)
"""


def settle_problems(
    conn: psycopg.Connection,
    integration_id: UUID,
    looked_at: Sequence[tuple[str, datetime]],
    problems: Sequence[Problem],
) -> None:
    """Keep the problems of the deals that were looked at, each with its version, and close those they have no more."""
    any_open = conn.execute(
        "SELECT 1 FROM mapping_problems WHERE integration_id = %s AND resolved_at IS NULL LIMIT 1", (integration_id,)
    ).fetchone()
    values: dict[str, Any] = {
        "integration_id": integration_id,
        "fields": [p.field for p in problems],
        "reasons": [p.reason for p in problems],
    }
    if any_open is not None:
        ids, versions = [crm_id for crm_id, _ in looked_at], [at for _, at in looked_at]
        problem_ids = [p.crm_id for p in problems]
        conn.execute(_RESOLVE, values | {"crm_ids": ids, "versions": versions, "problem_ids": problem_ids})
    if problems:
        ids, versions = [p.crm_id for p in problems], [p.crm_updated_at for p in problems]
        conn.execute(_RECORD, values | {"crm_ids": ids, "versions": versions})


_BREACHES = """
WITH found AS (
    SELECT * FROM jsonb_to_recordset(%(breaches)s)
        AS b (field text, kind text, property text, message text, is_error bool)
), kept AS (
    INSERT INTO mapping_breaches AS m (integration_id, field, kind, property, message, is_error)
    SELECT DISTINCT ON (field, kind, property) %(integration_id)s, field, kind, property, message, is_error
    FROM found ORDER BY field, kind, property, is_error DESC, message
    ON CONFLICT (integration_id, field, kind, property) WHERE resolved_at IS NULL DO UPDATE
    SET message = excluded.message, is_error = excluded.is_error, last_seen_at = now()
    RETURNING id
)
UPDATE mapping_breaches SET resolved_at = now()
WHERE integration_id = %(integration_id)s AND resolved_at IS NULL AND id NOT IN (SELECT id FROM kept)
"""


def settle_breaches(conn: psycopg.Connection, integration_id: UUID, breaches: Sequence[Mapping[str, Any]]) -> None:
    """Keep what is wrong with a company's mapping now, and close what is no longer.

    Each breach has field, kind, property, message and is_error.
    """
    conn.execute(_BREACHES, {"integration_id": integration_id, "breaches": Jsonb(list(breaches))})


@dataclass(frozen=True)
class Breach:
    """Something wrong with a field of a mapping that counts."""

    field: str
    kind: str
    property: str | None
    message: str
    is_error: bool
    first_seen_at: datetime


def open_breaches(conn: psycopg.Connection, integration_id: UUID) -> list[Breach]:
    """Return what the last look at a company's mapping found wrong with it, errors first."""
    with conn.cursor(row_factory=class_row(Breach)) as cursor:
        return cursor.execute(
            "SELECT field, kind, property, message, is_error, first_seen_at FROM mapping_breaches "
            "WHERE integration_id = %s AND resolved_at IS NULL ORDER BY NOT is_error, field, message",
            (integration_id,),
        ).fetchall()


@dataclass(frozen=True)
class OpenProblem:
    """A field of a deal that has no sound value."""

    crm_id: str
    field: str
    reason: str


def open_problems(conn: psycopg.Connection, integration_id: UUID, most: int) -> tuple[int, list[OpenProblem]]:
    """Return how many fields of deals have no sound value, and those that came up last."""
    row = conn.execute(
        "SELECT count(*) FROM mapping_problems WHERE integration_id = %s AND resolved_at IS NULL", (integration_id,)
    ).fetchone()
    with conn.cursor(row_factory=class_row(OpenProblem)) as cursor:
        newest = cursor.execute(
            "SELECT crm_id, field, reason FROM mapping_problems WHERE integration_id = %s AND resolved_at IS NULL "
            "ORDER BY last_seen_at DESC, crm_id, field LIMIT %s",
            (integration_id, most),
        ).fetchall()
    return (int(row[0]) if row else 0), newest
