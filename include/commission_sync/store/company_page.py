"""What a company's page shows of its past: runs, what they left aside, and which periods are provably complete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row, dict_row


@dataclass(frozen=True)
class Run:
    """A run of a stream that has ended; `lag_seconds` is how old what was known had become just before it ended."""

    finished_at: datetime
    state: str
    mode: str
    fetched: int
    written: int
    rejected: int
    api_calls: int
    seconds: float
    lag_seconds: float | None
    error: str | None
    dag_id: str
    run_id: str
    task_id: str | None
    map_index: int


@dataclass(frozen=True)
class Reject:
    """A row that could not be stored, as HubSpot gave it."""

    stream: str
    crm_id: str
    reason: str
    payload: Any
    attempts: int
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class Month:
    """Whether all that was modified in a month has provably landed."""

    stream: str
    month: date
    is_read: bool
    is_complete: bool
    open_rejects: int


@dataclass(frozen=True)
class Score:
    """How good a stream's data were on a day; None where there was nothing to judge."""

    stream: str
    day: date
    score: Decimal | None
    reason: str | None
    parts: dict[str, Any]


_RUNS = """
SELECT finished_at, state, mode, fetched, inserted + updated + archived AS written, rejected, api_calls,
       extract(epoch FROM finished_at - started_at)::float AS seconds,
       extract(epoch FROM finished_at - lag(window_to) OVER (ORDER BY finished_at))::float AS lag_seconds,
       error, dag_id, run_id, task_id, map_index
FROM (
    SELECT * FROM sync_runs
    WHERE integration_id = %(id)s AND stream = %(stream)s AND finished_at IS NOT NULL
    ORDER BY started_at DESC LIMIT %(most)s
) last ORDER BY finished_at
"""

_REJECTS = """
SELECT stream, crm_id, reason, payload, attempts, first_seen_at, last_seen_at FROM sync_rejects
WHERE integration_id = %s AND resolved_at IS NULL ORDER BY last_seen_at DESC LIMIT %s
"""

_MONTHS = """
SELECT stream, month, is_read, is_complete, open_rejects FROM sync_completeness
WHERE integration_id = %s AND month > now() - interval '13 months' ORDER BY stream, month
"""

_SCORES = """
SELECT stream, day, score, reason, parts FROM data_quality_scores
WHERE integration_id = %s AND day > current_date - 90 ORDER BY stream, day
"""

_FINDINGS = """
SELECT f.stream, f.dimension, f.entity, f.crm_id, f.points_lost, f.money, f.what
FROM data_quality_findings f
WHERE f.score_id IN (
    SELECT DISTINCT ON (stream) id FROM data_quality_scores WHERE integration_id = %s ORDER BY stream, day DESC
) ORDER BY f.points_lost DESC LIMIT %s
"""


def runs(conn: psycopg.Connection, integration_id: UUID, stream: str, most: int) -> list[Run]:
    """Return the last runs of a stream, the oldest first."""
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(_RUNS, {"id": integration_id, "stream": stream, "most": most}).fetchall()


def rejects(conn: psycopg.Connection, integration_id: UUID, most: int) -> list[Reject]:
    """Return what waits for its value to be corrected in HubSpot, the latest first."""
    with conn.cursor(row_factory=class_row(Reject)) as cursor:
        return cursor.execute(_REJECTS, (integration_id, most)).fetchall()


def months(conn: psycopg.Connection, integration_id: UUID) -> list[Month]:
    """Return which months of the last year are complete, by stream."""
    with conn.cursor(row_factory=class_row(Month)) as cursor:
        return cursor.execute(_MONTHS, (integration_id,)).fetchall()


def scores(conn: psycopg.Connection, integration_id: UUID) -> list[Score]:
    """Return the quality scores of the last 90 days, by stream, the oldest first."""
    with conn.cursor(row_factory=class_row(Score)) as cursor:
        return cursor.execute(_SCORES, (integration_id,)).fetchall()


def findings(conn: psycopg.Connection, integration_id: UUID, most: int) -> list[dict[str, Any]]:
    """Return the rows that cost most points in the newest scores."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_FINDINGS, (integration_id, most)).fetchall()


def is_active(conn: psycopg.Connection, integration_id: UUID) -> bool:
    """Return whether runs read the company."""
    row = conn.execute("SELECT is_active FROM crm_integrations WHERE id = %s", (integration_id,)).fetchone()
    return row is not None and bool(row[0])


def set_active(conn: psycopg.Connection, integration_id: UUID, *, is_active: bool) -> bool:
    """Pause a company or let it go on; return whether that changed anything."""
    query = "UPDATE crm_integrations SET is_active = %s, updated_at = now() WHERE id = %s AND is_active <> %s"
    return conn.execute(query, (is_active, integration_id, is_active)).rowcount == 1
