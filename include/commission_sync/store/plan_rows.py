"""The rows of a write-back plan, for whoever has to agree to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True)
class PlanRow:
    """What a plan does to one deal: `before` is what HubSpot had when it was made, `properties` what it is to have."""

    crm_id: str
    name: str | None
    before: dict[str, str | None]
    properties: dict[str, str]
    state: str
    last_error: str | None
    sent_at: datetime | None
    correlation_id: str | None


# The rows that move the most money first: they are what a person should look at.
_WEIGHTIEST = """
SELECT w.crm_id, d.name, w.before, w.properties, w.state, w.last_error, w.sent_at, w.correlation_id
FROM commission_writebacks w JOIN deals d ON d.id = w.deal_id
WHERE w.plan_id = %(plan_id)s
ORDER BY w.state = 'failed' DESC, abs(
    coalesce(substring(w.properties ->> %(amount)s FROM '^-?[0-9]+(?:[.][0-9]+)?$')::numeric, 0)
    - coalesce(substring(w.before ->> %(amount)s FROM '^-?[0-9]+(?:[.][0-9]+)?$')::numeric, 0)
) DESC, w.crm_id
LIMIT %(limit)s OFFSET %(offset)s
"""


def weightiest_rows(
    conn: psycopg.Connection, plan_id: UUID, amount: str, *, limit: int, offset: int = 0
) -> list[PlanRow]:
    """Return rows of a plan, those that failed first, then those that move most; `amount` is the property they move."""
    values = {"plan_id": plan_id, "amount": amount, "limit": limit, "offset": offset}
    with conn.cursor(row_factory=class_row(PlanRow)) as cursor:
        return cursor.execute(_WEIGHTIEST, values).fetchall()
