"""Write-back plans: what a run would change in HubSpot, who agreed, and how far it is applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from commission_sync.store.plan_lease import STALE_AFTER, Lease


@dataclass(frozen=True)
class Plan:
    """A plan as its row in `writeback_plans` says; what depends on the time is by the database's."""

    id: UUID
    integration_id: UUID
    kind: str
    undoes_run_id: str | None
    dag_id: str
    run_id: str
    state: str
    approval_reason: str | None
    digest: bytes
    rows: int
    totals: dict[str, dict[str, Any]]
    property_names: dict[str, str]
    created_at: datetime
    expires_at: datetime
    decided_by: str | None
    remaining: timedelta
    is_expired: bool
    is_worked_on: bool


@dataclass(frozen=True)
class NewPlan:
    """A plan to be kept; `lives` is for how long it may be applied."""

    integration_id: UUID
    kind: str
    undoes_run_id: str | None
    dag_id: str
    run_id: str
    state: str
    approval_reason: str | None
    digest: bytes
    totals: Mapping[str, Any]
    property_names: Mapping[str, str]
    lives: timedelta


@dataclass(frozen=True)
class NewRow:
    """A row to be planned; `reuses` is the failed or conflicting row of the same values that it goes on with."""

    deal_id: UUID
    crm_id: str
    properties: Mapping[str, str]
    before: Mapping[str, str | None]
    refusal: str | None = None
    reuses: UUID | None = None


_PLAN = f"""
SELECT id, integration_id, kind, undoes_run_id, dag_id, run_id, state, approval_reason, digest, rows, totals,
       property_names, created_at, expires_at, decided_by,
       expires_at - clock_timestamp() AS remaining, expires_at <= clock_timestamp() AS is_expired,
       coalesce(worked_at > clock_timestamp() - interval '{STALE_AFTER.total_seconds()} seconds', false) AS is_worked_on
FROM writeback_plans
"""  # noqa: S608 - a constant


def plan_of(conn: psycopg.Connection, plan_id: UUID) -> Plan:
    """Return one plan.

    :raises LookupError: when there is none
    """
    with conn.cursor(row_factory=class_row(Plan)) as cursor:
        found = cursor.execute(_PLAN + "WHERE id = %s", (plan_id,)).fetchone()
    if found is None:
        raise LookupError(f"there is no write-back plan {plan_id}")
    return found


def open_plans(conn: psycopg.Connection, integration_id: UUID) -> list[Plan]:
    """Return the plans of a company that may still be applied, locked against a planner side by side."""
    with conn.cursor(row_factory=class_row(Plan)) as cursor:
        cursor.execute("SELECT FROM crm_integrations WHERE id = %s FOR UPDATE", (integration_id,))
        return cursor.execute(
            _PLAN + "WHERE integration_id = %s AND state IN ('planned', 'awaiting_approval') ORDER BY created_at",
            (integration_id,),
        ).fetchall()


def newest_plans(conn: psycopg.Connection, integration_id: UUID, *, most: int) -> list[Plan]:
    """Return a company's plans, the newest first."""
    with conn.cursor(row_factory=class_row(Plan)) as cursor:
        statement = _PLAN + "WHERE integration_id = %s ORDER BY created_at DESC, id LIMIT %s"
        return cursor.execute(statement, (integration_id, most)).fetchall()


def run_planned(conn: psycopg.Connection, dag_id: str, run_id: str) -> bool:
    """Whether a run made a plan for any company."""
    statement = "SELECT FROM writeback_plans WHERE dag_id = %s AND run_id = %s LIMIT 1"
    return conn.execute(statement, (dag_id, run_id)).fetchone() is not None


_LAST = _PLAN + "WHERE integration_id = %s AND state = %s AND kind = 'write' ORDER BY created_at DESC LIMIT 1"


def last_plan(conn: psycopg.Connection, integration_id: UUID, state: str) -> Plan | None:
    """Return the newest plan (no undo) of a company in a state."""
    with conn.cursor(row_factory=class_row(Plan)) as cursor:
        return cursor.execute(_LAST, (integration_id, state)).fetchone()


_INSERT_PLAN = """
INSERT INTO writeback_plans (integration_id, kind, undoes_run_id, dag_id, run_id, state, approval_reason, digest, rows,
                             totals, property_names, expires_at)
VALUES (%(integration_id)s, %(kind)s, %(undoes_run_id)s, %(dag_id)s, %(run_id)s, %(state)s, %(approval_reason)s,
        %(digest)s, %(rows)s, %(totals)s, %(property_names)s, now() + %(lives)s)
RETURNING id
"""

_STAGE_ROWS = """
CREATE TEMP TABLE planned_writebacks (
    deal_id uuid, crm_id text, properties jsonb, before jsonb, state text, last_error text, reuses uuid
) ON COMMIT DROP
"""

# The older rows of a deal are done with: whatever becomes of it is told by the new one.
_SUPERSEDE_OLDER = """
UPDATE commission_writebacks w SET superseded_at = now()
FROM planned_writebacks n
WHERE w.deal_id = n.deal_id AND w.state IN ('failed', 'conflict', 'skipped') AND w.superseded_at IS NULL
  AND w.id IS DISTINCT FROM n.reuses
"""

