"""The proof of what was read: one receipt per part of a reading, which a retry goes on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class Receipt:
    """A part of a reading; `covered` lists the intervals `[after, upto]` of record ids that are committed.

    `window_from` is None where everything was read, whenever modified.
    """

    id: UUID
    window_from: datetime | None
    window_to: datetime
    announced: int
    landed: int
    covered: list[list[int]]
    completed_at: datetime | None


_OPEN = """
INSERT INTO sync_receipts (integration_id, stream, sync_run_id, run_key, window_from, window_to)
VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
"""


def open_receipt(
    conn: psycopg.Connection,
    *,
    integration_id: UUID,
    stream: str,
    sync_run_id: UUID,
    run_key: str,
    window_from: datetime | None,
    window_to: datetime,
) -> UUID:
    """Start a receipt for one part; all tries of one run share `run_key`."""
    row = conn.execute(_OPEN, (integration_id, stream, sync_run_id, run_key, window_from, window_to)).fetchone()
    assert row is not None
    return UUID(str(row[0]))


_PROGRESS = """
UPDATE sync_receipts SET announced = announced + %s, landed = landed + %s, covered = %s,
  completed_at = CASE WHEN %s THEN now() END
WHERE id = %s
"""


def record_progress(
    conn: psycopg.Connection,
    receipt_id: UUID,
    *,
    announced: int,
    landed: int,
    covered: Sequence[Sequence[int]],
    complete: bool,
) -> None:
    """Add to a receipt, in the transaction that commits the rows it speaks of."""
    conn.execute(_PROGRESS, (announced, landed, Jsonb(covered), complete, receipt_id))


# A part that ended in the future when it was read, by a clock that ran fast, was not read.
# A run that succeeded and is cleared to run again has to read again, so its receipts are no longer resumed from.
_RESUMABLE = """
SELECT id, window_from, window_to, announced, landed, covered, completed_at
FROM sync_receipts r
WHERE integration_id = %(integration_id)s AND stream = %(stream)s AND run_key = %(run_key)s
  AND r.window_to <= r.opened_at
  AND NOT EXISTS (
    SELECT FROM sync_runs s
    WHERE s.integration_id = r.integration_id AND s.stream = r.stream AND s.state = 'success'
      AND s.dag_id || '/' || s.run_id = r.run_key AND s.finished_at >= r.opened_at
  )
ORDER BY window_to
"""


def resumable_receipts(conn: psycopg.Connection, integration_id: UUID, stream: str, run_key: str) -> list[Receipt]:
    """Return what earlier tries of a run proved, complete or not, in order of time."""
    with conn.cursor(row_factory=class_row(Receipt)) as cursor:
        values = {"integration_id": integration_id, "stream": stream, "run_key": run_key}
        return cursor.execute(_RESUMABLE, values).fetchall()
