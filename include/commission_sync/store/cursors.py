"""How far each stream of each company is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg


@dataclass(frozen=True, order=True)
class Cursor:
    """Every change up to `at` (aware UTC) has landed; `crm_id` tells records of one instant apart where needed."""

    at: datetime
    crm_id: str | None = None


# Nothing can be read further than to when the cursor was written, whatever a clock that ran fast made of it.
_READ = """
SELECT least(cursor_at, updated_at), cursor_id FROM sync_cursors WHERE integration_id = %s AND stream = %s
"""


def read_cursor(conn: psycopg.Connection, integration_id: UUID, stream: str) -> Cursor | None:
    """Return the stored cursor, or None before the first complete reading."""
    row = conn.execute(_READ, (integration_id, stream)).fetchone()
    return None if row is None else Cursor(row[0], row[1])


_ADVANCE = """
INSERT INTO sync_cursors AS c (integration_id, stream, cursor_at, cursor_id) VALUES (%s, %s, %s, %s)
ON CONFLICT (integration_id, stream) DO UPDATE
SET cursor_at = excluded.cursor_at, cursor_id = excluded.cursor_id, updated_at = now()
WHERE c.cursor_at < excluded.cursor_at OR c.cursor_at > c.updated_at
"""


def advance_cursor(conn: psycopg.Connection, integration_id: UUID, stream: str, cursor: Cursor) -> None:
    """Move the cursor forward, in the caller's transaction; back goes only one that a fast clock had set ahead."""
    conn.execute(_ADVANCE, (integration_id, stream, cursor.at, cursor.crm_id))
