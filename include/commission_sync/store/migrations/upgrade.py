"""Runs Alembic, one process at a time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from commission_sync.store.connection import connect

# Any number will do, as long as every version of this file takes the same one.
LOCK = 7_209_318_551


def upgrade(dsn: str, script_location: Path) -> None:
    """Upgrade to the newest revision while holding a lock that other processes wait for."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: connect(dsn))
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        try:
            command.upgrade(configured(connection, script_location), "head")
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
            connection.commit()
    engine.dispose()


def configured(connection: Connection, script_location: Path) -> Config:
    """Return what Alembic works with; in a transaction that is under way, all it does is a part of that."""
    config = Config()
    config.set_main_option("script_location", str(script_location).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
