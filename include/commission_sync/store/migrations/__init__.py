"""Brings a commissions database to the newest version of its tables."""

from __future__ import annotations

from pathlib import Path

from psycopg import sql

from commission_sync.store.connection import connect

VERSION_TABLE = "commission_sync_version"
_HERE = Path(__file__).parent
_VERSIONS = _HERE / "versions"


def migrate(dsn: str) -> None:
    """Upgrade the tables to the newest version; quick when they are there already, safe when several do it at once.

    :param dsn: a `postgresql://` URL
    :raises DatabaseUnavailable: when the server cannot be used.
    """
    if _current(dsn) == newest():
        return
    # Imported only now: it costs more than everything else that a database at the newest version needs.
    from commission_sync.store.migrations.upgrade import upgrade  # noqa: PLC0415

    upgrade(dsn, _HERE)


def newest() -> str:
    """Return the newest revision; revisions are numbered and their files carry the number."""
    return max(path.stem.split("_", 1)[0] for path in _VERSIONS.glob("[0-9]*.py"))


def _current(dsn: str) -> str | None:
    conn = connect(dsn)
    try:
        with conn.transaction():
            found = conn.execute("SELECT to_regclass(%s)", (f"public.{VERSION_TABLE}",)).fetchone()
            if found is None or found[0] is None:
                return None
            row = conn.execute(sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(VERSION_TABLE))).fetchone()
            return None if row is None else str(row[0])
    finally:
        conn.close()
