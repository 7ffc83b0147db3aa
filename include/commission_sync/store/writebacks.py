"""The rows of write-back plans: one attempted change of one deal each, with what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from commission_sync.store.commissions import Commission, Values, commission_of
from commission_sync.store.plan_lease import Lease


@dataclass(frozen=True)
class Maybe:
    """A row whose values HubSpot may have, or may still get, although no answer was seen."""

    id: UUID
    values: Values


@dataclass(frozen=True)
class PendingRow:
    """A row that is to be applied.

    `commission` is the engine's row as it is now, None when it is gone. `ours` are the values on which we and HubSpot
    last agreed, and all that we may have written (of an undo, only those that it undoes); `accepted` are HubSpot's
    values of a conflict that a person decided for ours. `maybes` are the sends to the deal or its record of which
    nobody knows what came of them; `was_tried` tells that this row is one of those.
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
    maybes: tuple[Maybe, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of a row; `at` is HubSpot's modified time of the deal that `observed` or `stored` is from.

    `is_fact` tells that it rests on HubSpot's answer to the row's own values, or on having found them: it is kept
    whatever has become of the plan meanwhile. `is_known` tells that no send of the row can be outstanding after it.
    """

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
    is_fact: bool = False
    is_known: bool = False


# What any plan may have written on the deal or its record is ours, if HubSpot has it, and no conflict.
_NEXT = """
WITH picked AS (
    SELECT id FROM commission_writebacks
    WHERE plan_id = %(plan_id)s AND state = 'pending' ORDER BY id LIMIT %(limit)s
    FOR UPDATE
), claimed AS (
    UPDATE commission_writebacks w SET attempts = w.attempts + 1,
        -- From the send whose answer is outstanding the time counts after which nothing can be on its way any more.
        attempted_at = CASE WHEN w.unanswered THEN w.attempted_at ELSE clock_timestamp() END
    FROM picked WHERE w.id = picked.id
    RETURNING w.*
)
SELECT w.id, w.deal_id, w.crm_id, w.properties, w.observed, w.resolution, w.unanswered AS was_tried,
       c.deal_id IS NOT NULL AS has_commission, c.amount, c.currency, c.status::text AS status,
       c.approved_date::text AS approved_date, c.paid,
       t.archived_at IS NOT NULL AS is_archived, agreed.values AS agreed,
       ARRAY(
           SELECT jsonb_build_object('id', u.id, 'values', coalesce(u.sending, u.properties), 'is_undone',
               u.id = w.id OR (up.dag_id, up.run_id) = (p.dag_id, p.undoes_run_id))
           FROM commission_writebacks u JOIN writeback_plans up ON up.id = u.plan_id
           WHERE u.integration_id = w.integration_id AND (u.deal_id = w.deal_id OR u.crm_id = w.crm_id) AND u.unanswered
           ORDER BY u.attempted_at
       ) AS maybes,
       CASE WHEN p.kind = 'undo' THEN w.before END AS undoes
FROM claimed w
JOIN writeback_plans p ON p.id = w.plan_id
LEFT JOIN deal_commissions c ON c.deal_id = w.deal_id
LEFT JOIN deals t ON t.integration_id = w.integration_id AND t.crm_id = w.crm_id
LEFT JOIN LATERAL (
    SELECT coalesce(s.stored, s.properties) AS values FROM commission_writebacks s
    WHERE s.deal_id = w.deal_id AND (s.state = 'sent' OR s.stored IS NOT NULL)
    ORDER BY coalesce(s.crm_updated_at, s.settled_at) DESC, s.settled_at DESC LIMIT 1
) agreed ON true
ORDER BY w.id
"""


def claim_rows(conn: psycopg.Connection, plan_id: UUID, limit: int) -> list[PendingRow]:
    """Return the next rows to apply, each noted as attempted before it is."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_NEXT, {"plan_id": plan_id, "limit": limit}).fetchall()
    return [_pending(row) for row in rows]


def _pending(row: Mapping[str, Any]) -> PendingRow:
    is_undo = row["undoes"] is not None
    # Before our first write nothing is there, and nothing is what is expected.
    expected = row["undoes"] if is_undo else row["agreed"] or {}
    return PendingRow(
        id=row["id"],
        deal_id=row["deal_id"],
        crm_id=row["crm_id"],
        properties=row["properties"],
        commission=commission_of(row) if row["has_commission"] else None,
        ours=(expected, *(m["values"] for m in row["maybes"] if m["is_undone"] or not is_undo)),
        accepted=row["observed"] if row["resolution"] == "ours" else None,
        maybes=tuple(Maybe(UUID(m["id"]), m["values"]) for m in row["maybes"]),
        was_tried=row["was_tried"],
        is_archived=row["is_archived"],
        is_undo=is_undo,
    )


_OUTCOMES = """
jsonb_to_recordset(%(outcomes)s) AS o (
    id uuid, state text, crm_id text, observed jsonb, stored jsonb, at timestamptz, error text, correlation_id text,
    conflict jsonb, is_reread bool, is_fact bool, is_known bool
)
"""

# Only by the process that the plan belongs to: what another one has decided rests on an older reading.
_SETTLE = f"""
UPDATE commission_writebacks w
SET state = o.state, unanswered = w.unanswered AND NOT o.is_known,
    -- Of a row that was left out for another reason than HubSpot's values none are to be remembered.
    observed = CASE WHEN o.state = 'skipped' THEN o.observed ELSE coalesce(o.observed, w.observed) END,
    stored = o.stored, last_error = o.error, settled_at = clock_timestamp(),
    crm_updated_at = coalesce(o.at, w.crm_updated_at), correlation_id = coalesce(o.correlation_id, w.correlation_id),
    conflict = coalesce(o.conflict, w.conflict),
    merged_from_crm_id = CASE WHEN o.crm_id <> w.crm_id THEN w.crm_id ELSE w.merged_from_crm_id END, crm_id = o.crm_id,
    sent_at = CASE WHEN o.state = 'sent' THEN clock_timestamp() END,
    verified_at = CASE WHEN o.state = 'sent' AND o.is_reread THEN clock_timestamp() END
FROM {_OUTCOMES}, writeback_plans p
WHERE w.id = o.id AND w.state = 'pending' AND p.id = w.plan_id
  AND p.id = %(plan_id)s AND p.fence = %(fence)s AND p.state = 'planned'
RETURNING w.id
"""  # noqa: S608 - constants

# HubSpot had these values at that time, whoever has the plan now; of several times the newest counts.
_SETTLE_LATE = f"""
UPDATE commission_writebacks w
SET state = 'sent', unanswered = w.unanswered AND NOT o.is_known, stored = o.stored, last_error = o.error,
    observed = coalesce(w.observed, o.observed), crm_updated_at = o.at, settled_at = clock_timestamp(),
    crm_id = o.crm_id, correlation_id = coalesce(o.correlation_id, w.correlation_id),
    conflict = coalesce(o.conflict, w.conflict), sent_at = clock_timestamp(), echoed_at = NULL, mismatch = NULL,
    verified_at = CASE WHEN o.is_reread THEN clock_timestamp() END
FROM {_OUTCOMES}
WHERE w.id = o.id AND o.state = 'sent' AND o.is_fact
  AND (w.state <> 'sent' OR w.crm_updated_at IS NULL OR o.at > w.crm_updated_at)
"""  # noqa: S608 - constants

_KNOWN_LATE = f"""
UPDATE commission_writebacks w SET unanswered = false
FROM {_OUTCOMES} WHERE w.id = o.id AND o.is_fact AND o.is_known AND w.unanswered
"""  # noqa: S608 - constants


def settle_rows(conn: psycopg.Connection, lease: Lease, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Keep what came of rows, in the caller's transaction, and return what came too late.

    Once the plan belongs to another process only facts are kept: what HubSpot has answered or has.
    """
    values = {**_documents(outcomes), "plan_id": lease.plan_id, "fence": lease.fence}
    settled = {row[0] for row in conn.execute(_SETTLE, values).fetchall()}
    late = [outcome for outcome in outcomes if outcome.id not in settled]
    keep_facts(conn, late)
    return late


def keep_facts(conn: psycopg.Connection, outcomes: Sequence[Outcome]) -> None:
    """Keep what HubSpot has answered or has, in the caller's transaction, whichever plan the rows are of."""
    if outcomes:
        conn.execute(_SETTLE_LATE, _documents(outcomes))
        conn.execute(_KNOWN_LATE, _documents(outcomes))


def _documents(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {"outcomes": Jsonb([_document(outcome) for outcome in outcomes])}


# What our lost answer was about has come back with the sync; what had failed was entered by somebody else.
_MEND = """
UPDATE commission_writebacks w
SET state = CASE WHEN unanswered THEN 'sent' ELSE 'skipped' END, last_error = NULL, stored = m.known,
    settled_at = now(), sent_at = CASE WHEN unanswered THEN attempted_at END,
    verified_at = CASE WHEN unanswered THEN now() END, echoed_at = CASE WHEN unanswered THEN now() END,
    crm_updated_at = coalesce((SELECT max(t.crm_updated_at) FROM deals t
                               WHERE t.integration_id = w.integration_id AND t.crm_id = w.crm_id), crm_updated_at),
    unanswered = false
FROM jsonb_to_recordset(%s) AS m (id uuid, known jsonb) WHERE w.id = m.id
"""


def mend_rows(conn: psycopg.Connection, known: Mapping[UUID, Values]) -> None:
    """Close failed and conflicting rows whose commission HubSpot has by now; `known` is what it has, by row."""
    conn.execute(_MEND, (Jsonb([{"id": str(row), "known": dict(values)} for row, values in known.items()]),))


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


def writeback_settings(conn: psycopg.Connection, integration_id: UUID) -> dict[str, Any]:
    """Return the company's own settings of the write-back, as they stand in its row."""
    row = conn.execute("SELECT writeback_settings FROM crm_integrations WHERE id = %s", (integration_id,)).fetchone()
    assert row is not None
    return dict(row[0])
