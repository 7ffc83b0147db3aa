"""A process that holds an embedded PostgreSQL, and what can be seen of the server from outside."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

# Holds a server until it is killed; tells its port and password.
OWNER = """
import json, sys, time
from pathlib import Path
from commission_sync.local import EmbeddedPostgres, PostgresError
from commission_sync.local.binaries import Binaries
try:
    server = EmbeddedPostgres(Path(sys.argv[1]), settings=json.loads(sys.argv[2])).acquire()
except PostgresError as error:
    print(json.dumps({"error": str(error)}), flush=True)
    sys.exit(1)
print(json.dumps({"dsn": server.dsn("commissions"), "port": server.port}), flush=True)
time.sleep(600)
"""
FAST = {"fsync": "off"}


class Owner:
    """A process that holds the server."""

    def __init__(self, root: Path, *, settings: dict[str, str] | None = None, prefix: list[str] | None = None) -> None:
        command = [*(prefix or []), sys.executable, "-c", OWNER, str(root), json.dumps(settings or FAST)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/")
        self.answer = json.loads(self.process.stdout.readline())

    @property
    def dsn(self) -> str:
        return self.answer["dsn"]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def processes(root: Path, word: str = "") -> list[int]:
    """The processes that were started for a data root: no defunct ones, and no children of PostgreSQL."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        mine = f"{root}/" in command and ("bin/postgres" in command or "local.supervisor" in command)
        if mine and word in command:
            parents[int(entry.name)] = parent
    return [pid for pid, parent in parents.items() if parent not in parents or word == ""]


def postmaster(root: Path) -> int:
    return int((root / "data" / "postmaster.pid").read_text().splitlines()[0])


def eventually(claim: Callable[[], bool], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def answers(dsn: str) -> bool:
    try:
        with psycopg.connect(dsn, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def write_row(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE kept (value text)")
        connection.execute("INSERT INTO kept VALUES ('here')")


def kept_row(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT value FROM kept").fetchone()[0]