_REUSE_ROWS = """
UPDATE commission_writebacks w
SET plan_id = %(plan_id)s, crm_id = n.crm_id, before = n.before, state = n.state,
    last_error = coalesce(n.last_error, w.last_error)
FROM planned_writebacks n WHERE w.id = n.reuses
"""

_INSERT_ROWS = """
INSERT INTO commission_writebacks (integration_id, plan_id, deal_id, crm_id, properties, before, state, last_error)
SELECT %(integration_id)s, %(plan_id)s, deal_id, crm_id, properties, before, state, last_error
FROM planned_writebacks WHERE reuses IS NULL
"""


def save_plan(conn: psycopg.Connection, plan: NewPlan, rows: Sequence[NewRow]) -> UUID:
    """Keep a plan with its rows, in the caller's transaction, and return its id."""
    documents = {"totals": Jsonb(plan.totals), "property_names": Jsonb(plan.property_names)}
    inserted = conn.execute(_INSERT_PLAN, {**vars(plan), **documents, "rows": len(rows)}).fetchone()
    assert inserted is not None
    plan_id = UUID(str(inserted[0]))
    _stage(conn, rows, "awaiting_approval" if plan.state == "awaiting_approval" else "pending")
    if plan.state != "dry_run":
        conn.execute(_SUPERSEDE_OLDER)
        conn.execute(_REUSE_ROWS, {"plan_id": plan_id})
    else:
        # What never is attempted must not touch what was.
        conn.execute("UPDATE planned_writebacks SET reuses = NULL")
    conn.execute(_INSERT_ROWS, {"integration_id": plan.integration_id, "plan_id": plan_id})
    return plan_id


def _stage(conn: psycopg.Connection, rows: Sequence[NewRow], state: str) -> None:
    conn.execute(_STAGE_ROWS)
    with conn.cursor() as cursor, cursor.copy("COPY planned_writebacks FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["uuid", "text", "jsonb", "jsonb", "text", "text", "uuid"])
        for row in rows:
            planned = "failed" if row.refusal else state
            properties, before = Jsonb(row.properties), Jsonb(row.before)
            copy.write_row((row.deal_id, row.crm_id, properties, before, planned, row.refusal, row.reuses))


_FORGET_DRY_RUNS = """
DELETE FROM commission_writebacks w USING writeback_plans p
WHERE p.id = w.plan_id AND p.integration_id = %s AND p.state = 'dry_run'
"""


def forget_dry_runs(conn: psycopg.Connection, integration_id: UUID) -> None:
    """Drop the rows of dry runs, which never were attempts; a new plan tells more than they do."""
    conn.execute(_FORGET_DRY_RUNS, (integration_id,))
    conn.execute("DELETE FROM writeback_plans WHERE integration_id = %s AND state = 'dry_run'", (integration_id,))


_CLOSE = """
UPDATE writeback_plans SET state = %(state)s, decided_by = coalesce(%(by)s, decided_by), decided_at = now()
WHERE id = %(plan_id)s AND state IN ('planned', 'awaiting_approval')
"""

# A row whose answer is outstanding stays open: the next plan finds out what came of it.
_CLOSE_ROWS = """
UPDATE commission_writebacks
SET state = CASE WHEN unanswered THEN 'failed' ELSE 'skipped' END,
    last_error = CASE WHEN unanswered THEN 'the process ended before the answer was seen' ELSE %(why)s END,
    superseded_at = CASE WHEN NOT unanswered THEN now() END
WHERE plan_id = %(plan_id)s AND state IN ('pending', 'awaiting_approval')
"""


def close_plan(conn: psycopg.Connection, plan_id: UUID, state: str, why: str, by: str | None = None) -> bool:
    """End a plan that is not to be applied (any more) and return whether it was open."""
    if not conn.execute(_CLOSE, {"plan_id": plan_id, "state": state, "by": by}).rowcount:
        return False
    conn.execute(_CLOSE_ROWS, {"plan_id": plan_id, "why": why})
    return True


_APPROVE = """
UPDATE writeback_plans SET state = 'planned', decided_by = %(by)s, decided_at = now()
WHERE id = %(plan_id)s AND state = 'awaiting_approval' AND expires_at > now()
"""


def approve_plan(conn: psycopg.Connection, plan_id: UUID, by: str) -> bool:
    """Let a plan be applied and return whether it could still be approved."""
    if not conn.execute(_APPROVE, {"plan_id": plan_id, "by": by}).rowcount:
        return False
    conn.execute(
        "UPDATE commission_writebacks SET state = 'pending' WHERE plan_id = %s AND state = 'awaiting_approval'",
        (plan_id,),
    )
    return True


_FINISH = """
UPDATE writeback_plans SET state = 'applied', applied_at = now() WHERE id = %s AND fence = %s AND state = 'planned'
"""


def finish_plan(conn: psycopg.Connection, lease: Lease) -> None:
    """Say that every row of a plan is settled."""
    conn.execute(_FINISH, (lease.plan_id, lease.fence))


def plan_counts(conn: psycopg.Connection, plan_id: UUID) -> dict[str, int]:
    """Return how many rows of a plan are in each state."""
    statement = "SELECT state, count(*) FROM commission_writebacks WHERE plan_id = %s GROUP BY state"
    return {str(state): int(count) for state, count in conn.execute(statement, (plan_id,)).fetchall()}
