"""The rows of write-back plans: one attempted change of one deal each, with what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from commission_sync.store.commissions import Commission, Values, commission_of


@dataclass(frozen=True)
class PendingRow:
    """A row that is to be applied.

    `commission` is the engine's row as it is now, None when it is gone. `ours` are the values on which we and HubSpot
    last agreed, and those that we may have written since (of an undo, only those that it undoes); `accepted` are
    HubSpot's values of a conflict that a person decided for ours. `was_tried` tells that an answer may be outstanding.
    """

    id: UUID
    deal_id: UUID
    crm_id: str
    properties: dict[str, str]
    commission: Commission | None
    ours: tuple[Values, ...]
    accepted: Values | None
    was_tried: bool
    is_archived: bool
    is_undo: bool


@dataclass(frozen=True)
class Outcome:
    """What came of a row; `at` is HubSpot's modified time of the deal that `observed` or `stored` is from."""

    id: UUID
    state: str
    crm_id: str
    observed: Values | None = None
    stored: Values | None = None
    at: datetime | None = None
    error: str | None = None
    correlation_id: str | None = None
    conflict: Sequence[Mapping[str, Any]] | None = None
    is_reread: bool = False


# What an earlier try may have written although no answer came: if HubSpot has it, it is ours and no conflict.
_NEXT = """
WITH picked AS (
    SELECT id, unanswered FROM commission_writebacks
    WHERE plan_id = %(plan_id)s AND state = 'pending' ORDER BY id LIMIT %(limit)s
    FOR UPDATE
), claimed AS (
    UPDATE commission_writebacks w SET attempts = w.attempts + 1, attempted_at = now(), unanswered = true
    FROM picked WHERE w.id = picked.id
    RETURNING w.*, picked.unanswered AS was_tried
)
SELECT w.id, w.deal_id, w.crm_id, w.properties, w.observed, w.resolution, w.was_tried,
       c.deal_id IS NOT NULL AS has_commission, c.amount, c.currency, c.status::text AS status,
       c.approved_date::text AS approved_date, c.paid,
       t.archived_at IS NOT NULL AS is_archived, agreed.values AS agreed,
       ARRAY(
           SELECT u.properties FROM commission_writebacks u
           WHERE u.deal_id = w.deal_id AND u.unanswered AND u.attempted_at >= coalesce(agreed.settled_at, '-infinity')
       ) AS unanswered,
       CASE WHEN p.kind = 'undo' THEN w.before END AS undoes
FROM claimed w
JOIN writeback_plans p ON p.id = w.plan_id
LEFT JOIN deal_commissions c ON c.deal_id = w.deal_id
LEFT JOIN deals t ON t.integration_id = w.integration_id AND t.crm_id = w.crm_id
LEFT JOIN LATERAL (
    SELECT coalesce(s.stored, s.properties) AS values, s.settled_at FROM commission_writebacks s
    WHERE s.deal_id = w.deal_id AND (s.state = 'sent' OR s.stored IS NOT NULL) ORDER BY s.settled_at DESC LIMIT 1
) agreed ON true
ORDER BY w.id
"""


def claim_rows(conn: psycopg.Connection, plan_id: UUID, limit: int) -> list[PendingRow]:
    """Return the next rows to apply, each noted as attempted before it is."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_NEXT, {"plan_id": plan_id, "limit": limit}).fetchall()
    return [_pending(row) for row in rows]


def _pending(row: Mapping[str, Any]) -> PendingRow:
    return PendingRow(
        id=row["id"],
        deal_id=row["deal_id"],
        crm_id=row["crm_id"],
        properties=row["properties"],
        commission=commission_of(row) if row["has_commission"] else None,
        ours=(row["undoes"],) if row["undoes"] is not None else _known_ours(row),
        accepted=row["observed"] if row["resolution"] == "ours" else None,
        was_tried=row["was_tried"],
        is_archived=row["is_archived"],
        is_undo=row["undoes"] is not None,
    )


def _known_ours(row: Mapping[str, Any]) -> tuple[Values, ...]:
    # Before our first write nothing is there, and nothing is what is expected.
    return (row["agreed"] or {}, *row["unanswered"])


_SETTLE = """
UPDATE commission_writebacks w
SET state = o.state, unanswered = false, observed = coalesce(o.observed, w.observed), stored = o.stored,
    last_error = o.error, settled_at = clock_timestamp(),
    crm_updated_at = coalesce(o.at, w.crm_updated_at), correlation_id = coalesce(o.correlation_id, w.correlation_id),
    conflict = coalesce(o.conflict, w.conflict),
    merged_from_crm_id = CASE WHEN o.crm_id <> w.crm_id THEN w.crm_id ELSE w.merged_from_crm_id END, crm_id = o.crm_id,
    sent_at = CASE WHEN o.state = 'sent' THEN clock_timestamp() END,
    verified_at = CASE WHEN o.state = 'sent' AND o.is_reread THEN clock_timestamp() END
