"""The circuit breaker of each portal: open after a run of calls that HubSpot did not serve, for all workers at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row

# A portal that fails one call in four for a while (HubSpot's bad minutes) stays in use; one that is down is left alone,
# before a call that is made again and again (eight times, `TRIES` of the client) is given up.
THRESHOLD = 7
FIRST_PAUSE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 120.0


@dataclass(frozen=True)
class Breaker:
    """The breaker after some calls ended; `changed` if they opened or closed it."""

    state: str
    changed: bool
    failures: int | None
    probe_at: datetime | None


def note_outcomes(
    conn: psycopg.Connection, integration_id: UUID, *, answered: int, failed: int, is_probe: bool, error: str | None
) -> Breaker:
    """Count calls that HubSpot answered, be it with a refusal, and calls that it did not serve."""
    values = (
        integration_id,
        answered,
        failed,
        is_probe,
        error,
        THRESHOLD,
        FIRST_PAUSE_SECONDS,
        LONGEST_PAUSE_SECONDS,
    )
    with conn.cursor(row_factory=class_row(Breaker)) as cursor:
        breaker = cursor.execute("SELECT * FROM note_outcomes(%s, %s, %s, %s, %s, %s, %s, %s)", values).fetchone()
    assert breaker is not None
    return breaker
