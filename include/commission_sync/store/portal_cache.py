"""What portals say of themselves and rarely change, with its age, so that all workers ask for it once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class Cached:
    """An answer, and how many calls it took."""

    content: Any
    calls: int
    fetched_at: datetime


_READ = """
SELECT content, calls, fetched_at FROM portal_cache
WHERE integration_id = %s AND kind = %s AND fetched_at > now() - %s::interval
"""

_KEEP = """
INSERT INTO portal_cache AS c (integration_id, kind, content, calls) VALUES (%s, %s, %s, %s)
ON CONFLICT (integration_id, kind) DO UPDATE
SET content = excluded.content, calls = excluded.calls, fetched_at = now(),
    changed_at = CASE WHEN c.content = excluded.content THEN c.changed_at ELSE now() END
"""


def read_cached(conn: psycopg.Connection, integration_id: UUID, kind: str, max_age: timedelta) -> Cached | None:
    """Return an answer that is not older than `max_age`; None when there is none."""
    with conn.cursor(row_factory=class_row(Cached)) as cursor:
        return cursor.execute(_READ, (integration_id, kind, max_age)).fetchone()


def keep_cached(conn: psycopg.Connection, integration_id: UUID, kind: str, content: Any, calls: int) -> None:
    """Keep an answer that has just come; `changed_at` tells since when it has been what it is."""
    conn.execute(_KEEP, (integration_id, kind, Jsonb(content), calls))
