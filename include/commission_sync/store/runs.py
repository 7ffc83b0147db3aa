"""The record of every try of every sync."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

import psycopg


@dataclass(frozen=True)
class RunCounts:
    """What a run did: counts of records, of calls made and saved, and the milliseconds spent waiting for a limit."""

    fetched: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    archived: int = 0
    rejected: int = 0
    api_calls: int = 0
    api_wait_ms: int = 0
    calls_saved: int = 0

    def __add__(self, other: RunCounts) -> RunCounts:
        return RunCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def as_dict(self) -> dict[str, int]:
        """Return the counters by name."""
        return asdict(self)


_ABANDON = """
UPDATE sync_runs SET state = 'abandoned', finished_at = now(), error = 'the process ended without a word'
WHERE integration_id = %(integration_id)s AND stream = %(stream)s AND dag_id = %(dag_id)s AND run_id = %(run_id)s
  AND state = 'running'
"""

_OPEN = """
INSERT INTO sync_runs (integration_id, stream, mode, dag_id, run_id, try_number, task_id, map_index, window_from,
                       window_to)
VALUES (%(integration_id)s, %(stream)s, %(mode)s, %(dag_id)s, %(run_id)s, %(try_number)s, %(task_id)s, %(map_index)s,
        %(window_from)s, %(window_to)s)
RETURNING id
"""


def open_run(
    conn: psycopg.Connection,
    *,
    integration_id: UUID,
    stream: str,
    mode: str,
    dag_id: str,
    run_id: str,
    try_number: int,
    task_id: str | None = None,
    map_index: int = -1,
    window_from: datetime | None,
    window_to: datetime,
) -> UUID:
    """Record the start of a try and return its id; earlier tries that never ended become `abandoned`."""
    values = {
        "integration_id": integration_id,
        "stream": stream,
        "mode": mode,
        "dag_id": dag_id,
        "run_id": run_id,
        "try_number": try_number,
        "task_id": task_id,
        "map_index": map_index,
        "window_from": window_from,
        "window_to": window_to,
    }
    conn.execute(_ABANDON, values)
    row = conn.execute(_OPEN, values).fetchone()
    assert row is not None
    return UUID(str(row[0]))


_FINISH = """
UPDATE sync_runs SET state = %(state)s, finished_at = now(), error = %(error)s, fetched = %(fetched)s,
  inserted = %(inserted)s, updated = %(updated)s, unchanged = %(unchanged)s, stale = %(stale)s, archived = %(archived)s,
  rejected = %(rejected)s, api_calls = %(api_calls)s, api_wait_ms = %(api_wait_ms)s, calls_saved = %(calls_saved)s
WHERE id = %(id)s
"""


def finish_run(
    conn: psycopg.Connection, sync_run_id: UUID, *, state: str, counts: RunCounts, error: str | None = None
) -> None:
    """Record the end of a try: `success`, `failed`, or `deferred` where the same try goes on later."""
    conn.execute(_FINISH, {"id": sync_run_id, "state": state, "error": error, **counts.as_dict()})


def correct_window(
    conn: psycopg.Connection, sync_run_id: UUID, window_from: datetime | None, window_to: datetime
) -> None:
    """Record that a try covers another interval than it began with."""
    conn.execute(
        "UPDATE sync_runs SET window_from = %s, window_to = %s WHERE id = %s", (window_from, window_to, sync_run_id)
    )


def keep_clock_warning(conn: psycopg.Connection, sync_run_id: UUID, warning: str) -> None:
    """Record that the clocks differed when a try began, for the company's page."""
    conn.execute("UPDATE sync_runs SET clock_warning = %s WHERE id = %s", (warning, sync_run_id))
