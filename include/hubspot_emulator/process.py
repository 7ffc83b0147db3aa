"""Runs an emulator in a process of its own for as long as a `with` block."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from hubspot_emulator.client import EmulatorAdmin
from hubspot_emulator.spec import PortalSpec

_STOP_SECONDS = 10


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    url: str
    pid: int

    @property
    def admin(self) -> EmulatorAdmin:
        """A client of its admin endpoints."""
        return EmulatorAdmin(self.url)


@contextmanager
def running_emulator(
    portals: Sequence[PortalSpec], *, seed: int = 1, port: int = 0, limits: bool = True
) -> Iterator[Emulator]:
    """Start an emulator, yield it once it answers, and stop it; port 0 picks a free one.

    :raises RuntimeError: when it does not start
    """
    command = [sys.executable, "-m", "hubspot_emulator", "--port", str(port), "--seed", str(seed), "--exit-with-parent"]
    command += [] if limits else ["--no-limits"]
    for portal in portals:
        command += ["--portal-json", json.dumps(asdict(portal))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()
        if not ready.startswith("HubSpot emulator on "):
            raise RuntimeError(f"the emulator did not start: {ready or 'it ended with ' + str(process.wait())}")
        yield Emulator(ready.split()[3], process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
