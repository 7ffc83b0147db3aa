"""Brings a commissions database to the newest version of its tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from commission_sync.store.connection import DatabaseUnavailable, connect

if TYPE_CHECKING:
    from sqlalchemy import Connection

VERSION_TABLE = "commission_sync_version"
_HERE = Path(__file__).parent
_VERSIONS = _HERE / "versions"

_OLDER_SERVICE = (
    "the commissions database has a table crm_integrations that is not ours; nothing was changed. If it is an older "
    "service's, `python -m commission_sync.adoption check` tells what becomes of it (docs/migration.md)"
)


def migrate(dsn: str) -> None:
    """Upgrade the tables to the newest version; quick when they are there already, safe when several do it at once.

    :param dsn: a `postgresql://` URL
    :raises DatabaseUnavailable: when the server cannot be used, or holds the tables of an older service.
    """
    if _current(dsn) == newest():
        return
    # Imported only now: it costs more than everything else that a database at the newest version needs.
    from commission_sync.store.migrations.upgrade import upgrade  # noqa: PLC0415

    upgrade(dsn, _HERE)


def upgrade_within(connection: Connection) -> None:
    """Upgrade to the newest version as a part of the transaction that the caller has begun."""
    from alembic import command  # noqa: PLC0415 - as above

    from commission_sync.store.migrations.upgrade import configured  # noqa: PLC0415

    command.upgrade(configured(connection, _HERE), "head")


def downgrade_within(connection: Connection) -> None:
    """Remove all of the product's tables, and what is in them, as a part of the caller's transaction."""
    from alembic import command  # noqa: PLC0415 - as above

    from commission_sync.store.migrations.upgrade import configured  # noqa: PLC0415

    command.downgrade(configured(connection, _HERE), "base")
    connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")


def newest() -> str:
    """Return the newest revision; revisions are numbered and their files carry the number."""
    return max(path.stem.split("_", 1)[0] for path in _VERSIONS.glob("[0-9]*.py"))


def _current(dsn: str) -> str | None:
    conn = connect(dsn)
    try:
        with conn.transaction():
            # In this order: ours appear in one commit, so that a migration under way is never taken for another's.
            has_companies, is_ours = _exists(conn, "crm_integrations"), _exists(conn, VERSION_TABLE)
            if has_companies and not is_ours:
                raise DatabaseUnavailable(_OLDER_SERVICE)
            if not is_ours:
                return None
            row = conn.execute(sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(VERSION_TABLE))).fetchone()
            return None if row is None else str(row[0])
    finally:
        conn.close()


def _exists(conn: psycopg.Connection, table: str) -> bool:
    (found,) = conn.execute("SELECT to_regclass(%s) IS NOT NULL", (f"public.{table}",)).fetchone() or (False,)
    return bool(found)
