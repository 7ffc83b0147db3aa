"""How delivery is doing, company by company, for whoever collects metrics; the view `webhook_delivery` has the same."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from psycopg.rows import dict_row

_NOT_FIGURES = {"company_id", "integration_id", "paused_at"}


def figures(conn: psycopg.Connection) -> Iterator[tuple[str, str, float]]:
    """Yield company, name and value of every figure; one that has no value yet, such as a delay, is left out."""
    rows = conn.cursor(row_factory=dict_row).execute("SELECT * FROM webhook_delivery").fetchall()
    for row in rows:
        yield row["company_id"], "paused", float(row["paused_at"] is not None)
        for name, value in row.items():
            if name not in _NOT_FIGURES and value is not None:
                yield row["company_id"], name, float(value)