FROM jsonb_to_recordset(%(outcomes)s) AS o (
    id uuid, state text, crm_id text, observed jsonb, stored jsonb, at timestamptz, error text, correlation_id text,
    conflict jsonb, is_reread bool
)
WHERE w.id = o.id AND w.state = 'pending'
"""


def settle_rows(conn: psycopg.Connection, outcomes: Sequence[Outcome]) -> None:
    """Keep what came of rows, in the caller's transaction."""
    conn.execute(_SETTLE, {"outcomes": Jsonb([_document(outcome) for outcome in outcomes])})


# What our lost answer was about has come back with the sync; what had failed was entered by somebody else.
_MEND = """
UPDATE commission_writebacks w
SET state = CASE WHEN unanswered THEN 'sent' ELSE 'skipped' END, last_error = NULL, stored = properties,
    settled_at = now(), sent_at = CASE WHEN unanswered THEN attempted_at END,
    verified_at = CASE WHEN unanswered THEN now() END, echoed_at = CASE WHEN unanswered THEN now() END,
    crm_updated_at = coalesce((SELECT max(t.crm_updated_at) FROM deals t
                               WHERE t.integration_id = w.integration_id AND t.crm_id = w.crm_id), crm_updated_at),
    unanswered = false
WHERE id = ANY (%s)
"""


def mend_rows(conn: psycopg.Connection, ids: Sequence[UUID]) -> None:
    """Close failed and conflicting rows whose values HubSpot has by now."""
    conn.execute(_MEND, (list(ids),))


def _document(outcome: Outcome) -> dict[str, Any]:
    facts = {name: getattr(outcome, name) for name in outcome.__dataclass_fields__}
    known = {name: value for name, value in facts.items() if value is not None}
    return known | {"id": str(outcome.id)} | ({"at": outcome.at.isoformat()} if outcome.at else {})


def taken_records(conn: psycopg.Connection, integration_id: UUID, crm_ids: Sequence[str]) -> set[str]:
    """Return those records that have a commission of their own."""
    rows = conn.execute(
        "SELECT d.crm_id FROM deals d JOIN deal_commissions c ON c.deal_id = d.id "
        "WHERE d.integration_id = %s AND d.crm_id = ANY (%s)",
        (integration_id, list(crm_ids)),
    ).fetchall()
    return {str(row[0]) for row in rows}


@dataclass(frozen=True)
class Problem:
    """A row that failed or is in conflict."""

    crm_id: str
    state: str
    last_error: str | None


def problems(conn: psycopg.Connection, plan_id: UUID, state: str, limit: int) -> list[Problem]:
    """Return the first rows of a plan in a state."""
    with conn.cursor(row_factory=class_row(Problem)) as cursor:
        return cursor.execute(
            "SELECT crm_id, state, last_error FROM commission_writebacks WHERE plan_id = %s AND state = %s "
            "ORDER BY id LIMIT %s",
            (plan_id, state, limit),
        ).fetchall()


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
  AND NOT EXISTS (SELECT FROM commission_writebacks n WHERE n.deal_id = w.deal_id AND n.sent_at > w.sent_at)
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
WHERE w.integration_id = %s AND p.dag_id = %s AND p.run_id = %s AND w.state = 'sent' ORDER BY w.sent_at
"""
)


def rows_of_run(conn: psycopg.Connection, integration_id: UUID, dag_id: str, run_id: str) -> list[SentRow]:
    """Return what a run wrote for a company."""
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


def writeback_settings(conn: psycopg.Connection, integration_id: UUID) -> dict[str, Any]:
    """Return the company's own settings of the write-back, as they stand in its row."""
    row = conn.execute("SELECT writeback_settings FROM crm_integrations WHERE id = %s", (integration_id,)).fetchone()
    assert row is not None
    return dict(row[0])
