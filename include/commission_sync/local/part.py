"""One part of Airflow, an `airflow` command in a process of its own."""

import subprocess
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from commission_sync.local.environment import Environment
from commission_sync.local.reaper import GRACE_SECONDS, command_line


@dataclass(frozen=True)
class Part:
    """A running `airflow` command and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_lines(self) -> str:
        """Return the end of its log, for people."""
        with self.log.open(errors="replace") as log:
            lines = "".join(deque(log, maxlen=15))
        return f" The last lines of {self.log}:\n{lines}"


@contextmanager
def running_part(environment: Environment, command: str, log_name: str | None = None) -> Iterator[Part]:
    """Run an `airflow` command with everything that descends from it, and end it with the block."""
    name = command.partition(" --")[0]
    log = environment.project.home / "logs" / f"{log_name or name.replace(' ', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command_line([environment.airflow, *command.split()]),
            env=dict(environment.variables),
            cwd=environment.project.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal is for us; we end it in our own order.
            start_new_session=True,
        )
    try:
        yield Part(name, process, log)
    finally:
        process.terminate()
        try:
            process.wait(GRACE_SECONDS + 10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
