"""What a deal pays, what changed after that was approved, and what was written of it into HubSpot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from commission_sync.store.typed import rows_of


@dataclass(frozen=True)
class CommissionFacts:
    """What the commission engine says of the deal, and since when its inputs are held against changes."""

    amount: Decimal | None
    currency: str | None
    status: str
    approved_date: date | None
    paid: bool
    updated_at: datetime
    inputs_kept_at: datetime | None


_COMMISSION = """
SELECT c.amount, c.currency, c.status::text, c.approved_date, c.paid, c.updated_at, f.taken_at AS inputs_kept_at
FROM deal_commissions c LEFT JOIN commission_fingerprints f ON f.deal_id = c.deal_id WHERE c.deal_id = %s
"""


@dataclass(frozen=True)
class Review:
    """A change of the deal after its commission was approved, and a person's word on it."""

    changes: dict[str, Any]
    state: str
    note: str | None
    decided_by: str | None
    decided_at: datetime | None
    opened_at: datetime


_REVIEWS = """
SELECT changes, state, note, decided_by, decided_at, opened_at FROM commission_reviews
WHERE deal_id = %s ORDER BY opened_at DESC LIMIT 20
"""


@dataclass(frozen=True)
class WriteBackFacts:
    """One attempted change of the deal in HubSpot."""

    state: str
    kind: str
    plan_state: str
    dag_id: str
    run_id: str
    crm_id: str
    properties: dict[str, str]
    before: dict[str, str | None]
    observed: dict[str, str | None] | None
    stored: dict[str, str | None] | None
    attempts: int
    last_error: str | None
    correlation_id: str | None
    conflict: list[dict[str, Any]] | None
    resolution: str | None
    resolved_by: str | None
    mismatch: dict[str, list[str | None]] | None
    near_misses: int
    created_at: datetime
    sent_at: datetime | None
    verified_at: datetime | None
    echoed_at: datetime | None
    superseded_at: datetime | None


_WRITEBACKS = """
SELECT w.state, p.kind, p.state AS plan_state, p.dag_id, p.run_id, w.crm_id, w.properties, w.before, w.observed,
       w.stored, w.attempts, w.last_error, w.correlation_id, w.conflict, w.resolution, w.resolved_by, w.mismatch,
       w.near_misses, w.created_at, w.sent_at, w.verified_at, w.echoed_at, w.superseded_at
FROM commission_writebacks w JOIN writeback_plans p ON p.id = w.plan_id
WHERE w.deal_id = %s ORDER BY w.created_at DESC, w.id LIMIT 20
"""


def deal_commission(conn: psycopg.Connection, deal_id: UUID) -> CommissionFacts | None:
    """Return the deal's commission."""
    found = rows_of(conn, CommissionFacts, _COMMISSION, (deal_id,))
    return found[0] if found else None


def deal_reviews(conn: psycopg.Connection, deal_id: UUID) -> list[Review]:
    """Return the deal's changes after approval, newest first."""
    return rows_of(conn, Review, _REVIEWS, (deal_id,))


def deal_writebacks(conn: psycopg.Connection, deal_id: UUID) -> list[WriteBackFacts]:
    """Return what was to be written to HubSpot, newest first."""
    return rows_of(conn, WriteBackFacts, _WRITEBACKS, (deal_id,))
