"""A PostgreSQL data directory: made, checked, started, stopped."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from commission_sync.local.account import Account
from commission_sync.local.binaries import Binaries
from commission_sync.local.diagnosis import check_space, diagnose
from commission_sync.local.errors import PostgresError
from commission_sync.local.layout import Layout
from commission_sync.local.port import LOOPBACK

USER = "postgres"
DATABASES = ("airflow", "commissions")
# Crash recovery after a kill in the middle of a large load replays up to 1 GB of WAL (max_wal_size).
START_SECONDS = 120.0
STOP_SECONDS = 60.0
LOG_BYTES = 10_000_000

SETTINGS: Mapping[str, str] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}


@dataclass
class Cluster:
    """The server of one data root; used by one process at a time (the supervisor)."""

    layout: Layout
    binaries: Binaries
    settings: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _log_start: int = 0

    def __post_init__(self) -> None:
        self.account = Account.for_paths([self.layout.root, self.binaries.directory])

    @property
    def running(self) -> bool:
        """Say whether the server process lives."""
        return self._process is not None and self._process.poll() is None

    def create(self) -> None:
        """Make the data directory unless there is one.

        :raises PostgresError: the disk is full, the directory is of another version, or initdb fails.
        """
        check_space(self.layout.root)
        if (self.layout.data / "PG_VERSION").exists():
            self._check_version()
            return
        # Renamed when complete: an initdb that was killed leaves nothing half-made behind.
        draft = self.layout.root / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self.account.own(draft)
        self._initdb(draft)
        draft.rename(self.layout.data)

    def _initdb(self, directory: Path) -> None:
        password_file = self.layout.root / f"initdb.{secrets.token_hex(4)}"
        password_file.touch(mode=0o600)
        password_file.write_text(self.layout.password())
        self.account.own(password_file)
        command = [
            self.binaries.path("initdb"),
            "-D",
            str(directory),
            "-U",
            USER,
            "-E",
            "UTF8",
            "--no-instructions",
        ]
        command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-locale"]
        if self.binaries.major >= 17:
            # The same order of rows on every machine, and still upper and lower case for all of Unicode.
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if self.settings.get("fsync") == "off":
            command.append("--no-sync")
        try:
            done = self.account.run(command)
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise PostgresError(diagnose(done.stdout, self.layout, port=None))

    def _check_version(self) -> None:
        made_by = (self.layout.data / "PG_VERSION").read_text().strip()
        if made_by != str(self.binaries.major):
            raise PostgresError(
                f"The data in {self.layout.data} were made by PostgreSQL {made_by} and "
                f"{self.binaries.directory} holds {self.binaries.major}: set PG_BIN_DIR to a PostgreSQL "
                f"{made_by}, or remove {self.layout.root} to start empty (a sync fills it again)."
            )

    def start(self, port: int) -> None:
        """Start the server and return when it accepts connections.

        :raises PostgresError: it does not; the text says why.
        """
        self.end_leftovers()
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._launch(port)
            if self._becomes_ready(deadline):
                break
            said = self._said()
            # After a kill -9 the last children need a moment to let go of the memory they share.
            if "shared memory block" not in said or time.monotonic() > deadline:
                raise PostgresError(diagnose(said, self.layout, port=port))
            time.sleep(0.2)
        self._make_databases(port)

    def _launch(self, port: int) -> None:
        settings = {**SETTINGS, **self.settings, "port": str(port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = self.layout.log
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output:
            os.fchmod(output.fileno(), 0o600)
            self._log_start = output.tell()
            command = [self.binaries.path("postgres"), "-D", str(self.layout.data), *options]
            self._process = self.account.start(command, output=output.fileno())

    def _becomes_ready(self, deadline: float) -> bool:
        while self._process is not None and self._process.poll() is None:
            lines = self._pid_file()
            # Line 8 is the server's state (PM_STATUS_READY in PostgreSQL's pidfile.h).
            if len(lines) >= 8 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready":
                return True
            if time.monotonic() > deadline:
                self.stop()
                raise PostgresError(
                    f"PostgreSQL was not ready within {START_SECONDS:.0f} seconds: see {self.layout.log}."
                )
            time.sleep(0.02)
        return False

    def stop(self) -> None:
        """Stop the server: open transactions are rolled back; by force only when it does not listen."""
        process = self._process
        if process is None:
            return
        for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            if process.poll() is not None:
                break
            process.send_signal(number)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        self._process = None

    def end_leftovers(self) -> None:
        """Clear away what an earlier server left when it or its supervisor was killed."""
        lines = self._pid_file()
        if not lines or not lines[0].isdigit():
            return
        pid, deadline = int(lines[0]), time.monotonic() + STOP_SECONDS
        while self._serves(pid):
            os.kill(pid, signal.SIGINT if time.monotonic() < deadline else signal.SIGKILL)
            time.sleep(0.1)
        # Its number may belong to another process by now, which PostgreSQL would take for a server.
        (self.layout.data / "postmaster.pid").unlink(missing_ok=True)

    def _serves(self, pid: int) -> bool:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            if Path("/proc/self").exists():
                return False
            listing = subprocess.run(  # noqa: S603 - a number
                ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
            )
            command = listing.stdout
        return "postgres" in command and str(self.layout.data) in command

    def _pid_file(self) -> list[str]:
        try:
            return (self.layout.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _said(self) -> str:
        with self.layout.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def _make_databases(self, port: int) -> None:
        try:
            with self._connect(port) as connection:
                there = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
                for name in sorted(set(DATABASES) - there):
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            said = f"{self._said()}\n{error}"
            self.stop()
            raise PostgresError(diagnose(said, self.layout, port=port)) from None

    def _connect(self, port: int) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=LOOPBACK,
            port=port,
            user=USER,
            password=self.layout.password(),
            dbname="postgres",
            autocommit=True,
            connect_timeout=10,
        )
