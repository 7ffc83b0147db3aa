"""Where the embedded PostgreSQL keeps its files."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from commission_sync.local.errors import PostgresError
from commission_sync.local.private import write_private


@dataclass(frozen=True)
class Layout:
    """The files below one data root, e.g. `.airflow/postgres`."""

    root: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's own directory; belongs to the account that runs the server."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """What the server writes; its last lines go into our error messages."""
        return self.root / "postgres.log"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor writes; empty unless something is badly wrong."""
        return self.root / "supervisor.log"

    @property
    def owners_lock(self) -> Path:
        """Shared by every owner; whoever gets it exclusively knows that no owner is left."""
        return self.root / "owners.lock"

    @property
    def start_lock(self) -> Path:
        """Held while an owner looks for a supervisor or starts one."""
        return self.root / "start.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.root / "supervisor.lock"

    def prepare(self) -> None:
        """Create the data root.

        Raises PostgresError when it cannot be created or written to.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # The server's account may be another one (see account.py) and must be able to pass through.
            self.root.chmod(0o711)
            for lock in (self.owners_lock, self.start_lock, self.supervisor_lock):
                lock.touch(mode=0o600)
        except OSError as error:
            raise PostgresError(
                f"Cannot write to {self.root} ({error.strerror}) for the embedded PostgreSQL: "
                "make it writable for this user, or remove it to start empty."
            ) from None

    def password(self) -> str:
        """Return the server's password, made up on the first call and kept in a file only this user reads."""
        path = self.root / "password"
        try:
            if path.exists():
                return path.read_text().strip()
            password = secrets.token_urlsafe(24)
            write_private(path, password + "\n")
        except OSError as error:
            raise PostgresError(f"Cannot use the password file {path} ({error.strerror}).") from None
        return password

    def kept_port(self) -> int | None:
        """Return the port chosen at an earlier start, None when there was none."""
        try:
            return int((self.root / "port").read_text())
        except (OSError, ValueError):
            return None

    def keep_port(self, port: int) -> None:
        """Remember the port, so that connection strings stay good from one start to the next."""
        write_private(self.root / "port", f"{port}\n")

    def running_port(self) -> int | None:
        """Return the port the supervisor says its server listens on, None until it is ready."""
        try:
            return int(json.loads((self.root / "server.json").read_text())["port"])
        except (OSError, ValueError, KeyError):
            return None

    def announce(self, port: int) -> None:
        """Say that the server is ready on `port`."""
        write_private(self.root / "server.json", json.dumps({"port": port}))

    def retract(self) -> None:
        """Take the announcement back."""
        (self.root / "server.json").unlink(missing_ok=True)
