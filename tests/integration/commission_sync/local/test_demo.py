"""`make demo` as a stranger runs it: everything real, in a checkout of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from commission_sync.local import EmbeddedPostgres
from commission_sync.local.summary import landed

ROOT = Path(__file__).parents[4]
# One after the other: a demo asks for Airflow's usual port, and two that start at once may get it both.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


class Demo:
    """`make demo` in a copy of the project."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        # The packages are installed from the real checkout: this makes the copy's come first.
        environment = {**inherited, "PYTHONPATH": str(self.checkout / "include")}
        command = [sys.executable, "-P", "-m", "commission_sync.local.demo", "--exit-with-parent", *arguments]
        return subprocess.Popen(
            command, cwd=self.checkout, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        told, _ = process.communicate(timeout=280)
        return process.returncode, told

    def processes(self) -> list[str]:
        """Everything that runs on behalf of this checkout."""
        marker = f"AIRFLOW_HOME={self.checkout}/.airflow\0".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                mine = str(self.checkout) in command or marker in (entry / "environ").read_bytes()
            except OSError:
                continue
            if mine and command:
                found.append(f"{entry.name} {command}")
        return found

    def nothing_runs(self, *, seconds: float = 25.0) -> bool:
        deadline = time.monotonic() + seconds
        while self.processes():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    checkout = tmp_path_factory.mktemp("checkout")
    for part in ("bin", "dags", "include", "plugins"):
        shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
    (checkout / ".venv").symlink_to(ROOT / ".venv")
    return Demo(checkout)


def until(process: subprocess.Popen[str], words: str) -> str:
    """Read what a demo tells until it says these words."""
    told = ""
    for line in process.stdout or ():
        told += line
        if words in line:
            return told
    raise AssertionError(f"It ended without saying {words!r}:\n{told}")


@pytest.fixture
def stay(demo: Demo) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        started.append(demo.start(*arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_it_syncs_three_companies_then_finds_nothing_changed(demo: Demo) -> None:
    code, told = demo.run("--once")
    assert code == 0, told
    assert count(demo, told) == {"acme": 10_000, "globex": 1_000, "initech": 50}
    assert demo.nothing_runs(), demo.processes()

    code, told = demo.run("--once")
    assert code == 0, told
    for company in ("acme", "globex", "initech"):
        row = next(line for line in told.splitlines() if f" {company} " in line and "│" in line)
        _fetched, inserted, updated, *_ = (cell.strip() for cell in row.strip(" │").split("│")[1:])
        assert (inserted, updated) == ("0", "0"), row
    assert demo.nothing_runs(), demo.processes()


def test_it_stays_up_until_it_is_interrupted_and_leaves_no_process_behind(
    demo: Demo, stay: Callable[..., subprocess.Popen[str]]
) -> None:
    process = stay()
    told = until(process, "Ctrl-C ends everything")
    assert "Login     admin / " in told
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert demo.nothing_runs(seconds=2), demo.processes()


def test_it_leaves_no_process_behind_when_it_is_killed(demo: Demo, stay: Callable[..., subprocess.Popen[str]]) -> None:
    process = stay()
    until(process, "First sync …")
    process.kill()
    assert demo.nothing_runs(), demo.processes()


def count(demo: Demo, told: str) -> dict[str, int]:
    assert "What landed, per company" in told
    with (
        EmbeddedPostgres(demo.checkout / ".airflow" / "postgres") as server,
        psycopg.connect(server.dsn("commissions")) as connection,
    ):
        return landed(connection, ["acme", "globex", "initech"])
