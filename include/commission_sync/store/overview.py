"""What the overview shows: every company's standing, and what the streams of a few of them are doing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

# Whoever needs a person comes first.
STANDINGS = ("unauthorized", "failing", "unreachable", "late", "well", "paused")


@dataclass(frozen=True)
class Company:
    """A company as the overview lists it; `oldest_cursor_at` is that of its streams that are on."""

    id: UUID
    company_id: str
    portal_id: int
    sync_status: str
    last_error_message: str | None
    last_sync: datetime | None
    breaker: str
    breaker_error: str | None
    probe_at: datetime | None
    oldest_cursor_at: datetime | None
    standing: str
    found: int


@dataclass(frozen=True)
class StreamState:
    """A stream of a company: how far it is complete, and its last try; None where there was none yet."""

    integration_id: UUID
    stream: str
    cursor_at: datetime | None
    state: str | None
    mode: str | None
    dag_id: str | None
    run_id: str | None
    task_id: str | None
    map_index: int | None
    try_number: int | None
    started_at: datetime | None
    finished_at: datetime | None
    fetched: int | None
    written: int | None
    rejected: int | None
    api_calls: int | None
    error: str | None
    clock_warning: str | None


@dataclass(frozen=True)
class Budget:
    """How much of a limit of HubSpot's is used: calls of the last window, or of the day."""

    integration_id: UUID
    policy: str
    used: int
    allowed: int | None
    resets_at: datetime | None


_STANDINGS = """
WITH oldest AS (
    SELECT c.integration_id, min(c.cursor_at) AS cursor_at
    FROM sync_cursors c JOIN crm_integrations i ON i.id = c.integration_id
    WHERE c.stream = ANY (%(streams)s)
      AND NOT EXISTS (SELECT FROM unnest(%(off_ids)s::uuid[], %(off_streams)s::text[]) AS o (id, stream)
                      WHERE o.id = i.id AND o.stream = c.stream)
    GROUP BY c.integration_id
)
SELECT i.id, i.company_id, i.portal_id, i.sync_status::text, i.last_error_message, i.last_sync,
       coalesce(b.state, 'closed') AS breaker, b.last_error AS breaker_error, b.probe_at,
       o.cursor_at AS oldest_cursor_at,
       CASE WHEN NOT i.is_active THEN 'paused' WHEN k.state <> 'valid' THEN 'unauthorized'
            WHEN i.sync_status = 'error' THEN 'failing' WHEN b.state <> 'closed' THEN 'unreachable'
            WHEN coalesce(o.cursor_at, i.created_at) < now() - %(sla)s THEN 'late' ELSE 'well' END AS standing
FROM crm_integrations i
LEFT JOIN oldest o ON o.integration_id = i.id
LEFT JOIN circuit_breakers b ON b.integration_id = i.id
LEFT JOIN crm_credentials k ON k.integration_id = i.id
"""

_PAGE = f"""
SELECT *, count(*) OVER () AS found FROM ({_STANDINGS}) all_of_them
WHERE strpos(lower(company_id), lower(%(name)s)) > 0 AND (%(id)s::uuid IS NULL OR id = %(id)s)
  AND (%(standing)s::text IS NULL OR standing = %(standing)s)
ORDER BY array_position(%(order)s::text[], standing), company_id, portal_id LIMIT %(most)s OFFSET %(skip)s
"""  # noqa: S608 - put together from what stands above

_TOTALS = f"SELECT standing, count(*)::int FROM ({_STANDINGS}) all_of_them GROUP BY standing"  # noqa: S608 - as above

_STREAMS = """
SELECT i.id AS integration_id, s.stream, c.cursor_at, r.*
FROM unnest(%(ids)s::uuid[]) AS i (id) CROSS JOIN unnest(%(streams)s::text[]) WITH ORDINALITY AS s (stream, number)
LEFT JOIN sync_cursors c ON c.integration_id = i.id AND c.stream = s.stream
LEFT JOIN LATERAL (
    SELECT state, mode, dag_id, run_id, task_id, map_index, try_number, started_at, finished_at, fetched,
           inserted + updated + archived AS written, rejected, api_calls, error, clock_warning
    FROM sync_runs WHERE integration_id = i.id AND stream = s.stream ORDER BY started_at DESC LIMIT 1
) r ON true
ORDER BY s.number
"""

_BUDGETS = """
SELECT integration_id, policy, allowed, resets_at,
       CASE WHEN policy = 'daily' THEN used ELSE (
           SELECT count(*) FROM unnest(arrivals) a (at)
           WHERE a.at > extract(epoch FROM clock_timestamp()) - window_seconds
       ) END AS used
FROM api_budgets WHERE integration_id = ANY(%s)
"""


@dataclass(frozen=True)
class Counted:
    """The streams that count, how old they may be, and those that companies do not have, as their flags decide."""

    streams: Sequence[str]
    sla: timedelta
    switched_off: frozenset[tuple[UUID, str]] = frozenset()

    def values(self) -> dict[str, Any]:
        """Return what the queries of this module are given."""
        off = list(self.switched_off)
        ids, names = [one for one, _ in off], [name for _, name in off]
        return {"streams": list(self.streams), "sla": self.sla, "off_ids": ids, "off_streams": names}


def companies(
    conn: psycopg.Connection,
    counted: Counted,
    *,
    only: UUID | None = None,
    name: str = "",
    standing: str | None = None,
    most: int = 1,
    skip: int = 0,
) -> list[Company]:
    """Return a page of companies, those that need a person first.

    :param only: this one alone
    :param name: only those with this in their name; `standing` only those that stand so
    """
    values = counted.values() | {
        "id": only,
        "name": name,
        "standing": standing,
        "order": list(STANDINGS),
        "most": most,
        "skip": skip,
    }
    with conn.cursor(row_factory=class_row(Company)) as cursor:
        return cursor.execute(_PAGE, values).fetchall()


def totals(conn: psycopg.Connection, counted: Counted) -> dict[str, int]:
    """Return how many companies stand how, without those that nobody does."""
    return dict(conn.execute(_TOTALS, counted.values()).fetchall())


def stream_states(conn: psycopg.Connection, ids: Sequence[UUID], streams: Sequence[str]) -> list[StreamState]:
    """Return each stream of each of the companies, a company's in the order that was asked for."""
    with conn.cursor(row_factory=class_row(StreamState)) as cursor:
        return cursor.execute(_STREAMS, {"ids": list(ids), "streams": list(streams)}).fetchall()


def budgets(conn: psycopg.Connection, ids: Sequence[UUID]) -> list[Budget]:
    """Return what is used of the companies' limits."""
    with conn.cursor(row_factory=class_row(Budget)) as cursor:
        return cursor.execute(_BUDGETS, (list(ids),)).fetchall()
