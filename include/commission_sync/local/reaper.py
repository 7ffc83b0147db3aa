"""Runs a command so that nothing of it is left behind.

Airflow's parts start processes of their own, in process groups of their own, and outlive a parent that is
killed. The reaper is a process between us and them: Linux hands it every orphan of the tree below it, and it
ends the tree when the command ends, when it is told to, and when the process that started it is gone.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from commission_sync.local.prctl import adopt_orphans

# Airflow's scheduler waits for its running tasks when it is asked to end.
GRACE_SECONDS = 6.0
POLL_SECONDS = 0.2


class Reaper:
    """One command and everything that descends from it."""

    def __init__(self, command: Sequence[str], *, parent: int) -> None:
        self._parent = parent
        self._told_to_end = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._end_soon)
        adopt_orphans()
        process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)  # noqa: S603
        self._command = process.pid
        self._exit_code: int | None = None

    def run(self) -> int:
        """Wait for the command or a reason to end, end the whole tree, return the command's exit code."""
        while self._collect() and self._exit_code is None and not self._should_end():
            time.sleep(POLL_SECONDS)
        self._end_all()
        return self._exit_code or 0

    def _should_end(self) -> bool:
        return self._told_to_end or os.getppid() != self._parent

    def _end_all(self) -> None:
        # Only the command's own group is asked: the parts of Airflow end their children themselves.
        _signal_group(self._command, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while self._collect():
            if time.monotonic() > deadline:
                _signal_group(self._command, signal.SIGKILL)
                for pid in descendants(os.getpid()):
                    _signal(pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS)

    def _collect(self) -> bool:
        """Collect what has ended, orphans too; say whether anybody is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._command:
                self._exit_code = os.waitstatus_to_exitcode(status)

    def _end_soon(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_end = True


def descendants(root: int) -> Iterator[int]:
    """List the processes below one, children before grandchildren; nothing where there is no /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The fields after the command, which is in brackets and may hold anything: state, parent, …
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    waiting = list(children.get(root, ()))
    while waiting:
        pid = waiting.pop(0)
        yield pid
        waiting += children.get(pid, ())


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        # PermissionError is what macOS says of a group that holds only defunct processes.
        return


def command_line(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` under a reaper which ends with the calling process."""
    return [sys.executable, "-P", "-m", "commission_sync.local.reaper", str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> int:
    """Run as a process of its own: the parent's process number, then the command."""
    return Reaper(arguments[1:], parent=int(arguments[0])).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
