"""The gate's own connection to the database: short statements, each committed by itself, again after a restart."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import psycopg

from commission_sync.store import DatabaseUnavailable, connect

P = ParamSpec("P")
T = TypeVar("T")

# A restart of PostgreSQL takes seconds, a failover of a managed one up to half a minute.
PATIENCE_SECONDS = 45.0
_PAUSE_SECONDS = 0.25

# A budget that loses its last half second in a crash of the server is no harm, but waiting for the disk at every call
# would be. Nothing here takes longer than a moment, so a lock that does is somebody's mistake.
_SESSION = "SET synchronous_commit = off; SET lock_timeout = '10s'; SET statement_timeout = '15s'"

_log = logging.getLogger(__name__)


class GateSession:
    """Runs functions of the store on a connection of its own; safe to use from several threads, one at a time.

    No transaction outlives a function, so none is open while HubSpot is called.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._lock = threading.Lock()
        self._conn: psycopg.Connection | None = None

    def run(self, work: Callable[Concatenate[psycopg.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return `work(connection, ...)`, made again on a new connection when the server went away meanwhile.

        :raises DatabaseUnavailable: when it stays away.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._lock:
            while True:
                try:
                    return work(self._connected(), *args, **kwargs)
                except (psycopg.OperationalError, DatabaseUnavailable) as error:
                    self._await_server(error, deadline)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._conn is not None:
                self._conn.close()
                self._conn = None

    def _connected(self) -> psycopg.Connection:
        if self._conn is None:
            conn = connect(self._dsn)
            conn.autocommit = True
            conn.execute(_SESSION)
            self._conn = conn
        return self._conn

    def _await_server(self, error: Exception, deadline: float) -> None:
        # A lock or a statement that took too long leaves the connection as it was: that is no restart of the server.
        if (self._conn is not None and not self._conn.broken) or time.monotonic() > deadline:
            raise error
        _log.warning("gate waits for the database error=%r", str(error).splitlines()[0])
        self._conn = None
        time.sleep(_PAUSE_SECONDS)
