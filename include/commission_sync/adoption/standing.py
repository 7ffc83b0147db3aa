"""The adoption that stands, and how far its companies have come since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from commission_sync.adoption.errors import AdoptionRefused


@dataclass(frozen=True)
class Adoption:
    """The adoption of this database, as it was made."""

    id: int
    kept_schema: str
    time_zone: str
    keep: str
    fingerprints: dict[str, dict[str, Any]]
    adopted_at: datetime
    adopted_by: str
    finalised_at: datetime | None

    def still_open(self) -> Adoption:
        """Return it.

        :raises AdoptionRefused: when it was finalised, so that the old tables are gone.
        """
        if self.finalised_at is not None:
            raise AdoptionRefused(
                f"the adoption was finalised on {self.finalised_at:%Y-%m-%d}; the old tables are gone"
            )
        return self


@dataclass(frozen=True)
class Progress:
    """One adopted company: `unconfirmed` are live deals that HubSpot has not been asked for since."""

    company_id: str
    integration_id: UUID
    stage: str
    deals: int
    unconfirmed: int
    amount: Decimal
    cursor_at: datetime | None
    disagreements: int
    checked_at: datetime | None


def standing(conn: psycopg.Connection) -> Adoption:
    """Return the adoption that stands.

    :raises AdoptionRefused: when there is none.
    """
    found = maybe_standing(conn)
    if found is None:
        raise AdoptionRefused("no adoption stands in this database; `check` tells what one would do")
    return found


def maybe_standing(conn: psycopg.Connection) -> Adoption | None:
    """Return the adoption that stands, if one does."""
    (known,) = conn.execute("SELECT to_regclass('adoption.adoptions') IS NOT NULL").fetchone() or (False,)
    if not known:
        return None
    with conn.cursor(row_factory=class_row(Adoption)) as cursor:
        return cursor.execute(
            "SELECT id, kept_schema, time_zone, keep, fingerprints, adopted_at, adopted_by, finalised_at "
            "FROM adoption.adoptions WHERE undone_at IS NULL"
        ).fetchone()


_PROGRESS = """
SELECT c.company_id, c.integration_id, c.stage, coalesce(d.deals, 0) AS deals,
       coalesce(d.unconfirmed, 0) AS unconfirmed, coalesce(d.amount, 0) AS amount, s.cursor_at,
       coalesce(r.disagreements, 0) AS disagreements, r.checked_at
FROM adoption.companies c
LEFT JOIN (SELECT integration_id, count(*) AS deals, sum(amount) AS amount,
                  count(*) FILTER (WHERE content_hash = '') AS unconfirmed
           FROM deals WHERE archived_at IS NULL GROUP BY 1) d USING (integration_id)
LEFT JOIN sync_cursors s ON s.integration_id = c.integration_id AND s.stream = 'deals'
LEFT JOIN LATERAL (
    SELECT max(at) AS checked_at, count(*) FILTER (WHERE hubspot <> stored) AS disagreements
    FROM reconcile_checks k WHERE k.integration_id = c.integration_id AND k.stream = 'deals'
      AND k.sync_run_id = (SELECT sync_run_id FROM reconcile_checks l WHERE l.integration_id = c.integration_id
                           AND l.stream = 'deals' ORDER BY at DESC LIMIT 1)) r ON true
WHERE c.adoption_id = %s ORDER BY c.company_id
"""


def progress(conn: psycopg.Connection, adoption: Adoption) -> list[Progress]:
    """Return how far each company is."""
    with conn.cursor(row_factory=class_row(Progress)) as cursor:
        return cursor.execute(_PROGRESS, (adoption.id,)).fetchall()
