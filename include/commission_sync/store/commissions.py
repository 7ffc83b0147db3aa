"""Commissions as the engine left them, each with all that is known of its deal's values in HubSpot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

Values = Mapping[str, str | None]

_FETCHED_AT_ONCE = 2_000


@dataclass(frozen=True)
class Commission:
    """A row of `deal_commissions`; the date is PostgreSQL's text, as Python has none for `infinity`."""

    amount: Decimal | None
    currency: str | None
    status: str
    approved_date: str | None
    paid: bool


@dataclass(frozen=True)
class Settled:
    """A row of `commission_writebacks` whose outcome is known."""

    id: UUID
    kind: str
    state: str
    properties: Values
    before: Values
    observed: Values | None
    stored: Values | None
    crm_updated_at: datetime | None
    attempts: int
    resolution: str | None
    unanswered: bool = False


@dataclass(frozen=True)
class Standing:
    """A commission, the record that it belongs on, and what HubSpot was last seen to have there.

    `copy` is what the sync has of the record, None when it has none. `agreed` is the last row by which HubSpot had what
    we wanted, `last` the last row of the deal, whatever came of it. `sharers` counts the commissions that belong on the
    same record. `doubts` are values that we may have written on it, sent long enough ago that a reading tells.
    """

    deal_id: UUID
    crm_id: str
    commission: Commission
    deal_currency: str | None
    copy: Values | None
    copy_at: datetime | None
    agreed: Settled | None
    last: Settled | None
    sharers: int
    is_reviewed: bool
    doubts: tuple[Values, ...] = ()


# A merged deal's commission belongs on the survivor, which reconciling knows or an earlier write has found out.
_STANDINGS = """
WITH placed AS (
    SELECT c.deal_id, c.amount, c.currency, c.status::text AS status, c.approved_date::text AS approved_date, c.paid,
           coalesce(d.merged_into_crm_id, agreed.crm_id, d.crm_id) AS crm_id, to_jsonb(agreed) AS agreed
    FROM deal_commissions c
    JOIN deals d ON d.id = c.deal_id
    LEFT JOIN LATERAL (
        SELECT w.*, p.kind FROM commission_writebacks w JOIN writeback_plans p ON p.id = w.plan_id
        WHERE w.deal_id = c.deal_id AND (w.state = 'sent' OR w.stored IS NOT NULL)
        ORDER BY coalesce(w.crm_updated_at, w.settled_at) DESC, w.settled_at DESC LIMIT 1
    ) agreed ON true
    WHERE d.integration_id = %(integration_id)s
)
SELECT placed.*, t.currency AS deal_currency, t.crm_updated_at AS copy_at, to_jsonb(last) AS last,
       (SELECT jsonb_object_agg(name, t.properties -> name) FROM unnest(%(names)s::text[]) name
        WHERE t.id IS NOT NULL) AS copy,
       count(*) OVER (PARTITION BY placed.crm_id) AS sharers,
       EXISTS (SELECT FROM commission_reviews r WHERE r.deal_id = placed.deal_id AND r.state = 'open') AS is_reviewed,
       ARRAY(
           SELECT coalesce(u.sending, u.properties) FROM commission_writebacks u
           WHERE u.integration_id = %(integration_id)s AND (u.deal_id = placed.deal_id OR u.crm_id = placed.crm_id)
             AND u.unanswered AND u.attempted_at < clock_timestamp() - %(lands)s
       ) AS doubts
FROM placed
LEFT JOIN deals t ON t.integration_id = %(integration_id)s AND t.crm_id = placed.crm_id
LEFT JOIN LATERAL (
    SELECT w.*, p.kind FROM commission_writebacks w JOIN writeback_plans p ON p.id = w.plan_id
    WHERE w.deal_id = placed.deal_id AND w.state NOT IN ('pending', 'awaiting_approval') AND w.superseded_at IS NULL
      AND p.state <> 'dry_run'
    ORDER BY w.created_at DESC LIMIT 1
) last ON true
"""


def standings(
    conn: psycopg.Connection, integration_id: UUID, names: Sequence[str], *, lands: timedelta
) -> Iterator[Standing]:
    """Yield every commission of a company; `names` are the properties that its deals carry it in.

    :param lands: how long after a send HubSpot may still carry it out

    Memory stays flat: rows are fetched as they are asked for, in the caller's transaction.
    """
    with conn.cursor(name="standings", row_factory=dict_row) as cursor:
        cursor.itersize = _FETCHED_AT_ONCE
        cursor.execute(_STANDINGS, {"integration_id": integration_id, "names": list(names), "lands": lands})
        for row in cursor:
            yield Standing(
                deal_id=row["deal_id"],
                crm_id=row["crm_id"],
                commission=commission_of(row),
                deal_currency=row["deal_currency"],
                copy=row["copy"],
                copy_at=row["copy_at"],
                agreed=_settled(row["agreed"]),
                last=_settled(row["last"]),
                sharers=row["sharers"],
                is_reviewed=row["is_reviewed"],
                doubts=tuple(row["doubts"]),
            )


def commission_of(row: Mapping[str, Any]) -> Commission:
    """Return the commission that a row with its columns tells of."""
    return Commission(row["amount"], row["currency"], row["status"], row["approved_date"], row["paid"])


def _settled(row: Mapping[str, Any] | None) -> Settled | None:
    if row is None:
        return None
    at = row["crm_updated_at"]
    return Settled(
        id=UUID(row["id"]),
        kind=row["kind"],
        state=row["state"],
        properties=row["properties"],
        before=row["before"],
        observed=row["observed"],
        stored=row["stored"],
        crm_updated_at=datetime.fromisoformat(at) if at else None,
        attempts=row["attempts"],
        resolution=row["resolution"],
        unanswered=row["unanswered"],
    )


_CURRENCIES = """
SELECT d.id, coalesce(c.currency, d.currency) FROM deals d LEFT JOIN deal_commissions c ON c.deal_id = d.id
WHERE d.integration_id = %s AND d.id = ANY (%s)
"""


def currencies_of(conn: psycopg.Connection, integration_id: UUID, deals: Sequence[UUID]) -> dict[UUID, str | None]:
    """Return the currency of each deal's commission, or the deal's own where the commission is gone or names none."""
    return dict(conn.execute(_CURRENCIES, (integration_id, list(deals))).fetchall())
