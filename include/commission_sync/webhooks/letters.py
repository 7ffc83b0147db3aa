"""Dead letters and how they come back: replay of single events, of a filter, of a time window; dismissal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

REPLAYABLE = ("dead", "ignored", "done", "retry")


class InvalidReplay(ValueError):
    """A replay makes no sense as it was asked for."""


@dataclass(frozen=True)
class Selection:
    """Which events are to be replayed: all that fit everything that is given.

    :param ids: of single events; only so a dismissed one comes back
    :param received_from: inclusive; `received_to` is exclusive
    """

    ids: Sequence[int] | None = None
    company: str | None = None
    subscription_types: Sequence[str] | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None
    states: Sequence[str] = field(default=("dead",))

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.states) - set(REPLAYABLE)):
            raise InvalidReplay(f"state {unknown[0]!r} cannot be replayed; choose among {', '.join(REPLAYABLE)}")
        for name in ("received_from", "received_to"):
            at: datetime | None = getattr(self, name)
            if at is not None and at.tzinfo is None:
                raise InvalidReplay(f"{name} has no time zone; end it with Z for UTC")
        if self.received_from and self.received_to and self.received_from >= self.received_to:
            raise InvalidReplay("received_from has to be before received_to")


_REPLAY = """
SELECT replay_webhooks(%s::bigint[], %s::text, %s::text[], %s::timestamptz, %s::timestamptz, %s::text[], %s::text)
"""

# An event that was just put back is told by the time: that of the caller's transaction.
_TELL_REPLAY = """
INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor)
SELECT e.integration_id, 'webhook_events', e.id::text, 'replay',
       jsonb_build_object('replays', jsonb_build_array(e.replays - 1, e.replays)), %(actor)s
FROM webhook_events e
WHERE e.state = 'received' AND e.replays > 0 AND e.next_attempt_at = now() AND e.replayed_by = %(actor)s
  AND NOT EXISTS (
      SELECT FROM audit_log a WHERE a.integration_id = e.integration_id AND a.entity = 'webhook_events'
          AND a.entity_id = e.id::text AND a.action = 'replay' AND a.at = now()
  )
"""

_DISMISS = """
WITH laid AS (
    UPDATE webhook_events SET dismissed_at = now(), dismissed_by = %(actor)s, dismissed_reason = %(reason)s
    WHERE id = ANY (%(ids)s) AND state = 'dead' AND dismissed_at IS NULL RETURNING id, integration_id
), told AS (
    INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor)
    SELECT integration_id, 'webhook_events', id::text, 'dismiss',
           jsonb_build_object('dismissed_reason', jsonb_build_array(NULL, %(reason)s::text)), %(actor)s
    FROM laid WHERE integration_id IS NOT NULL
)
SELECT count(*) FROM laid
"""


def replay(conn: psycopg.Connection, selection: Selection, *, actor: str) -> int:
    """Put events back as if they had just come, in the caller's transaction, and return how many they were."""
    ids = None if selection.ids is None else list(selection.ids)
    kinds = None if selection.subscription_types is None else list(selection.subscription_types)
    window = (selection.received_from, selection.received_to)
    row = conn.execute(_REPLAY, (ids, selection.company, kinds, *window, list(selection.states), actor)).fetchone()
    assert row is not None
    if row[0]:
        conn.execute(_TELL_REPLAY, {"actor": actor})
    return int(row[0])


def dismiss(conn: psycopg.Connection, ids: Sequence[int], *, reason: str, actor: str) -> int:
    """Lay dead letters to rest, in the caller's transaction, and return how many they were.

    :raises InvalidReplay: without a reason; whoever asks later has to find one.
    """
    if not reason.strip():
        raise InvalidReplay("a dead letter is dismissed with a reason only")
    values = {"ids": list(ids), "reason": reason.strip(), "actor": actor}
    row = conn.execute(_DISMISS, values).fetchone()
    assert row is not None
    return int(row[0])


@dataclass(frozen=True)
class LetterFilter:
    """Which open dead letters are looked at: those that fit everything that is given.

    :param since: of their receipt, inclusive; `until` is exclusive
    """

    company: str | None = None
    subscription_type: str | None = None
    error_class: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Letter:
    """An open dead letter; `company_id` is None where its portal is nobody's."""

    id: int
    company_id: str | None
    portal_id: int | None
    subscription_type: str | None
    object_type: str | None
    object_id: int | None
    occurred_at: datetime
    received_at: datetime
    died_at: datetime | None
    attempts: int
    error_class: str | None
    last_error: str | None
    correlation_ids: list[str]
    replays: int
    payload: Any


_FITTING = """
FROM webhook_dead_letters
WHERE (%(company)s::text IS NULL OR company_id = %(company)s)
  AND (%(subscription_type)s::text IS NULL OR subscription_type = %(subscription_type)s)
  AND (%(error_class)s::text IS NULL OR error_class = %(error_class)s)
  AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR received_at < %(until)s)
"""

_PAGE = (
    """
SELECT id, company_id, portal_id, subscription_type, object_type, object_id, occurred_at, received_at, died_at,
       attempts, error_class, last_error, correlation_ids, replays, payload
"""
    + _FITTING
    + "AND (%(before)s::bigint IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(most)s"
)


def dead_letters(
    conn: psycopg.Connection, wanted: LetterFilter, *, most: int, before: int | None = None
) -> list[Letter]:
    """Return a page of open dead letters, the newest first; `before` is the last id of the page before."""
    with conn.cursor(row_factory=class_row(Letter)) as cursor:
        return cursor.execute(_PAGE, {**vars(wanted), "before": before, "most": most}).fetchall()


def fitting_letters(conn: psycopg.Connection, wanted: LetterFilter) -> list[int]:
    """Return the ids of all open dead letters that fit."""
    return [int(row[0]) for row in conn.execute(f"SELECT id {_FITTING}", vars(wanted)).fetchall()]


def count_letters(conn: psycopg.Connection, wanted: LetterFilter) -> int:
    """Return how many open dead letters fit."""
    row = conn.execute(f"SELECT count(*) {_FITTING}", vars(wanted)).fetchone()
    assert row is not None
    return int(row[0])


def kinds_of_letters(conn: psycopg.Connection) -> tuple[list[str], list[str]]:
    """Return the subscription types and the error classes that there are among open dead letters."""
    rows = conn.execute("SELECT DISTINCT subscription_type, error_class FROM webhook_dead_letters").fetchall()
    return sorted({row[0] for row in rows if row[0]}), sorted({row[1] for row in rows if row[1]})
