"""Nothing of a command is left behind, however it or its starter ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from commission_sync.local.reaper import command_line

# Starts a child in a process group of its own which ignores every polite signal, and tells its number.
STUBBORN = """
import os, signal, sys, time
if os.fork() == 0:
    os.setpgid(0, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    open(sys.argv[1], "w").write(str(os.getpid()))
    time.sleep(600)
time.sleep(float(sys.argv[2]))
sys.exit(7)
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to a reaper")


def eventually(claim: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def read_pid(file: Path) -> int:
    assert eventually(lambda: file.exists() and file.read_text() != "")
    return int(file.read_text())


@linux
def test_a_stubborn_orphan_ends_with_the_command_and_the_exit_code_is_kept(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STUBBORN, str(tmp_path / "pid"), "0.5"]
    process = subprocess.Popen(command_line(command))
    orphan = read_pid(tmp_path / "pid")
    assert process.wait(30) == 7
    assert not runs(orphan)


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_whole_tree_ends_when_it_is_told_to(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(command_line([sys.executable, "-c", STUBBORN, str(tmp_path / "pid"), "600"]))
    orphan = read_pid(tmp_path / "pid")
    process.send_signal(number)
    process.wait(30)
    assert not runs(orphan)


@linux
def test_the_whole_tree_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    starter = (
        "import subprocess, sys, time\nfrom commission_sync.local.reaper import command_line\n"
        f"subprocess.Popen(command_line([sys.executable, '-c', {STUBBORN!r}, sys.argv[1], '600']))\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", starter, str(tmp_path / "pid")])
    orphan = read_pid(tmp_path / "pid")
    assert os.getpid() != orphan
    process.kill()
    process.wait()
    assert eventually(lambda: not runs(orphan))
