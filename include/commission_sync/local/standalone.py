"""`airflow standalone`, started and ended as a whole."""

import subprocess
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from commission_sync.local.airflow_api import AirflowApi
from commission_sync.local.environment import Environment
from commission_sync.local.errors import LocalError
from commission_sync.local.keys import ADMIN, admin_password
from commission_sync.local.reaper import GRACE_SECONDS, command_line

# 30 s is usual on two cores, 50 s on a busy machine.
START_SECONDS = 180.0


class Standalone:
    """All parts of Airflow on this machine; a context manager that leaves no process behind."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.started = datetime.now(UTC)
        self.log = environment.project.home / "logs" / "standalone.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.api = AirflowApi(environment.api_url, ADMIN, admin_password(environment.project.home))
        self._process = _start([environment.airflow, "standalone"], environment, self.log)

    def wait_until_healthy(self) -> None:
        """Return when every part runs.

        :raises LocalError: one ended or is not up in time; with the log's last lines.
        """
        deadline = time.monotonic() + START_SECONDS
        while missing := self.api.missing_parts():
            self.check()
            if time.monotonic() > deadline:
                parts = ", ".join(missing)
                raise LocalError(f"No {parts} after {START_SECONDS:.0f} seconds.{self._last_lines()}")
            time.sleep(0.5)

    def check(self) -> None:
        """Make sure that it still runs.

        :raises LocalError: it does not; with the log's last lines.
        """
        if self._process.poll() is not None:
            raise LocalError(f"Airflow ended by itself (exit code {self._process.returncode}).{self._last_lines()}")

    def stop(self) -> None:
        """End every process of it."""
        self._process.terminate()
        try:
            self._process.wait(GRACE_SECONDS + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_lines(self) -> str:
        with self.log.open(errors="replace") as log:
            lines = "".join(deque(log, maxlen=15))
        return f" The last lines of {self.log}:\n{lines}"

    def __enter__(self) -> "Standalone":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _start(command: list[str], environment: Environment, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own program
            command_line(command),
            env=dict(environment.variables),
            cwd=environment.project.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal is for us; we end it in our own order.
            start_new_session=True,
        )
