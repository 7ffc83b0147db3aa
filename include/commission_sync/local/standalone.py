"""All parts of Airflow on this machine, started and ended as a whole."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType

from commission_sync.local.airflow_api import AirflowApi
from commission_sync.local.environment import Environment
from commission_sync.local.errors import LocalError, PortTaken
from commission_sync.local.keys import ADMIN, admin_password
from commission_sync.local.metadata import prepare_metadata
from commission_sync.local.part import running_part
from commission_sync.local.port import is_open, is_served_by

# 30 s is usual on two cores, 50 s on a busy machine.
START_SECONDS = 180.0
_SECOND_LOOK_SECONDS = 1.0

STANDALONE = ("standalone",)
# `airflow standalone` knows no executor but the local one, so with Celery its parts are started one by one. The log
# server of a worker is for other machines: here, everybody reads the same files.
WITH_WORKERS = ("scheduler", "api-server", "dag-processor", "triggerer", "celery worker --skip-serve-logs")


class Standalone:
    """All parts of Airflow on this machine; a context manager that leaves no process behind."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.started = datetime.now(UTC)
        self.api = AirflowApi(environment.api_url, ADMIN, admin_password(environment.project.home))
        if environment.has_workers:
            prepare_metadata(environment)
        with ExitStack() as starting:
            commands = WITH_WORKERS if environment.has_workers else STANDALONE
            self._parts = [starting.enter_context(running_part(environment, command)) for command in commands]
            self._ending = starting.pop_all()
        self.log = self._parts[0].log

    def wait_until_healthy(self) -> None:
        """Return when every part runs.

        :raises LocalError: one ended or is not up in time; with the log's last lines.
        :raises PortTaken: another program answers in its place.
        """
        deadline = time.monotonic() + START_SECONDS
        while missing := self.api.missing_parts():
            self.check()
            self._check_port()
            if time.monotonic() > deadline:
                parts = ", ".join(missing)
                raise LocalError(f"No {parts} after {START_SECONDS:.0f} seconds.{self._parts[0].last_lines()}")
            time.sleep(0.5)
        self._check_port()

    def _check_port(self) -> None:
        """Prove that whoever answers is this Airflow.

        :raises PortTaken: another program listens on its port
        """
        port, own = self.environment.api_port, [part.process.pid for part in self._parts]
        if not is_open(port) or is_served_by(port, own):
            return
        # Ours may just have begun to listen, or may have handed the port from one process to another.
        time.sleep(_SECOND_LOOK_SECONDS)
        if is_open(port) and not is_served_by(port, own):
            raise PortTaken(
                f"Port {port} was taken by another program while Airflow started: stop that, or set AIRFLOW__API__PORT "
                "to a free port."
            )

    def check(self) -> None:
        """Make sure that it still runs.

        :raises LocalError: it does not; with the log's last lines.
        """
        for part in self._parts:
            if (code := part.process.poll()) is not None:
                what = part.name if self.environment.has_workers else "Airflow"
                raise LocalError(f"{what} ended by itself (exit code {code}).{part.last_lines()}")

    def stop(self) -> None:
        """End every process of it."""
        for part in self._parts:
            part.process.terminate()
        self._ending.close()

    def __enter__(self) -> "Standalone":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
