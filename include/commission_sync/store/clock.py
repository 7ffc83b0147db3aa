"""The database's time, which all workers share."""

from __future__ import annotations

from datetime import datetime

import psycopg


def database_now(conn: psycopg.Connection) -> datetime:
    """Return what time it is at the database, also within a transaction that began earlier."""
    with conn.transaction():
        row = conn.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    at: datetime = row[0]
    return at
