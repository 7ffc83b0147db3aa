"""What a company's page of the write-back shows: its plans, what did not go through, and who has to decide on what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from commission_sync.store.plans import Plan


@dataclass(frozen=True)
class OpenProblem:
    """A row that failed or is in conflict, and on which nobody has decided; `conflict` says whose change stands."""

    id: UUID
    crm_id: str
    name: str | None
    attempts: int
    last_error: str | None
    conflict: list[dict[str, Any]] | None
    properties: dict[str, str]
    correlation_id: str | None
    attempted_at: datetime | None


@dataclass(frozen=True)
class OpenReview:
    """An approved commission whose deal has changed since; `changes` is `{input: [at approval, now]}`."""

    id: UUID
    crm_id: str
    name: str | None
    changes: dict[str, list[Any]]
    commission_status: str
    amount: Decimal | None
    currency: str | None
    opened_at: datetime


@dataclass(frozen=True)
class Waiting:
    """How much of a company waits for somebody."""

    awaiting_approval: int
    conflicts: int
    failures: int
    reviews: int


_WAITING = """
SELECT (SELECT count(*) FROM writeback_plans
        WHERE integration_id = %(integration_id)s AND state = 'awaiting_approval' AND expires_at > now())
           AS awaiting_approval,
       p.conflicts, p.failures,
       (SELECT count(*) FROM commission_reviews WHERE integration_id = %(integration_id)s AND state = 'open') AS reviews
FROM (SELECT count(*) FILTER (WHERE state = 'conflict') AS conflicts,
             count(*) FILTER (WHERE state = 'failed') AS failures
      FROM writeback_problems WHERE integration_id = %(integration_id)s) p
"""

_PROBLEMS = """
SELECT p.id, p.crm_id, d.name, p.attempts, p.last_error, p.conflict, p.properties, p.correlation_id, p.attempted_at
FROM writeback_problems p JOIN deals d ON d.id = p.deal_id
WHERE p.integration_id = %s AND p.state = %s ORDER BY p.attempted_at DESC NULLS LAST, p.id LIMIT %s
"""

_REVIEWS = """
SELECT r.id, d.crm_id, d.name, r.changes, r.commission_status, c.amount, c.currency, r.opened_at
FROM commission_reviews r JOIN deals d ON d.id = r.deal_id LEFT JOIN deal_commissions c ON c.deal_id = r.deal_id
WHERE r.integration_id = %s AND r.state = 'open' ORDER BY r.opened_at, r.id LIMIT %s
"""

_COUNTS = """
SELECT plan_id, state, count(*) FROM commission_writebacks
WHERE integration_id = %s AND plan_id = ANY (%s) GROUP BY plan_id, state
"""


def waiting(conn: psycopg.Connection, integration_id: UUID) -> Waiting:
    """Return how much of a company waits for a person."""
    with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        found = cursor.execute(_WAITING, {"integration_id": integration_id}).fetchone()
    assert found is not None
    return found


def counts_of_plans(
    conn: psycopg.Connection, integration_id: UUID, plans: Sequence[Plan]
) -> dict[UUID, dict[str, int]]:
    """Return how many rows of each plan are in each state."""
    found: dict[UUID, dict[str, int]] = {plan.id: {} for plan in plans}
    for plan_id, state, count in conn.execute(_COUNTS, (integration_id, list(found))).fetchall():
        found[plan_id][state] = count
    return found


def open_problems(conn: psycopg.Connection, integration_id: UUID, state: str, *, most: int) -> list[OpenProblem]:
    """Return a company's rows that failed, or are in conflict, the last tried first."""
    with conn.cursor(row_factory=class_row(OpenProblem)) as cursor:
        return cursor.execute(_PROBLEMS, (integration_id, state, most)).fetchall()


def open_reviews(conn: psycopg.Connection, integration_id: UUID, *, most: int) -> list[OpenReview]:
    """Return a company's deals that changed after approval, the oldest first."""
    with conn.cursor(row_factory=class_row(OpenReview)) as cursor:
        return cursor.execute(_REVIEWS, (integration_id, most)).fetchall()
