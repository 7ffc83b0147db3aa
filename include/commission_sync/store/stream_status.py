"""How each stream of a company last ended, and what that makes of the company: the worst of them.

A run that ends well says nothing of the others: another stream's error stays with the company until that stream works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

_LONGEST_MESSAGE = 2_000

# Rows of a company's streams are changed one after the other, so that each sees what the others left.
_LOCK = "SELECT 1 FROM crm_integrations WHERE id = %(integration_id)s FOR NO KEY UPDATE"

_KEEP = """
INSERT INTO sync_stream_status AS s (integration_id, dag_id, stream, state, failures, message)
VALUES (%(integration_id)s, %(dag_id)s, %(stream)s, %(state)s, %(failed)s::int, %(message)s)
ON CONFLICT (integration_id, dag_id, stream) DO UPDATE
SET state = excluded.state, message = excluded.message, updated_at = now(),
    failures = CASE excluded.state WHEN 'idle' THEN 0 ELSE s.failures + excluded.failures END
"""

_FORGET = """
DELETE FROM sync_stream_status WHERE integration_id = %(integration_id)s AND stream = ANY (%(streams)s)
"""

# What waits is no failure; its message is told where nothing has failed.
_TELL = """
UPDATE crm_integrations i
SET sync_status = (CASE WHEN s.failed THEN 'error' WHEN s.running THEN 'syncing' ELSE 'idle' END)::sync_status,
    error_count = s.failures, last_error_message = s.message, updated_at = now()
FROM (
    SELECT coalesce(bool_or(state = 'failed'), false) AS failed, coalesce(bool_or(state = 'running'), false) AS running,
           coalesce(max(failures), 0) AS failures,
           (array_agg(message ORDER BY state = 'failed' DESC, failures DESC, updated_at DESC)
            FILTER (WHERE message IS NOT NULL))[1] AS message
    FROM sync_stream_status WHERE integration_id = %(integration_id)s
) s
WHERE i.id = %(integration_id)s
"""


@dataclass(frozen=True)
class StreamOf:
    """A stream of a company, as one DAG runs it."""

    integration_id: UUID
    dag_id: str
    stream: str


def mark_running(conn: psycopg.Connection, of: StreamOf) -> None:
    """Say that a run is under way, in the caller's transaction."""
    _mark(conn, of, "running")


def mark_succeeded(conn: psycopg.Connection, of: StreamOf, *, cursor: str) -> None:
    """Say that a run has ended well, in the caller's transaction."""
    _mark(conn, of, "idle")
    conn.execute(
        "UPDATE crm_integrations SET last_sync = now(), sync_cursor = %s WHERE id = %s", (cursor, of.integration_id)
    )


def mark_waiting(conn: psycopg.Connection, of: StreamOf, message: str) -> None:
    """Say that a run waits, and what for, in the caller's transaction; that is no failure."""
    _mark(conn, of, "waiting", message)


def mark_failed(conn: psycopg.Connection, of: StreamOf, message: str) -> None:
    """Say that a run has failed, and why, in the caller's transaction."""
    _mark(conn, of, "failed", message)


def forget_streams(conn: psycopg.Connection, integration_id: UUID, streams: frozenset[str]) -> None:
    """Forget how streams ended that the company no longer has, in the caller's transaction."""
    values: dict[str, Any] = {"integration_id": integration_id, "streams": list(streams)}
    if conn.execute(_FORGET, values).rowcount:
        conn.execute(_TELL, values)


def _mark(conn: psycopg.Connection, of: StreamOf, state: str, message: str | None = None) -> None:
    shown = None if message is None else message[:_LONGEST_MESSAGE]
    values = {**vars(of), "state": state, "message": shown, "failed": state == "failed"}
    conn.execute(_LOCK, values)
    conn.execute(_KEEP, values)
    conn.execute(_TELL, values)
