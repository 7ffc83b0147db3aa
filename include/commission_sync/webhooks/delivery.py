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


# Whoever needs somebody comes first. They are found by the small indexes of what is dead and what waits; only their
# figures are counted, as counting a day's events takes a while where there are a thousand companies.
_DELIVERIES = """
WITH dead AS (
    SELECT integration_id, true AS some FROM webhook_events
    WHERE state = 'dead' AND dismissed_at IS NULL AND received_at > now() - interval '1 day' GROUP BY 1
), waiting AS (
    SELECT integration_id, count(*) AS waiting FROM webhook_events
    WHERE state IN ('received', 'retry', 'processing') GROUP BY 1
), chosen AS MATERIALIZED (
    SELECT i.id FROM crm_integrations i
    LEFT JOIN webhook_lanes l ON l.integration_id = i.id
    LEFT JOIN dead ON dead.integration_id = i.id
    LEFT JOIN waiting w ON w.integration_id = i.id
    WHERE %(company)s::text IS NULL OR i.company_id = %(company)s
    ORDER BY dead.some IS NULL, l.paused_at IS NULL, w.waiting DESC NULLS LAST, i.company_id
    LIMIT %(most)s
)
SELECT d.company_id, d.accepted, d.processed, d.retried, d.dead, d.ignored, d.p50_seconds, d.p95_seconds,
       d.p99_seconds, d.waiting, d.oldest_waiting_seconds, l.paused_at, l.paused_by, l.paused_reason,
       coalesce(l.attended_until > now(), false) AS is_attended
FROM chosen JOIN webhook_delivery d ON d.integration_id = chosen.id
LEFT JOIN webhook_lanes l ON l.integration_id = chosen.id
ORDER BY d.dead > 0 DESC, l.paused_at IS NOT NULL DESC, d.waiting DESC, d.accepted DESC, d.company_id
"""

# The second bound on the time is for the planner to skip old weeks, as in webhook_delivery. Counted in one pass, as an
# event belongs to the quarter hour in which it came and to that in which it ended.
_SLOTS = """
WITH grouped AS MATERIALIZED (
    SELECT date_bin('15 minutes', e.received_at, 'epoch') AS received_in,
           date_bin('15 minutes', e.finished_at, 'epoch') AS ended_in, e.state, count(*) AS events
    FROM webhook_events e
    WHERE e.received_at > now() - interval '1 day'
      AND (e.occurred_at > now() - interval '3 days' OR e.occurred_at = to_timestamp(0))
      AND (%(company)s::text IS NULL
           OR e.integration_id = (SELECT id FROM crm_integrations WHERE company_id = %(company)s))
    GROUP BY 1, 2, 3
), counted AS (
    SELECT at, sum(received)::int AS received, sum(processed)::int AS processed, sum(died)::int AS died
    FROM (
        SELECT received_in AS at, events AS received, 0 AS processed, 0 AS died FROM grouped
        UNION ALL
        SELECT ended_in, 0, CASE WHEN state = 'done' THEN events END, CASE WHEN state = 'dead' THEN events END
        FROM grouped WHERE ended_in IS NOT NULL
    ) happened GROUP BY at
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
