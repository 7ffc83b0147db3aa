"""The emulated HubSpot of `make demo`, as a process."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from types import TracebackType

from commission_sync.local.environment import Environment
from commission_sync.local.errors import LocalError
from commission_sync.local.port import any_free, is_served_by, reserve
from commission_sync.local.tenants import Tenant

PORT = 8765
# The same seed gives the same deals: a second run finds nothing changed.
SEED = 1
START_SECONDS = 60.0
STOP_SECONDS = 5.0


class EmulatedHubSpot:
    """Serves the sample companies; a context manager that leaves no process behind."""

    def __init__(self, environment: Environment, tenants: Sequence[Tenant]) -> None:
        port = _port(environment)
        self._port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = environment.project.home / "logs" / "emulator.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-P", "-m", "hubspot_emulator", "--port", str(port), "--seed", str(SEED)]
        for tenant in tenants:
            command += ["--portal", tenant.portal_argument()]
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [*command, "--exit-with-parent"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Return when it answers.

        :raises LocalError: it ended or does not answer in time; with the log's last line.
        """
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                lines = self.log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
                raise LocalError(f"The emulated HubSpot did not start ({lines[-1]}): see {self.log}.")
            time.sleep(0.1)

    def send_webhooks(self, url: str, secret: str) -> None:
        """Let it tell a receiver of everything that happens from now on."""
        body = json.dumps({"url": url, "secret": secret, "subscriptions": "all"}).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/webhooks", data=body, method="PUT")  # noqa: S310 - ours
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10):
            pass

    def _answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/_emulator/health", timeout=2) as answer:
                # Another program on the same port may answer, too.
                return bool(answer.status == 200) and is_served_by(self._port, [self._process.pid])
        except OSError:
            return False

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> "EmulatedHubSpot":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _port(environment: Environment) -> int:
    """Return the port of earlier runs while it is free: stored connections stay good."""
    kept_in = environment.project.home / "emulator_port"
    kept = int(kept_in.read_text()) if kept_in.exists() else PORT
    port = kept if reserve(kept) else any_free()
    kept_in.write_text(str(port))
    return port
