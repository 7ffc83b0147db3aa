"""Exchange rates that a person entered for a company, for what its source does not have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from commission_sync.store.audit import record_action

_ENTITY = "fx_rate"


@dataclass(frozen=True)
class EnteredRate:
    """One unit of `base` is `rate` units of `quote` from one day to another, both included."""

    base: str
    quote: str
    rate: Decimal
    valid_from: date
    valid_to: date
    reason: str


@dataclass(frozen=True)
class StoredRate(EnteredRate):
    """An entered rate as it is stored; `withdrawn_by` is set once it no longer counts."""

    id: int
    entered_by: str
    withdrawn_by: str | None


class NoSuchRate(LookupError):
    """There is no entered rate of this number that still counts for the company."""


_ENTER = """
INSERT INTO fx_entered_rates (integration_id, base, quote, rate, valid_from, valid_to, reason, entered_by)
VALUES (%(integration_id)s, %(base)s, %(quote)s, %(rate)s, %(valid_from)s, %(valid_to)s, %(reason)s, %(actor)s)
RETURNING id
"""


def enter_rate(conn: psycopg.Connection, integration_id: UUID, rate: EnteredRate, actor: str) -> int:
    """Keep a rate and return its number, in the caller's transaction; of overlapping ones the last entered counts."""
    row = conn.execute(_ENTER, {"integration_id": integration_id, "actor": actor, **vars(rate)}).fetchone()
    assert row is not None
    changes = {name: [None, str(value)] for name, value in vars(rate).items()}
    record_action(
        conn, integration_id, entity=_ENTITY, entity_id=str(row[0]), action="enter", actor=actor, changes=changes
    )
    return int(row[0])


_WITHDRAW = """
UPDATE fx_entered_rates SET withdrawn_at = now(), withdrawn_by = %s
WHERE id = %s AND integration_id = %s AND withdrawn_at IS NULL
"""


def withdraw_rate(conn: psycopg.Connection, integration_id: UUID, number: int, *, actor: str, why: str) -> None:
    """Let a rate no longer count, in the caller's transaction.

    :raises NoSuchRate: when the company has none of this number that counts
    """
    if not conn.execute(_WITHDRAW, (actor, number, integration_id)).rowcount:
        raise NoSuchRate(f"there is no entered rate {number} that counts for this company")
    changes = {"why": why}
    record_action(
        conn, integration_id, entity=_ENTITY, entity_id=str(number), action="withdraw", actor=actor, changes=changes
    )


def entered_rates(conn: psycopg.Connection, integration_id: UUID) -> list[StoredRate]:
    """Return every rate that was entered for a company, the newest first, withdrawn ones too."""
    statement = (
        "SELECT base, quote, rate, valid_from, valid_to, reason, id, entered_by, withdrawn_by FROM fx_entered_rates "
        "WHERE integration_id = %s ORDER BY id DESC"
    )
    with conn.cursor(row_factory=class_row(StoredRate)) as cursor:
        return cursor.execute(statement, (integration_id,)).fetchall()
