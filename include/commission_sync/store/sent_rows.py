"""What was written to HubSpot: read again later, and what a run is undone from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from commission_sync.store.commissions import Values


@dataclass(frozen=True)
class SentRow:
    """A written row: what HubSpot had before it, what was asked for, and what it answered."""

    id: UUID
    deal_id: UUID
    crm_id: str
    properties: dict[str, str]
    observed: Values | None
    before: Values
    stored: Values | None


_SENT = "SELECT w.id, w.deal_id, w.crm_id, w.properties, w.observed, w.before, w.stored FROM commission_writebacks w "

# One whose answer told the values is left to the sync, which reads the change anyway, for a while.
_UNVERIFIED = (
    _SENT
    + """
WHERE w.integration_id = %(integration_id)s AND w.state = 'sent' AND w.verified_at IS NULL AND w.echoed_at IS NULL
  AND (%(at_once)s OR w.stored IS NULL OR w.sent_at < now() - %(patience)s)
  AND NOT EXISTS (SELECT FROM commission_writebacks n
                  WHERE n.deal_id = w.deal_id AND n.crm_updated_at > w.crm_updated_at)
ORDER BY w.sent_at LIMIT %(limit)s
"""
)


def unverified_rows(
    conn: psycopg.Connection, integration_id: UUID, *, at_once: bool, patience: timedelta, limit: int
) -> list[SentRow]:
    """Return written rows that have to be read again: the newest of their deal, which the sync has not shown yet."""
    values = {"integration_id": integration_id, "at_once": at_once, "patience": patience, "limit": limit}
    with conn.cursor(row_factory=class_row(SentRow)) as cursor:
        return cursor.execute(_UNVERIFIED, values).fetchall()


_OF_RUN = (
    _SENT
    + """
JOIN writeback_plans p ON p.id = w.plan_id
WHERE w.integration_id = %s AND p.dag_id = %s AND p.run_id = %s AND (w.state = 'sent' OR w.unanswered)
ORDER BY coalesce(w.sent_at, w.attempted_at)
"""
)


def rows_of_run(conn: psycopg.Connection, integration_id: UUID, dag_id: str, run_id: str) -> list[SentRow]:
    """Return what a run wrote for a company, and what it may have written."""
    with conn.cursor(row_factory=class_row(SentRow)) as cursor:
        return cursor.execute(_OF_RUN, (integration_id, dag_id, run_id)).fetchall()


_VERIFY = """
UPDATE commission_writebacks w
SET verified_at = clock_timestamp(), stored = coalesce(w.stored, v.found), mismatch = v.mismatch,
    crm_updated_at = coalesce(w.crm_updated_at, v.at)
FROM jsonb_to_recordset(%(verdicts)s) AS v (id uuid, found jsonb, mismatch jsonb, at timestamptz)
WHERE w.id = v.id
"""


@dataclass(frozen=True)
class Verdict:
    """What a later reading found: `mismatch` is `{property: [written, found]}`, None when it is as written."""

    id: UUID
    found: Values | None
    mismatch: Mapping[str, Sequence[str | None]] | None
    at: datetime | None


def record_verdicts(conn: psycopg.Connection, verdicts: Sequence[Verdict]) -> None:
    """Keep what re-reading found."""
    documents = [
        {
            "id": str(v.id),
            "found": v.found,
            "mismatch": v.mismatch,
            "at": v.at.isoformat() if v.at else None,
        }
        for v in verdicts
    ]
    conn.execute(_VERIFY, {"verdicts": Jsonb(documents)})
