"""Everything that is stored of one deal, for a person who asks where a number comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from commission_sync.store.typed import rows_of


@dataclass(frozen=True)
class DealFacts:
    """A deal's row, with the labels and names that stand for its ids."""

    id: UUID
    company_id: str
    portal_id: int
    crm_id: str
    name: str | None
    amount: Decimal | None
    currency: str | None
    base_currency: str
    amount_base: Decimal | None
    fx_rate: Decimal | None
    fx_rate_date: date | None
    fx_source: str | None
    fx_pair: str | None
    fx_rate_ids: Sequence[int]
    fx_anchor: str
    fx_anchor_date: date | None
    fx_waiting: str | None
    fx_frozen_at: datetime | None
    pipeline: str | None
    pipeline_label: str | None
    stage: str | None
    stage_label: str | None
    is_closed: bool | None
    is_won: bool | None
    owner_crm_id: str | None
    owner: str | None
    closed_at: datetime | None
    properties: dict[str, str | None]
    mapped: dict[str, Any]
    calculated: dict[str, Any]
    crm_created_at: datetime | None
    crm_updated_at: datetime
    synced_at: datetime
    archived_at: datetime | None
    merged_into_crm_id: str | None
    merged_from: Sequence[str]
    history_read_at: datetime | None


_OWNER = "coalesce(nullif(concat_ws(' ', o.first_name, o.last_name), ''), o.email)"

_FACTS = f"""
SELECT d.id, d.company_id, i.portal_id, d.crm_id, d.name, d.amount, d.currency, i.base_currency, d.amount_base,
       d.fx_rate, d.fx_rate_date, d.fx_source, d.fx_pair, d.fx_rate_ids, i.fx_anchor, d.fx_anchor_date, d.fx_waiting,
       d.fx_frozen_at, d.pipeline, s.pipeline_label, d.stage, s.stage_label, d.is_closed, d.is_won, d.owner_crm_id,
       {_OWNER} AS owner, d.closed_at, d.properties, d.mapped, d.calculated, d.crm_created_at, d.crm_updated_at,
       d.synced_at, d.archived_at, d.merged_into_crm_id, r.read_at AS history_read_at,
       ARRAY(SELECT m.crm_id FROM deals m WHERE m.integration_id = d.integration_id AND m.merged_into_crm_id = d.crm_id
             ORDER BY m.crm_id) AS merged_from
FROM deals d
JOIN crm_integrations i ON i.id = d.integration_id
LEFT JOIN crm_stages s ON s.integration_id = d.integration_id AND s.pipeline = d.pipeline AND s.stage = d.stage
LEFT JOIN crm_owners o ON o.integration_id = d.integration_id AND o.crm_id = d.owner_crm_id
LEFT JOIN property_history_reads r
    ON r.integration_id = d.integration_id AND r.object_type = 'deals' AND r.crm_id = d.crm_id
WHERE d.integration_id = %s AND d.crm_id = %s
"""  # noqa: S608 - constants


@dataclass(frozen=True)
class Change:
    """A value that HubSpot's history has of a property; `entries` counts all of the property's, shown or not."""

    property: str
    value: str | None
    changed_at: datetime
    source_type: str | None
    source_label: str | None
    source_id: str | None
    person: str | None
    entries: int


_HISTORY = f"""
SELECT h.property, h.value, h.changed_at, h.source_type, h.source_label, h.source_id, h.entries,
       coalesce({_OWNER}, 'HubSpot user ' || h.user_id) AS person
FROM (
    SELECT *, count(*) OVER (PARTITION BY property)::int AS entries,
           row_number() OVER (PARTITION BY property ORDER BY changed_at DESC) AS place
    FROM property_history
    WHERE integration_id = %(integration_id)s AND object_type = 'deals' AND crm_id = %(crm_id)s
) h
LEFT JOIN LATERAL (
    SELECT first_name, last_name, email FROM crm_owners o
    WHERE o.integration_id = %(integration_id)s AND o.user_id = h.user_id ORDER BY o.is_archived LIMIT 1
) o ON true
WHERE h.place <= %(most)s ORDER BY h.property, h.changed_at DESC
"""  # noqa: S608 - constants


@dataclass(frozen=True)
class UsedRate:
    """A row of `fx_rates` that a deal's rate was made of, as it is in force now."""

    source: str
    base: str
    quote: str
    rate_date: date
    rate: Decimal


_RATES = """
SELECT source, base, quote, rate_date, rate FROM fx_rates_in_force WHERE id = ANY (%s) ORDER BY base, quote
"""


