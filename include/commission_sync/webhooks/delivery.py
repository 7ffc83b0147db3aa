"""How delivery is doing, for people: each company's figures with its lane, and events by the quarter hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True)
class Delivery:
    """A company's last 24 hours, what waits now, and whether its lane is paused or a worker is at it."""

    company_id: str
    accepted: int
    processed: int
    retried: int
    dead: int
    ignored: int
    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None
    waiting: int
    oldest_waiting_seconds: float | None
    paused_at: datetime | None
    paused_by: str | None
    paused_reason: str | None
    is_attended: bool


@dataclass(frozen=True)
class Slot:
    """A quarter of an hour: how many events were received in it, and of the last day's how many were done or died."""

    at: datetime
    received: int
    processed: int
    died: int


# Whoever needs somebody comes first.
_DELIVERIES = """
SELECT d.company_id, d.accepted, d.processed, d.retried, d.dead, d.ignored, d.p50_seconds, d.p95_seconds,
       d.p99_seconds, d.waiting, d.oldest_waiting_seconds, l.paused_at, l.paused_by, l.paused_reason,
       coalesce(l.attended_until > now(), false) AS is_attended
FROM webhook_delivery d LEFT JOIN webhook_lanes l USING (integration_id)
WHERE %(company)s::text IS NULL OR d.company_id = %(company)s
ORDER BY d.dead > 0 DESC, l.paused_at IS NOT NULL DESC, d.waiting DESC, d.accepted DESC, d.company_id
LIMIT %(most)s
"""

# The second bound on the time is for the planner to skip old weeks, as in webhook_delivery.
_SLOTS = """
WITH recent AS (
    SELECT e.received_at, e.finished_at, e.state
    FROM webhook_events e
    WHERE e.received_at > now() - interval '1 day'
      AND (e.occurred_at > now() - interval '3 days' OR e.occurred_at = to_timestamp(0))
      AND (%(company)s::text IS NULL
           OR e.integration_id = (SELECT id FROM crm_integrations WHERE company_id = %(company)s))
), happened AS (
    SELECT received_at AS at, 'received' AS what FROM recent
    UNION ALL
    SELECT finished_at, state FROM recent WHERE state IN ('done', 'dead') AND finished_at IS NOT NULL
), counted AS (
    SELECT date_bin('15 minutes', at, 'epoch') AS at, count(*) FILTER (WHERE what = 'received') AS received,
           count(*) FILTER (WHERE what = 'done') AS processed, count(*) FILTER (WHERE what = 'dead') AS died
    FROM happened GROUP BY 1
)
SELECT at, coalesce(received, 0) AS received, coalesce(processed, 0) AS processed, coalesce(died, 0) AS died
FROM generate_series(date_bin('15 minutes', now() - interval '1 day', 'epoch'), now(), '15 minutes') AS slot (at)
LEFT JOIN counted USING (at) ORDER BY at
"""


def deliveries(conn: psycopg.Connection, company: str | None, *, most: int) -> list[Delivery]:
    """Return the delivery figures of one company or of the first of all."""
    with conn.cursor(row_factory=class_row(Delivery)) as cursor:
        return cursor.execute(_DELIVERIES, {"company": company, "most": most}).fetchall()


def slots(conn: psycopg.Connection, company: str | None) -> list[Slot]:
    """Return the last 24 hours by the quarter hour, of one company or of all events."""
    with conn.cursor(row_factory=class_row(Slot)) as cursor:
        return cursor.execute(_SLOTS, {"company": company}).fetchall()
