"""What is left of each portal's limits, shared by all workers; the arithmetic is in the database, under one row's lock.

Every function is one statement that commits by itself: give them a connection in autocommit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True)
class Ceilings:
    """Limits of a connection's own, below HubSpot's; None: as HubSpot allows."""

    burst: int | None = None
    search: int | None = None


@dataclass(frozen=True)
class Grant:
    """Calls that may go, or for how many seconds (`delay`) none may, and why."""

    granted: int
    counted_at: float
    delay: float | None
    reason: str | None


# HubSpot, "API usage guidelines and limits": no account has less than 100 calls in ten seconds, or than 5 searches in
# one; what it has beyond that, its answers tell.
_ENSURE = """
INSERT INTO api_budgets (integration_id, policy, allowed, window_seconds)
VALUES (%(id)s, 'burst', 100, 10), (%(id)s, 'search', 5, 1), (%(id)s, 'daily', NULL, 86400)
ON CONFLICT DO NOTHING
"""

# One row at a time: whoever locks several of them does so in the order burst, search, daily.
_CEILING = """
UPDATE api_budgets SET ceiling = %(ceiling)s
WHERE integration_id = %(id)s AND policy = %(policy)s AND ceiling IS DISTINCT FROM %(ceiling)s
"""


def ensure_budgets(conn: psycopg.Connection, integration_id: UUID, ceilings: Ceilings) -> None:
    """Make sure that a portal has its budgets, and that the connection's own limits hold."""
    conn.execute(_ENSURE, {"id": integration_id})
    for policy, ceiling in (("burst", ceilings.burst), ("search", ceilings.search)):
        conn.execute(_CEILING, {"id": integration_id, "policy": policy, "ceiling": ceiling})


def take_calls(
    conn: psycopg.Connection,
    integration_id: UUID,
    policy: str,
    *,
    lane: int,
    wanted: int,
    day_share: float,
    unsettled_seconds: float,
    probe_seconds: float,
) -> Grant:
    """Take up to `wanted` calls; they count as under way for `unsettled_seconds` unless they are settled before."""
    with conn.cursor(row_factory=class_row(Grant)) as cursor:
        values = (integration_id, policy, lane, wanted, day_share, unsettled_seconds, probe_seconds)
        grant = cursor.execute("SELECT * FROM take_calls(%s, %s, %s, %s, %s, %s, %s)", values).fetchone()
    assert grant is not None
    return grant


def settle_calls(
    conn: psycopg.Connection,
    integration_id: UUID,
    policy: str,
    *,
    counted: Sequence[float],
    ages: Sequence[float],
    maximum: int | None,
    remaining: int | None,
    sent_age: float,
) -> None:
    """Say how long ago calls reached HubSpot at the latest, and what an answer's headers told of the limit.

    `sent_age` is for how long ago that answer's call was sent.
    """
    conn.execute(
        "SELECT settle_calls(%s, %s, %s, %s, %s, %s, %s)",
        (integration_id, policy, list(counted), list(ages), maximum, remaining, sent_age),
    )


def count_day(
    conn: psycopg.Connection,
    integration_id: UUID,
    *,
    calls: int,
    day: int | None,
    day_remaining: int | None,
    resets_at: datetime,
) -> None:
    """Count calls of the portal's day, or take over what the last answer's headers told of it."""
    conn.execute("SELECT count_day(%s, %s, %s, %s, %s)", (integration_id, calls, day, day_remaining, resets_at))


def refuse_call(conn: psycopg.Connection, integration_id: UUID, policy: str, *, asked: float | None) -> None:
    """Shrink a budget, as HubSpot refused a call; `asked` is for how many seconds it wants none, if it says."""
    conn.execute("SELECT refuse_call(%s, %s, %s)", (integration_id, policy, asked))


def refuse_day(conn: psycopg.Connection, integration_id: UUID, *, resets_at: datetime) -> None:
    """Let no call go before `resets_at`, as HubSpot says that the day's are used up."""
    conn.execute("SELECT refuse_day(%s, %s)", (integration_id, resets_at))