@dataclass(frozen=True)
class LineItemFacts:
    """A line item of the deal."""

    crm_id: str
    product_name: str | None
    sku: str | None
    quantity: Decimal | None
    price: Decimal | None
    discount: Decimal | None
    total: Decimal | None
    currency: str | None
    amount_base: Decimal | None
    fx_waiting: str | None
    archived_at: datetime | None


_LINE_ITEMS = """
SELECT crm_id, product_name, sku, quantity, price, discount, total, currency, amount_base, fx_waiting, archived_at
FROM deal_line_items WHERE deal_id = %s ORDER BY archived_at IS NOT NULL, crm_id LIMIT 200
"""


@dataclass(frozen=True)
class SplitFacts:
    """An owner's share of the deal."""

    owner_crm_id: str
    owner: str | None
    percentage: Decimal
    archived_at: datetime | None


_SPLITS = f"""
SELECT s.owner_crm_id, {_OWNER} AS owner, s.percentage, s.archived_at
FROM deal_splits s LEFT JOIN crm_owners o ON o.integration_id = s.integration_id AND o.crm_id = s.owner_crm_id
WHERE s.deal_id = %s ORDER BY s.archived_at IS NOT NULL, s.percentage DESC
"""  # noqa: S608 - constants


@dataclass(frozen=True)
class AuditEntry:
    """One change of the deal as we saw or made it."""

    id: int
    action: str
    changes: dict[str, Any]
    actor: str
    at: datetime


_AUDIT = """
SELECT id, action, changes, actor, at FROM audit_log
WHERE integration_id = %(integration_id)s AND entity = 'deal' AND entity_id = %(crm_id)s
  AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(most)s
"""


def deal_facts(conn: psycopg.Connection, integration_id: UUID, crm_id: str) -> DealFacts | None:
    """Return a company's deal, archived and merged ones too."""
    found = rows_of(conn, DealFacts, _FACTS, (integration_id, crm_id))
    return found[0] if found else None


def deal_history(conn: psycopg.Connection, integration_id: UUID, crm_id: str, *, most: int = 20) -> list[Change]:
    """Return the newest entries of each property's history."""
    return rows_of(conn, Change, _HISTORY, {"integration_id": integration_id, "crm_id": crm_id, "most": most})


def used_rates(conn: psycopg.Connection, ids: Sequence[int]) -> list[UsedRate]:
    """Return the rates with these ids."""
    return rows_of(conn, UsedRate, _RATES, (list(ids),))


def deal_line_items(conn: psycopg.Connection, deal_id: UUID) -> list[LineItemFacts]:
    """Return the deal's line items, those that are gone last."""
    return rows_of(conn, LineItemFacts, _LINE_ITEMS, (deal_id,))


def deal_shares(conn: psycopg.Connection, deal_id: UUID) -> list[SplitFacts]:
    """Return the owners' shares, those that are gone last."""
    return rows_of(conn, SplitFacts, _SPLITS, (deal_id,))


def deal_audit(
    conn: psycopg.Connection, integration_id: UUID, crm_id: str, *, before: int | None = None, most: int = 50
) -> list[AuditEntry]:
    """Return a page of the deal's audit trail, newest first; `before` is the last id of the page before."""
    values = {"integration_id": integration_id, "crm_id": crm_id, "before": before, "most": most}
    return rows_of(conn, AuditEntry, _AUDIT, values)


@dataclass(frozen=True)
class FoundDeal:
    """A hit of a search."""

    crm_id: str
    name: str | None
    amount: Decimal | None
    currency: str | None
    archived_at: datetime | None
    merged_into_crm_id: str | None


_FOUND = (
    "SELECT crm_id, name, amount, currency, archived_at, merged_into_crm_id FROM deals WHERE integration_id = %(id)s"
)
_NEWEST = f"{_FOUND} ORDER BY crm_id DESC LIMIT %(most)s"
_BY_ID = f"{_FOUND} AND crm_id = %(text)s"
_BY_NAME = f"{_FOUND} AND name ILIKE %(pattern)s ORDER BY archived_at IS NOT NULL, crm_id DESC LIMIT %(most)s"


def search_deals(conn: psycopg.Connection, integration_id: UUID, text: str, *, most: int = 20) -> list[FoundDeal]:
    """Return the deal with this id, or else deals by a part of their name; without a text the newest."""
    literal = text.strip().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    values = {"id": integration_id, "text": text.strip(), "pattern": f"%{literal}%", "most": most}
    if not literal:
        return rows_of(conn, FoundDeal, _NEWEST, values)
    return rows_of(conn, FoundDeal, _BY_ID, values) or rows_of(conn, FoundDeal, _BY_NAME, values)
