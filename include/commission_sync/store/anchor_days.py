"""The day that dates an amount: a close date, or what a property or a mapped field of its deal says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

import psycopg
from psycopg import sql


@dataclass(frozen=True)
class Convertible:
    """A table whose rows carry an amount in a currency.

    `t` is the row and `deal` the alias of the deal that dates and freezes it: `t` itself, or what `join` brings in.
    Besides `amount` and `currency`, the table has amount_base, fx_rate, fx_rate_date, fx_pair, fx_source, fx_rate_ids,
    fx_anchor_date and fx_waiting. `lock` keeps the rows, and their deals from being frozen, until the commit.
    """

    table: str
    entity: str
    amount: str
    deal: str = "t"
    join: str = ""
    lock: str = "FOR NO KEY UPDATE OF t"


# A day is the portal's, not UTC's: a deal closed in Tokyo at 08:00 belongs to that morning.
_CLOSED = "({deal}.closed_at AT TIME ZONE %(zone)s)::date"
_CREATED = "({deal}.crm_created_at AT TIME ZONE %(zone)s)::date"
WRITTEN = {"property": "{deal}.properties ->> %(field)s", "mapped": "{deal}.mapped ->> %(field)s"}
# What a text says of a day is read in one place, which is not here (see `read_days`). An empty property falls back to
# the close date; an unreadable one is for a person to correct.
_DAY_OF_TEXT = """
CASE WHEN coalesce({written}, '') = '' THEN coalesce({closed}, {created})
     ELSE (SELECT f.day FROM fx_days_read f WHERE f.written = {written}) END
"""
_ANCHORS = {
    "close_date": "coalesce({closed}, {created})",
    "create_date": "{created}",
    "property": _DAY_OF_TEXT,
    "mapped": _DAY_OF_TEXT,
}

_DAYS = "CREATE TEMP TABLE IF NOT EXISTS fx_days_read (written text PRIMARY KEY, day date) ON COMMIT DROP"
# No day takes more than 64 characters to write.
_TEXTS = """
SELECT DISTINCT {written} FROM {table} t {join}
WHERE t.integration_id = %(integration_id)s AND {written} <> '' AND length({written}) <= 64 {scope}
"""
_TEXTS_AT_ONCE = 10_000


def read_days(
    conn: psycopg.Connection,
    table: Convertible,
    kind: str,
    *,
    scope: LiteralString,
    values: dict[str, Any],
    read: Callable[[str], date | None],
) -> None:
    """Put the day of every text that the rows' anchors have into a temporary table; a text without one is left out."""
    conn.execute(_DAYS)
    conn.execute("TRUNCATE fx_days_read")
    deal = sql.Identifier(table.deal)
    texts = sql.SQL(_TEXTS).format(
        written=_written(table, kind),
        table=sql.Identifier(table.table),
        join=sql.SQL(table.join),
        scope=sql.SQL(scope).format(deal=deal),
    )
    with conn.cursor(name="fx_texts") as cursor, conn.cursor() as writer:
        cursor.execute(texts, values)
        while found := [(text, read(text)) for (text,) in cursor.fetchmany(_TEXTS_AT_ONCE)]:
            with writer.copy("COPY fx_days_read (written, day) FROM STDIN") as copy:
                for row in found:
                    copy.write_row(row)


def anchor_day(table: Convertible, kind: str) -> sql.Composed:
    """Return the expression of the day that dates a row; `read_days` has to come first where `kind` is in `WRITTEN`."""
    deal = sql.Identifier(table.deal)
    return sql.SQL(_ANCHORS[kind]).format(
        written=_written(table, kind),
        closed=sql.SQL(_CLOSED).format(deal=deal),
        created=sql.SQL(_CREATED).format(deal=deal),
    )


def _written(table: Convertible, kind: str) -> sql.Composed:
    return sql.SQL(WRITTEN.get(kind, "NULL")).format(deal=sql.Identifier(table.deal))
