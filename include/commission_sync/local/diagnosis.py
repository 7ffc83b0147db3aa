"""From what PostgreSQL says to one sentence for the user."""

import re
import shutil
from pathlib import Path

from commission_sync.local.errors import PostgresError
from commission_sync.local.layout import Layout

# A fresh data directory takes 40 MB, and WAL grows in files of 16 MB.
SPACE_BYTES = 128_000_000

CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"No space left on device|could not resize shared memory",
        "The disk that holds {root} is full: free some space and start again; nothing committed is lost.",
    ),
    (
        r"could not bind|Address already in use|could not create any TCP/IP sockets",
        "Port {port} on 127.0.0.1 is used by another program: stop it, or set EMBEDDED_POSTGRES_PORT to a free port.",
    ),
    (
        r"database files are incompatible",
        "The data in {root}/data were made by another version of PostgreSQL: set PG_BIN_DIR to that version, "
        "or remove {root} to start empty.",
    ),
    (
        r"password authentication failed",
        "PostgreSQL does not accept the password kept in {root}/password: put the one back that the data "
        "were made with, or remove {root} to start empty.",
    ),
    (
        r"Permission denied|has wrong ownership|invalid permissions|has group or world access",
        "PostgreSQL may not read or write {root}/data (was the project started as another user before?): "
        "give that directory to the user it runs as, or remove {root} to start empty.",
    ),
    (
        r"could not look up effective user ID",
        "This user has no entry in /etc/passwd and PostgreSQL insists on one: run as a user that has one, "
        "or name a running server in AIRFLOW_CONN_COMMISSIONS_DB and AIRFLOW__DATABASE__SQL_ALCHEMY_CONN.",
    ),
)


def diagnose(said: str, layout: Layout, *, port: int | None) -> str:
    """Return one sentence that names the cause and the next step, from the server's output."""
    for pattern, sentence in CAUSES:
        if re.search(pattern, said):
            return sentence.format(root=layout.root, port=port)
    lines = [line for line in said.splitlines() if re.search(r"FATAL|PANIC|error:", line)] or said.splitlines()
    last = lines[-1].strip() if lines else "it said nothing"
    return f"PostgreSQL did not start ({last}): see {layout.log}."


def check_space(directory: Path) -> None:
    """Refuse to start on a disk that is as good as full.

    :raises PostgresError: fewer than 128 MB are free.
    """
    free = shutil.disk_usage(directory).free
    if free < SPACE_BYTES:
        raise PostgresError(
            f"The disk that holds {directory} has {free // 1_000_000} MB left and PostgreSQL needs at least "
            f"{SPACE_BYTES // 1_000_000} MB: free some space and start again."
        )
