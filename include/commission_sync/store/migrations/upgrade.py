"""Runs Alembic, one process at a time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from commission_sync.store.connection import connect

# Any number will do, as long as every version of this file takes the same one.
_LOCK = 7_209_318_551


def upgrade(dsn: str, script_location: Path) -> None:
    """Upgrade to the newest revision while holding a lock that other processes wait for."""
    config = Config()
    config.set_main_option("script_location", str(script_location).replace("%", "%%"))
    engine = create_engine("postgresql+psycopg://", creator=lambda: connect(dsn))
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
        connection.commit()
        try:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
            connection.commit()
    engine.dispose()
