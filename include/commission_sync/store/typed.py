"""Rows as objects that have a field for each column."""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from psycopg.rows import class_row

Row = TypeVar("Row")


def rows_of(conn: psycopg.Connection, kind: type[Row], statement: Any, values: Any) -> list[Row]:
    """Return all rows of a query, each an object of a class whose fields are its columns."""
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(statement, values).fetchall()
