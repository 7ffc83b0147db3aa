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
    currency: str | None
    before: dict[str, str | None]
    properties: dict[str, str]
    state: str
    last_error: str | None
    sent_at: datetime | None
    correlation_id: str | None


# The rows that move the most money first, in the company's base currency by the deal's own rate: they are what a person
# should look at. What has no rate could be any sum, so it comes before all that has one.
_WEIGHTIEST = """
SELECT w.crm_id, d.name, m.currency, w.before, w.properties, w.state, w.last_error, w.sent_at, w.correlation_id
FROM commission_writebacks w JOIN deals d ON d.id = w.deal_id
JOIN crm_integrations i ON i.id = w.integration_id
LEFT JOIN deal_commissions c ON c.deal_id = w.deal_id
CROSS JOIN LATERAL (SELECT coalesce(c.currency, d.currency) AS currency, abs(
    coalesce(substring(w.properties ->> %(amount)s FROM '^-?[0-9]+(?:[.][0-9]+)?$')::numeric, 0)
    - coalesce(substring(w.before ->> %(amount)s FROM '^-?[0-9]+(?:[.][0-9]+)?$')::numeric, 0)) AS moves) m
WHERE w.plan_id = %(plan_id)s
ORDER BY w.state = 'failed' DESC,
         m.moves * CASE m.currency WHEN i.base_currency THEN 1 WHEN d.currency THEN d.fx_rate END DESC NULLS FIRST,
         w.crm_id
LIMIT %(limit)s OFFSET %(offset)s
"""


def weightiest_rows(
    conn: psycopg.Connection, plan_id: UUID, amount: str, *, limit: int, offset: int = 0
) -> list[PlanRow]:
    """Return rows of a plan, those that failed first, then those that move most in the base currency.

    :param amount: the property that they move
    """
    values = {"plan_id": plan_id, "amount": amount, "limit": limit, "offset": offset}
    with conn.cursor(row_factory=class_row(PlanRow)) as cursor:
        return cursor.execute(_WEIGHTIEST, values).fetchall()
