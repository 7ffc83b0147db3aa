"""Takes events out of the inbox to work on, and puts back what became of them.

A claim is a lease: whoever holds it works alone on its events, and when he dies they come back by themselves once it
has run out. All statements are short transactions of their own; none is open while HubSpot is called.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import class_row

LEASE = timedelta(minutes=2)
# Thousands of events are held at once and read a hundred at a time: to hold them all for longer at each would write
# every one dozens of times.
EXTENDED_AFTER = timedelta(seconds=15)

_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id, occurred_at FROM webhook_events
    WHERE integration_id = %(integration_id)s AND state IN ('received', 'retry', 'processing')
      AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
UPDATE webhook_events e SET state = 'processing', lease = %(lease)s, next_attempt_at = now() + %(length)s
FROM due WHERE e.id = due.id AND e.occurred_at = due.occurred_at
RETURNING e.id, e.occurred_at, e.payload, e.attempts
"""

_BEGIN = """
UPDATE webhook_events e SET attempts = attempts + 1
FROM unnest(%(ids)s::bigint[], %(times)s::timestamptz[]) AS mine (id, occurred_at)
WHERE e.id = mine.id AND e.occurred_at = mine.occurred_at AND e.lease = %(lease)s
"""

_EXTEND = """
UPDATE webhook_events SET next_attempt_at = now() + %(length)s
WHERE integration_id = %(integration_id)s AND state = 'processing' AND lease = %(lease)s
"""

# The lease is the proof that the event is still this worker's: one that it lost has been claimed by another since.
_SETTLE = """
UPDATE webhook_events e
SET state = %(state)s, lease = NULL, last_error = %(error)s, error_class = %(error_class)s,
    attempts = greatest(0, e.attempts - %(uncounted)s),
    next_attempt_at = CASE WHEN %(state)s = 'retry' THEN now() + %(delay)s ELSE e.next_attempt_at END,
    finished_at = CASE WHEN %(state)s <> 'retry' THEN now() END,
    correlation_ids = CASE WHEN %(correlation_id)s::text IS NULL THEN e.correlation_ids
                           ELSE e.correlation_ids || %(correlation_id)s::text END
FROM unnest(%(ids)s::bigint[], %(times)s::timestamptz[]) AS mine (id, occurred_at)
WHERE e.id = mine.id AND e.occurred_at = mine.occurred_at AND e.lease = %(lease)s
"""

_RELEASE = """
UPDATE webhook_events SET state = 'retry', lease = NULL, next_attempt_at = now() + %(delay)s, last_error = %(error)s,
    error_class = %(error_class)s
WHERE integration_id = %(integration_id)s AND state = 'processing' AND lease = %(lease)s
"""


@dataclass(frozen=True, eq=False)
class Claimed:
    """An event that this worker works on; `attempts` counts the tries before."""

    id: int
    occurred_at: datetime
    payload: dict[str, Any]
    attempts: int


@dataclass(frozen=True)
class Settlement:
    """What becomes of events: `done`, `ignored`, `dead`, or `retry` after a delay."""

    state: str
    error: str | None = None
    error_class: str | None = None
    delay: timedelta = timedelta(0)
    counts: bool = True
    correlation_id: str | None = None


class Claim:
    """The events of one company that one worker holds."""

    def __init__(self, conn: psycopg.Connection, integration_id: UUID) -> None:
        """Hold nothing yet; `conn` is used in transactions of its own."""
        self._conn = conn
        self._integration_id = integration_id
        self._held_since = time.monotonic()
        self.lease = uuid4()

    def take(self, most: int) -> list[Claimed]:
        """Take up to `most` events that are due, the longest due first, past those that others hold."""
        self._held_since = time.monotonic()
        with self._conn.transaction(), self._conn.cursor(row_factory=class_row(Claimed)) as cursor:
            return cursor.execute(_CLAIM, self._values(most=most)).fetchall()

    def begin(self, events: Iterable[Claimed]) -> None:
        """Count a try of these events, and hold all that are claimed for longer where that is due."""
        now = time.monotonic()
        with self._conn.transaction():
            self._conn.execute(_BEGIN, self._values(**_keys(events)))
            if now - self._held_since >= EXTENDED_AFTER.total_seconds():
                self._conn.execute(_EXTEND, self._values())
                self._held_since = now

    def settle(self, events: Sequence[Claimed], settlement: Settlement) -> int:
        """Put events back as they are now and return how many still were this worker's."""
        if not events:
            return 0
        values = self._values(
            **_keys(events),
            state=settlement.state,
            error=settlement.error,
            error_class=settlement.error_class,
            delay=settlement.delay,
            uncounted=0 if settlement.counts else 1,
            correlation_id=settlement.correlation_id,
        )
        with self._conn.transaction():
            return self._conn.execute(_SETTLE, values).rowcount

    def release(self, settlement: Settlement) -> int:
        """Put back everything that is still held, untried, and return how many that was."""
        values = self._values(delay=settlement.delay, error=settlement.error, error_class=settlement.error_class)
        with self._conn.transaction():
            return self._conn.execute(_RELEASE, values).rowcount

    def _values(self, **others: object) -> dict[str, object]:
        return {"integration_id": self._integration_id, "lease": self.lease, "length": LEASE, **others}


def _keys(events: Iterable[Claimed]) -> dict[str, object]:
    listed = list(events)
    return {"ids": [e.id for e in listed], "times": [e.occurred_at for e in listed]}


_IGNORE = """
UPDATE webhook_events SET state = 'ignored', last_error = %s, finished_at = now()
WHERE integration_id = %s AND state IN ('received', 'retry')
"""


def ignore_waiting(conn: psycopg.Connection, integration_id: UUID, why: str) -> int:
    """Put by what waits for a company, in the caller's transaction, and return how many events that were."""
    return conn.execute(_IGNORE, (why, integration_id)).rowcount
