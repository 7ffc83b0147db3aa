"""Connections to the commissions database, and one clear error when there is none."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict

OLDEST_SERVER = 150_000

# Long enough for the largest checkpoint on a busy disk; without it, a hung server would hold a task for ever.
_SESSION = (
    "-c timezone=UTC -c statement_timeout=10min -c lock_timeout=2min -c idle_in_transaction_session_timeout=10min"
)


class DatabaseUnavailable(RuntimeError):
    """The commissions database cannot be used; the message says which, why and what to do, without the password."""


def connect(dsn: str) -> psycopg.Connection:
    """Open a connection, autocommit off, its session in UTC.

    :param dsn: a `postgresql://` URL or a libpq connection string
    :raises DatabaseUnavailable: when the server does not answer, refuses, or is older than 15.
    """
    try:
        where = _describe(dsn)
        conn = psycopg.connect(dsn, connect_timeout=10, application_name="commission-sync", options=_SESSION)
    except psycopg.ProgrammingError:
        raise DatabaseUnavailable(
            "the commissions database's URL cannot be read; it has to look like "
            "postgresql://user:password@host:5432/commissions (AIRFLOW_CONN_COMMISSIONS_DB)"
        ) from None
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(
            f"cannot use the commissions database {where}: {_cause(error)}. Nothing was written; check that the server "
            "runs, and AIRFLOW_CONN_COMMISSIONS_DB (absent: bin/airflow starts the embedded PostgreSQL)"
        ) from None
    if conn.info.server_version < OLDEST_SERVER:
        version = conn.info.server_version // 10_000
        conn.close()
        raise DatabaseUnavailable(f"the commissions database {where} is PostgreSQL {version}; use 15 or newer")
    return conn


def another(conn: psycopg.Connection) -> psycopg.Connection:
    """Open one more connection like `conn`, for another thread.

    :raises psycopg.OperationalError: when the server has none left.
    """
    return psycopg.connect(conn.info.dsn, password=conn.info.password or None)


def _describe(dsn: str) -> str:
    parts = conninfo_to_dict(dsn)
    host, port = parts.get("host", "localhost"), parts.get("port", 5432)
    return f"{parts.get('dbname', '')!r} on {host}:{port} as {parts.get('user', '')!r}"


def _cause(error: psycopg.OperationalError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else "no reason given"
