"""Leaves out of a plan the deals that changed after approval."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg.rows import class_row

# Not for undoing: that takes an amount back whatever has become of the deal. A row that may have been sent stays so.
_LEAVE_OUT = """
UPDATE commission_writebacks w
SET state = 'skipped', observed = NULL, settled_at = clock_timestamp(), last_error =
    'the deal changed after its commission was approved (' ||
    (SELECT string_agg(key, ', ' ORDER BY key) FROM jsonb_object_keys(r.changes) key) ||
    '); decide on it in commission_reviews'
FROM commission_reviews r, writeback_plans p
WHERE w.plan_id = %(plan_id)s AND p.id = w.plan_id AND p.kind = 'write'
  AND w.state IN ('pending', 'awaiting_approval') AND r.deal_id = w.deal_id AND r.state = 'open'
RETURNING w.id, w.crm_id, w.last_error AS why
"""


@dataclass(frozen=True)
class LeftOut:
    """A row that is not written before somebody has decided on its deal's review."""

    id: UUID
    crm_id: str
    why: str


def leave_out_reviewed(conn: psycopg.Connection, plan_id: UUID) -> list[LeftOut]:
    """Settle a plan's rows whose deal has an open review, in the caller's transaction, and return them."""
    with conn.cursor(row_factory=class_row(LeftOut)) as cursor:
        return cursor.execute(_LEAVE_OUT, {"plan_id": plan_id}).fetchall()
