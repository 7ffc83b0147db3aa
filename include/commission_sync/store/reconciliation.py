"""How far the nightly reconciliation of each stream has come, and what it compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import psycopg


@dataclass(frozen=True)
class State:
    """Everything archived up to `archived_until` is marked; every id up to `swept_upto` was compared this round."""

    archived_until: datetime | None = None
    swept_upto: int = 0


@dataclass(frozen=True)
class Check:
    """A figure of HubSpot's beside ours, when they were compared: a sum of money, or else a count of records."""

    what: str
    hubspot: Decimal
    stored: Decimal
    is_money: bool = False

    @property
    def agrees(self) -> bool:
        """Whether the two are the same."""
        return self.hubspot == self.stored


def read_state(conn: psycopg.Connection, integration_id: UUID, stream: str) -> State:
    """Return how far the reconciliation of a stream has come."""
    row = conn.execute(
        "SELECT archived_until, swept_upto FROM reconcile_state WHERE integration_id = %s AND stream = %s",
        (integration_id, stream),
    ).fetchone()
    return State() if row is None else State(*row)


_SAVE = """
INSERT INTO reconcile_state (integration_id, stream, archived_until, swept_upto) VALUES (%s, %s, %s, %s)
ON CONFLICT (integration_id, stream) DO UPDATE
SET archived_until = excluded.archived_until, swept_upto = excluded.swept_upto, updated_at = now()
"""


def save_state(conn: psycopg.Connection, integration_id: UUID, stream: str, state: State) -> None:
    """Keep how far it has come."""
    conn.execute(_SAVE, (integration_id, stream, state.archived_until, state.swept_upto))


def record_checks(
    conn: psycopg.Connection, integration_id: UUID, sync_run_id: UUID, stream: str, checks: Iterable[Check]
) -> None:
    """Keep what was compared."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO reconcile_checks (integration_id, sync_run_id, stream, what, hubspot, stored, is_money) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [(integration_id, sync_run_id, stream, c.what, c.hubspot, c.stored, c.is_money) for c in checks],
        )
