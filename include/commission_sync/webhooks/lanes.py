"""Each company's events are a lane of their own: it can be paused, and a worker says that he is at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from commission_sync.store.audit import record_action

# A worker shows up more often than that; one that does not is taken for dead and another is called.
ATTENDANCE = timedelta(seconds=20)


class LaneLost(Exception):
    """Another worker is at the lane now: what this one has read may be older than what that one has written."""


class UnknownLane(LookupError):
    """A lane was named that no company has."""


@dataclass(frozen=True)
class DueLane:
    """A company with events that are due, at whose lane nobody is."""

    integration_id: UUID
    company: str


# Also the watcher's question: as cheap as one look into an index of what waits, for each company. Who has waited
# longest comes first, as one run may not take them all.
DUE_LANES = """
SELECT i.id AS integration_id, i.company_id AS company
FROM crm_integrations i LEFT JOIN webhook_lanes l ON l.integration_id = i.id
CROSS JOIN LATERAL (
    SELECT e.next_attempt_at FROM webhook_events e
    WHERE e.integration_id = i.id AND e.state IN ('received', 'retry', 'processing') AND e.next_attempt_at <= now()
    ORDER BY e.next_attempt_at LIMIT 1
) waiting
WHERE i.is_active AND l.paused_at IS NULL AND coalesce(l.attended_until < now(), true)
ORDER BY waiting.next_attempt_at, i.company_id
"""

_ATTEND = """
INSERT INTO webhook_lanes AS l (integration_id, attended_by, attended_until)
VALUES (%(lane)s, %(worker)s, now() + %(for)s)
ON CONFLICT (integration_id) DO UPDATE
SET attended_by = excluded.attended_by, attended_until = excluded.attended_until
WHERE l.paused_at IS NULL AND (l.attended_by = excluded.attended_by OR l.attended_until < now())
"""

_HOLD = "SELECT FROM webhook_lanes WHERE integration_id = %s AND attended_by = %s FOR SHARE"

_LEAVE = "UPDATE webhook_lanes SET attended_until = '-infinity' WHERE integration_id = %s AND attended_by = %s"

_PAUSE = """
INSERT INTO webhook_lanes (integration_id, paused_at, paused_by, paused_reason)
SELECT id, now(), %(actor)s, %(reason)s FROM crm_integrations WHERE company_id = %(company)s
ON CONFLICT (integration_id) DO UPDATE
SET paused_at = now(), paused_by = excluded.paused_by, paused_reason = excluded.paused_reason
RETURNING integration_id
"""

_RESUME = """
UPDATE webhook_lanes l SET paused_at = NULL, paused_by = NULL, paused_reason = NULL
FROM crm_integrations i
WHERE i.id = l.integration_id AND i.company_id = %(company)s AND l.paused_at IS NOT NULL RETURNING l.integration_id
"""


def due_lanes(conn: psycopg.Connection, companies: Sequence[str] = ()) -> list[DueLane]:
    """Return the lanes, of the given companies or of all, that a worker is needed at."""
    with conn.cursor(row_factory=class_row(DueLane)) as cursor:
        found = cursor.execute(DUE_LANES).fetchall()
    return [lane for lane in found if not companies or lane.company in companies]


def attend(conn: psycopg.Connection, integration_id: UUID, worker: UUID) -> bool:
    """Say that this worker is at the lane for a while; False when another one is or the lane is paused."""
    with conn.transaction():
        values = {"lane": integration_id, "worker": worker, "for": ATTENDANCE}
        return conn.execute(_ATTEND, values).rowcount == 1


def hold(conn: psycopg.Connection, integration_id: UUID, worker: UUID) -> None:
    """Keep the lane for this worker until the caller's transaction ends.

    Each stay at a lane has a worker id of its own, so a lane that was lost is never taken for the same one again.

    :raises LaneLost: when another worker has come since.
    """
    if conn.execute(_HOLD, (integration_id, worker)).fetchone() is None:
        raise LaneLost(f"another worker is at the lane of {integration_id}")


def leave(conn: psycopg.Connection, integration_id: UUID, worker: UUID) -> None:
    """Say that this worker is no longer at the lane."""
    with conn.transaction():
        conn.execute(_LEAVE, (integration_id, worker))


def pause(conn: psycopg.Connection, company: str, *, reason: str, actor: str) -> None:
    """Let a company's events wait, in the caller's transaction; they are still accepted.

    :raises UnknownLane: when there is no such company.
    """
    row = conn.execute(_PAUSE, {"company": company, "reason": reason, "actor": actor}).fetchone()
    if row is None:
        raise UnknownLane(f"there is no company {company!r} in crm_integrations")
    _record(conn, row[0], company, "pause", actor=actor, paused_reason=[None, reason])


def resume(conn: psycopg.Connection, company: str, *, actor: str) -> bool:
    """Let a company's events go on, in the caller's transaction, and tell whether they had been paused."""
    row = conn.execute(_RESUME, {"company": company}).fetchone()
    if row is not None:
        _record(conn, row[0], company, "resume", actor=actor)
    conn.execute("SELECT pg_notify('webhook_events', '')")
    return row is not None


def _record(conn: psycopg.Connection, lane: UUID, company: str, action: str, *, actor: str, **changes: Any) -> None:
    record_action(conn, lane, entity="webhook_lanes", entity_id=company, action=action, actor=actor, changes=changes)
