"""Exchange rates as their sources published them: added, never changed.

A rate that a source publishes otherwise later is kept beside the first one as a correction, and counts once a person
has accepted it: money that was worked out with the first one must not move because a file did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from uuid import UUID

import psycopg


@dataclass(frozen=True)
class Rate:
    """One unit of `base` is `rate` units of `quote` on a day."""

    base: str
    quote: str
    rate_date: date
    rate: Decimal


@dataclass(frozen=True)
class BadRate:
    """What a source gave in place of a rate, and why it cannot be one."""

    base: str
    quote: str
    rate_date: date
    value: str
    reason: str


@dataclass(frozen=True)
class RateCounts:
    """What became of the rates of a reading; `corrected` ones differ from what is stored and were not accepted."""

    inserted: int = 0
    unchanged: int = 0
    corrected: int = 0
    rejected: int = 0

    def __add__(self, other: RateCounts) -> RateCounts:
        return RateCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def as_dict(self) -> dict[str, int]:
        """Return the counters by name."""
        return asdict(self)


_STAGE = """
CREATE TEMP TABLE IF NOT EXISTS stage_fx_rates (base text, quote text, rate_date date, rate numeric)
ON COMMIT DELETE ROWS
"""

_INSERT = """
INSERT INTO fx_rates (source, base, quote, rate_date, rate)
SELECT %(source)s, base, quote, rate_date, rate FROM stage_fx_rates
ON CONFLICT DO NOTHING
"""

_CORRECT = """
WITH seen AS (
    INSERT INTO fx_rate_corrections (fx_rate_id, rate)
    SELECT r.id, s.rate
    FROM stage_fx_rates s JOIN fx_rates r USING (base, quote, rate_date)
    WHERE r.source = %(source)s AND r.rate <> s.rate
    ON CONFLICT (fx_rate_id, rate) DO UPDATE SET last_seen_at = now()
    RETURNING accepted_at
)
SELECT count(*) FILTER (WHERE accepted_at IS NULL), count(*) FROM seen
"""

_RESOLVE = """
UPDATE fx_rate_rejects j SET resolved_at = now()
FROM stage_fx_rates s
WHERE j.source = %(source)s AND j.resolved_at IS NULL
  AND (j.base, j.quote, j.rate_date) = (s.base, s.quote, s.rate_date)
"""

_REJECT = """
INSERT INTO fx_rate_rejects AS j (source, base, quote, rate_date, value, reason)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (source, base, quote, rate_date) WHERE resolved_at IS NULL DO UPDATE
SET value = excluded.value, reason = excluded.reason, attempts = j.attempts + 1, last_seen_at = now()
"""


def save_rates(
    conn: psycopg.Connection, source: str, rates: Iterable[Rate], rejected: Sequence[BadRate] = ()
) -> RateCounts:
    """Keep what a source published, inside the caller's transaction; of a rate given twice, the last one counts."""
    distinct = {(r.base, r.quote, r.rate_date): r.rate for r in rates}
    _stage(conn, distinct)
    values = {"source": source}
    inserted = conn.execute(_INSERT, values).rowcount
    corrected, differing = conn.execute(_CORRECT, values).fetchone() or (0, 0)
    conn.execute(_RESOLVE, values)
    if rejected:
        with conn.cursor() as cursor:
            cursor.executemany(_REJECT, [(source, b.base, b.quote, b.rate_date, b.value, b.reason) for b in rejected])
    return RateCounts(inserted, len(distinct) - inserted - differing, corrected, len(rejected))


def _stage(conn: psycopg.Connection, rates: dict[tuple[str, str, date], Decimal]) -> None:
    conn.execute(_STAGE)
    conn.execute("DELETE FROM stage_fx_rates")
    with conn.cursor() as cursor, cursor.copy("COPY stage_fx_rates FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["text", "text", "date", "numeric"])
        for key, rate in rates.items():
            copy.write_row((*key, rate))


def stored_days(conn: psycopg.Connection, source: str, since: date) -> set[date]:
    """Return the days, from `since` on, of which a source's rates are stored."""
    found = conn.execute(
        "SELECT DISTINCT rate_date FROM fx_rates WHERE source = %s AND rate_date >= %s", (source, since)
    )
    return {day for (day,) in found}


_ABANDON = """
UPDATE fx_fetches SET state = 'failed', finished_at = now(), error = 'the process ended without a word'
WHERE source = %(source)s AND dag_id = %(dag_id)s AND run_id = %(run_id)s AND state = 'running'
"""

_OPEN = """
INSERT INTO fx_fetches (source, dag_id, run_id, try_number, days_from, days_to)
VALUES (%(source)s, %(dag_id)s, %(run_id)s, %(try_number)s, %(days_from)s, %(days_to)s)
RETURNING id
"""


def open_fetch(
    conn: psycopg.Connection,
    *,
    source: str,
    dag_id: str,
    run_id: str,
    try_number: int,
    days_from: date | None,
    days_to: date | None,
) -> UUID:
    """Record the start of a try and return its id."""
    values = {
        "source": source,
        "dag_id": dag_id,
        "run_id": run_id,
        "try_number": try_number,
        "days_from": days_from,
        "days_to": days_to,
    }
    conn.execute(_ABANDON, values)
    row = conn.execute(_OPEN, values).fetchone()
    assert row is not None
    return UUID(str(row[0]))


_FINISH = """
UPDATE fx_fetches SET state = %(state)s, finished_at = now(), error = %(error)s, inserted = %(inserted)s,
  unchanged = %(unchanged)s, corrected = %(corrected)s, rejected = %(rejected)s
WHERE id = %(id)s
"""


def finish_fetch(conn: psycopg.Connection, fetch_id: UUID, counts: RateCounts, *, error: str | None = None) -> None:
    """Record the end of a try: what it brought, and what ended it early."""
    values = {"id": fetch_id, "state": "failed" if error else "success", "error": error}
    conn.execute(_FINISH, {**values, **counts.as_dict()})
