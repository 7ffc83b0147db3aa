"""Which process applies a plan: each takes a number that only grows, and proves right before it sends that it has it.

All times are the database's, so that workers' clocks do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from commission_sync.store.commissions import Values

# A process that has not touched its plan for so long has died or hangs; one that works touches it at every batch.
STALE_AFTER = timedelta(minutes=5)

# What HubSpot had so long ago is asked for again before anything is sent.
READING_LASTS = timedelta(seconds=60)

# HubSpot carries out no request so long after it was sent, so a record that is read then shows what came of it.
LANDS_WITHIN = timedelta(hours=1)


@dataclass(frozen=True)
class Lease:
    """A process's turn at a plan."""

    plan_id: UUID
    fence: int


@dataclass(frozen=True)
class Sending:
    """The values of a row that are about to be sent, and what HubSpot had at the last reading."""

    id: UUID
    values: Values
    observed: Values


class Leave(StrEnum):
    """Whether a send may go out, or why not."""

    GRANTED = "granted"
    LOST = "lost"
    READ_AGAIN = "read again"


_TAKE = """
UPDATE writeback_plans SET fence = fence + 1, worked_at = clock_timestamp()
WHERE id = %s AND state = 'planned' AND expires_at > clock_timestamp() RETURNING fence
"""

_HOLD = """
UPDATE writeback_plans SET worked_at = clock_timestamp()
WHERE id = %(plan_id)s AND fence = %(fence)s AND state = 'planned' AND expires_at > clock_timestamp()
RETURNING %(read_at)s::timestamptz > clock_timestamp() - %(lasts)s
"""

_NOTE = """
UPDATE commission_writebacks w
SET unanswered = true, attempted_at = clock_timestamp(),
    sending = CASE WHEN w.unanswered THEN coalesce(w.sending, w.properties) || s.values ELSE s.values END,
    observed = CASE WHEN w.unanswered THEN w.observed ELSE s.observed END
FROM jsonb_to_recordset(%(sendings)s) AS s (id uuid, values jsonb, observed jsonb)
WHERE w.id = s.id AND w.plan_id = %(plan_id)s AND w.state = 'pending'
"""


def database_time(conn: psycopg.Connection) -> datetime:
    """Return the database's time."""
    row = conn.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    at: datetime = row[0]
    return at


def take_plan(conn: psycopg.Connection, plan_id: UUID) -> Lease | None:
    """Make a plan that may be applied this process's own; whoever had it before sends nothing any more."""
    taken = conn.execute(_TAKE, (plan_id,)).fetchone()
    return None if taken is None else Lease(plan_id, taken[0])


def hold_plan(conn: psycopg.Connection, lease: Lease) -> bool:
    """Say that the process works on its plan, and return whether it still may."""
    held = conn.execute(_HOLD, {**vars(lease), "read_at": None, "lasts": READING_LASTS}).fetchone()
    return held is not None


def note_sends(conn: psycopg.Connection, lease: Lease, sendings: Sequence[Sending], read_at: datetime) -> Leave:
    """Note that rows are sent, if the plan is still the process's own and the reading new enough.

    To be committed right before they are: from then on HubSpot may have them.
    """
    held = conn.execute(_HOLD, {**vars(lease), "read_at": read_at, "lasts": READING_LASTS}).fetchone()
    if held is None:
        return Leave.LOST
    if not held[0]:
        return Leave.READ_AGAIN
    documents = [{"id": str(s.id), "values": dict(s.values), "observed": dict(s.observed)} for s in sendings]
    noted = conn.execute(_NOTE, {"sendings": Jsonb(documents), "plan_id": lease.plan_id}).rowcount
    return Leave.GRANTED if noted == len(sendings) else Leave.READ_AGAIN


def forget_sends(conn: psycopg.Connection, ids: Sequence[UUID]) -> None:
    """Take back that rows are sent: HubSpot has refused the request as a whole."""
    conn.execute("UPDATE commission_writebacks SET unanswered = false WHERE id = ANY (%s)", (list(ids),))


# The row itself may have been sent by this very process: then its time is too new.
_FORGET_LANDED = """
UPDATE commission_writebacks u SET unanswered = false
FROM commission_writebacks w
WHERE w.id = ANY (%(ids)s) AND u.integration_id = w.integration_id
  AND (u.deal_id = w.deal_id OR u.crm_id = w.crm_id) AND u.unanswered AND u.attempted_at < %(read_at)s - %(lands)s
"""


def forget_landed(conn: psycopg.Connection, ids: Sequence[UUID], read_at: datetime) -> None:
    """Close the sends to the rows' records that were over, one way or the other, when those were read."""
    conn.execute(_FORGET_LANDED, {"ids": list(ids), "read_at": read_at, "lands": LANDS_WITHIN})


def release_plan(conn: psycopg.Connection, lease: Lease) -> None:
    """Say that the process has left its plan, so that nobody waits for it."""
    conn.execute(
        "UPDATE writeback_plans SET worked_at = NULL WHERE id = %s AND fence = %s", (lease.plan_id, lease.fence)
    )
