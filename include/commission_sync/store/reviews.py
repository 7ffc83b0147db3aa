"""The desk for deals that changed, in a way that affects pay, after their commission was approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row


@dataclass(frozen=True)
class ReviewCounts:
    """What a look at the fingerprints did, and how many reviews are open now."""

    opened: int
    reverted: int
    open: int


_MOVED = """
CREATE TEMP TABLE moved_commissions ON COMMIT DROP AS
SELECT f.deal_id, f.integration_id, c.status::text AS status, now_has.inputs,
       changed_inputs(f.inputs, now_has.inputs) AS changes
FROM commission_fingerprints f
JOIN deals d ON d.id = f.deal_id
JOIN deal_commissions c ON c.deal_id = f.deal_id
CROSS JOIN LATERAL (SELECT commission_inputs(d, %(names)s::text[], %(mapping)s::int) AS inputs) now_has
WHERE f.integration_id = %(integration_id)s AND f.fingerprint <> commission_fingerprint(now_has.inputs)
  AND (%(deals)s::uuid[] IS NULL OR f.deal_id = ANY (%(deals)s))
"""

# A deal is back at what was approved: there is nothing left to decide.
_REVERT = """
UPDATE commission_reviews r SET state = 'reverted', decided_at = now(), updated_at = now()
WHERE r.integration_id = %(integration_id)s AND r.state = 'open'
  AND (%(deals)s::uuid[] IS NULL OR r.deal_id = ANY (%(deals)s))
  AND NOT EXISTS (SELECT FROM moved_commissions m WHERE m.deal_id = r.deal_id AND m.changes <> '{}')
"""

_OPEN = """
INSERT INTO commission_reviews AS r (integration_id, deal_id, changes, commission_status)
SELECT integration_id, deal_id, changes, status FROM moved_commissions WHERE changes <> '{}'
ON CONFLICT (deal_id) WHERE state = 'open' DO UPDATE
SET changes = excluded.changes, commission_status = excluded.commission_status, updated_at = now()
WHERE (r.changes, r.commission_status) IS DISTINCT FROM (excluded.changes, excluded.commission_status)
RETURNING r.opened_at = now()
"""

# The mapping names other fields than at approval; those that it names still are as they were.
_ADOPT = """
SELECT adopt_fingerprints(%(integration_id)s) WHERE EXISTS (SELECT FROM moved_commissions WHERE changes = '{}')
"""

_READ = "SELECT pay_property_names(%(integration_id)s) AS names, active_mapping(%(integration_id)s) AS mapping"


def watch_approved(conn: psycopg.Connection, integration_id: UUID, deals: Sequence[UUID] | None = None) -> ReviewCounts:
    """Open a review for each approved commission whose deal has changed since, in the caller's transaction.

    :param deals: look at these only
    """
    values: dict[str, Any] = {"integration_id": integration_id, "deals": None if deals is None else list(deals)}
    with conn.cursor(row_factory=dict_row) as cursor:
        values |= cursor.execute(_READ, values).fetchone() or {}
    conn.execute("DROP TABLE IF EXISTS moved_commissions")
    conn.execute(_MOVED, values)
    reverted = conn.execute(_REVERT, values).rowcount
    opened = sum(bool(row[0]) for row in conn.execute(_OPEN).fetchall())
    conn.execute(_ADOPT, values)
    row = conn.execute(
        "SELECT count(*) FROM commission_reviews WHERE integration_id = %s AND state = 'open'", (integration_id,)
    ).fetchone()
    return ReviewCounts(opened, reverted, row[0] if row else 0)
