"""The deals that changed since a consumer last looked: the audit log, read as a feed.

Writers of one company's deals take turns (see `merge`), so the ids of their audit entries are in the order of commits:
whoever has read up to an id has missed nothing below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from commission_sync.store.conversion import ACTOR as CONVERSION
from commission_sync.store.cursors import Cursor, read_cursor
from commission_sync.store.merge import take_turn


@dataclass(frozen=True)
class Position:
    """How far a consumer has read; deals last modified before `since` were covered by its first full reading."""

    since: datetime
    audit_id: int


# After a first load every deal has changed; a page of them is all that a consumer holds.
PAGE_ENTRIES = 1_000

_ENTRIES = """
SELECT a.entity_id, a.id FROM audit_log a
JOIN deals d ON d.integration_id = a.integration_id AND d.crm_id = a.entity_id
WHERE a.id > %(after)s AND a.id <= %(upto)s AND a.integration_id = %(integration_id)s AND a.entity = 'deal'
  AND (a.action = 'restore' OR a.action = ANY (%(actions)s) AND (
        d.crm_updated_at >= %(since)s OR a.action <> 'insert' AND a.changes ?| %(silent)s))
  AND d.archived_at IS NULL AND a.actor <> %(conversion)s
ORDER BY a.id LIMIT %(most)s
"""

# Right after a first load PostgreSQL knows nothing of the table, and would sort all that is left for each page.
_IN_ORDER = "SELECT set_config('enable_sort', 'off', true)"

_HEAD = "SELECT coalesce(max(id), 0) FROM audit_log"

_MOVE = """
INSERT INTO sync_cursors AS c (integration_id, stream, cursor_at, cursor_id) VALUES (%s, %s, %s, %s)
ON CONFLICT (integration_id, stream) DO UPDATE SET cursor_id = excluded.cursor_id, updated_at = now()
WHERE c.cursor_id::bigint < excluded.cursor_id::bigint
"""


class DealFeed:
    """One consumer's view of the feed; its position is a row of `sync_cursors`, under the consumer's name."""

    def __init__(self, conn: psycopg.Connection, integration_id: UUID, consumer: str) -> None:
        self._conn = conn
        self._integration_id = integration_id
        self._consumer = consumer

    def _position(self) -> Position | None:
        """Return how far the consumer has read; None before it began."""
        cursor = read_cursor(self._conn, self._integration_id, self._consumer)
        return None if cursor is None else Position(cursor.at, int(cursor.crm_id or 0))

    def _head(self) -> int:
        """Return the id below which no entry of this company is still to be committed, in a transaction."""
        take_turn(self._conn, self._integration_id, "deals")
        row = self._conn.execute(_HEAD).fetchone()
        assert row is not None
        return int(row[0])

    def since(self) -> datetime | None:
        """Return from when on edits count for the consumer, in a transaction; None before it began."""
        position = self._position()
        return None if position is None else position.since

    def begin(self, since: datetime, *, from_start: bool = False) -> None:
        """Begin to read from now on, or from the start, unless the consumer has begun before; in a transaction."""
        if self._position() is None:
            self._move(Position(since, 0 if from_start else self._head()))

    def pages(
        self, *, silent: tuple[str, ...] = (), echoes: bool = False, most: int = PAGE_ENTRIES
    ) -> Iterator[list[str]]:
        """Yield, page by page, the live deals that changed since the consumer last looked, up to now.

        A page counts as dealt with once the next one is asked for: whoever fails in between gets it again. A deal that
        changed more than once may be in more than one. Each page is read in a transaction of its own.

        :param silent: properties whose changes count even where the deal was last modified before the consumer began
        :param echoes: whether our own writes that came back count, too
        :param most: how many changes a page has
        """
        with self._conn.transaction():
            position, head = self._position(), self._head()
        while position is not None and position.audit_id < head:
            with self._conn.transaction():
                deals, upto = self._page(position, head, _wanted(silent, echoes), most)
            if deals:
                yield deals
            position = Position(position.since, upto)
            with self._conn.transaction():
                self._move(position)

    def _page(self, position: Position, head: int, wanted: Mapping[str, object], most: int) -> tuple[list[str], int]:
        """Return the deals of the next changes, each once, and the id up to which there are no others."""
        values = {
            **wanted,
            "integration_id": self._integration_id,
            "after": position.audit_id,
            "upto": head,
            "since": position.since,
            # What is converted anew has not changed in HubSpot.
            "conversion": CONVERSION,
            "most": most,
        }
        self._conn.execute(_IN_ORDER)
        entries = self._conn.execute(_ENTRIES, values).fetchall()
        upto = int(entries[-1][1]) if len(entries) == most else head
        return list(dict.fromkeys(str(crm_id) for crm_id, _ in entries)), upto

    def _move(self, position: Position) -> None:
        """Say that everything up to a position is dealt with."""
        cursor = Cursor(position.since, str(position.audit_id))
        self._conn.execute(_MOVE, (self._integration_id, self._consumer, cursor.at, cursor.crm_id))


def _wanted(silent: tuple[str, ...], echoes: bool) -> Mapping[str, object]:
    return {"silent": list(silent), "actions": ["insert", "update", *(["echo"] if echoes else [])]}
