"""The tables as the older service left them: which columns they have, and how each is read, whatever its type."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

INTEGRATIONS = "crm_integrations"
DEALS = "deals"

# One plain number; anything else (thousands separators, NaN, words) is for a person.
_NUMBER = r"^[+-]?(\d{1,60}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?$"
_TIME = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?"
_ZONE = r"(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)"

# Written so that no value can raise: PostgreSQL 15 cannot ask whether a text is a valid time.
_TEXT_TIME = r"""
CASE WHEN {text} ~ {aware} OR {text} ~ {naive} THEN
    CASE WHEN substr({text}, 1, 4) > '0000' AND substr({text}, 9, 2)::int <=
              extract(day FROM (substr({text}, 1, 7) || '-01')::date + interval '1 month - 1 day')
    THEN CASE WHEN {text} ~ {aware} THEN {text}::timestamptz ELSE {text}::timestamp AT TIME ZONE {zone} END END
END
"""
# Seconds since 1970, or milliseconds where they would lie beyond the year 5138.
_EPOCH = "to_timestamp(CASE WHEN abs({name}) > 100000000000 THEN {name} / 1000.0 ELSE {name} END)"
_SOUND = "CASE WHEN {time} BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00' THEN {time} END"


@dataclass(frozen=True)
class OldTable:
    """A table of the older service; its rows go by the alias `o` in every expression.

    :param columns: the type of each column, as PostgreSQL names it
    :param zone: what naive times were meant in
    """

    schema: str
    name: str
    columns: dict[str, str]
    zone: str

    @property
    def relation(self) -> sql.Composable:
        """The table for a FROM clause."""
        return sql.Identifier(self.schema, self.name)

    def first(self, *names: str) -> str | None:
        """Return the first of the columns that exists."""
        return next((name for name in names if name in self.columns), None)

    def text(self, *names: str) -> sql.Composable:
        """Read the first of these columns as text without blanks around it; empty is null."""
        name = self.first(*names)
        return sql.SQL("NULL::text") if name is None else self._text(name)

    def number(self, *names: str) -> sql.Composable:
        """Read a number exactly as it is written, null where it is none."""
        name = self.first(*names)
        if name is None:
            return sql.SQL("NULL::numeric")
        # By way of text: a direct cast of a double keeps 15 digits of 17.
        return sql.SQL("CASE WHEN {0} ~ {1} THEN {0}::numeric END").format(self._text(name), sql.Literal(_NUMBER))

    def truth(self, *names: str) -> sql.Composable:
        """Read a boolean, null where it is none."""
        return sql.SQL(
            "CASE WHEN lower({0}) IN ('true', 't', '1', 'yes') THEN true "
            "WHEN lower({0}) IN ('false', 'f', '0', 'no') THEN false END"
        ).format(self.text(*names))

    def time(self, *names: str) -> sql.Composable:
        """Read a time as aware, null where it is none; a naive one is of the table's zone."""
        name = self.first(*names)
        if name is None:
            return sql.SQL("NULL::timestamptz")
        return sql.SQL(_SOUND).format(time=sql.SQL("({})").format(self._time(name)))

    def is_lost(self, name: str, reading: sql.Composable) -> sql.Composable:
        """Whether a column has a value that its reading does not get."""
        if name not in self.columns:
            return sql.SQL("false")
        return sql.SQL("({} IS NOT NULL AND ({}) IS NULL)").format(self._text(name), reading)

    def _text(self, name: str) -> sql.Composable:
        return sql.SQL("nullif(btrim({}::text), '')").format(sql.Identifier("o", name))

    def _time(self, name: str) -> sql.Composable:
        column, kind, zone = sql.Identifier("o", name), self.columns[name], sql.Literal(self.zone)
        if kind.startswith("timestamp") and kind.endswith("with time zone"):
            return column
        if kind == "date" or kind.startswith("timestamp"):
            return sql.SQL("{}::timestamp AT TIME ZONE {}").format(column, zone)
        if kind in {"bigint", "integer", "numeric", "double precision"}:
            return sql.SQL(_EPOCH).format(name=column)
        return sql.SQL(_TEXT_TIME).format(
            text=self._text(name),
            aware=sql.Literal(f"{_TIME}{_ZONE})$"),
            naive=sql.Literal(f"{_TIME})?$"),
            zone=zone,
        )


_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.oid = to_regclass(%s) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


def old_table(conn: psycopg.Connection, schema: str, name: str, zone: str) -> OldTable | None:
    """Return the table of that name, None where there is none."""
    found = conn.execute(_COLUMNS, (sql.Identifier(schema, name).as_string(conn),))
    columns = {str(column): str(kind) for column, kind in found}
    return OldTable(schema, name, columns, zone) if columns else None
