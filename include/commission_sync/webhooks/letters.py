"""Dead letters and how they come back: replay of single events, of a filter, of a time window; dismissal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

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

_DISMISS = """
UPDATE webhook_events SET dismissed_at = now(), dismissed_by = %(actor)s, dismissed_reason = %(reason)s
WHERE id = ANY (%(ids)s) AND state = 'dead' AND dismissed_at IS NULL
"""


def replay(conn: psycopg.Connection, selection: Selection, *, actor: str) -> int:
    """Put events back as if they had just come, in the caller's transaction, and return how many they were."""
    ids = None if selection.ids is None else list(selection.ids)
    kinds = None if selection.subscription_types is None else list(selection.subscription_types)
    window = (selection.received_from, selection.received_to)
    row = conn.execute(_REPLAY, (ids, selection.company, kinds, *window, list(selection.states), actor)).fetchone()
    assert row is not None
    return int(row[0])


def dismiss(conn: psycopg.Connection, ids: Sequence[int], *, reason: str, actor: str) -> int:
    """Lay dead letters to rest, in the caller's transaction, and return how many they were.

    :raises InvalidReplay: without a reason; whoever asks later has to find one.
    """
    if not reason.strip():
        raise InvalidReplay("a dead letter is dismissed with a reason only")
    return conn.execute(_DISMISS, {"ids": list(ids), "reason": reason.strip(), "actor": actor}).rowcount
