"""`bin/airflow` as a user calls it, in a checkout of its own."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
NOBODY_LISTENS = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg://user:secret-1@127.0.0.1:9/airflow",
    "AIRFLOW_CONN_COMMISSIONS_DB": "postgresql://user:secret-2@127.0.0.1:9/commissions",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for part in ("bin", "include"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("dags", "plugins"):
        (tmp_path / part).mkdir()
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


@pytest.fixture
def airflow(checkout: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str, cwd: Path = checkout, program: Path | None = None, **variables: str):
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return subprocess.run(
            [program or checkout / "bin" / "airflow", *arguments],
            cwd=cwd,
            # The packages are installed from the real checkout: this makes the copy's come first.
            env={**inherited, "PYTHONPATH": str(checkout / "include"), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_it_works_through_a_link_and_from_a_directory_with_misleading_names(
    airflow: Callable[..., subprocess.CompletedProcess[str]], checkout: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("airflow.py", "commission_sync.py", "json.py"):
        (elsewhere / name).write_text("raise SystemExit('the wrong file was imported')")
    (elsewhere / "airflow").symlink_to("../bin/airflow")
    done = airflow("version", cwd=elsewhere, program=elsewhere / "airflow")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith("3.")
    assert not (checkout / ".airflow" / "postgres").exists()


def test_without_an_installation_it_says_what_to_run(
    airflow: Callable[..., subprocess.CompletedProcess[str]], checkout: Path
) -> None:
    (checkout / ".venv").unlink()
    done = airflow("version")
    assert done.returncode == 1
    assert "run `make install`" in done.stderr


def test_a_database_that_does_not_answer_is_told_in_one_sentence_without_its_password(
    airflow: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    for command in ("dags", "db"):
        done = airflow(command, "list", **NOBODY_LISTENS)
        assert done.returncode == 1
        assert "127.0.0.1:9" in done.stderr or ("127.0.0.1" in done.stderr and "port 9" in done.stderr)
        assert "Traceback" not in done.stderr
        assert "secret" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_setting_that_makes_no_sense_stops_the_start(
    airflow: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = airflow("dags", "list", SYNC_INTERVAL_MINUTES="7", **NOBODY_LISTENS)
    assert done.returncode == 1
    assert "SYNC_INTERVAL_MINUTES='7' makes no sense" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_brings_a_database_along_and_leaves_no_process_behind(
    airflow: Callable[..., subprocess.CompletedProcess[str]], checkout: Path
) -> None:
    done = airflow("db", "check")
    assert done.returncode == 0, done.stderr
    assert (checkout / ".airflow" / "postgres" / "data" / "PG_VERSION").exists()
    deadline = time.monotonic() + 20
    while mine := processes(checkout):
        assert time.monotonic() < deadline, mine
        time.sleep(0.1)


def processes(checkout: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{checkout}/.airflow" in command:
            found.append(command)
    return found
