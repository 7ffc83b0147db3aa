"""The process that runs the embedded PostgreSQL for as long as anybody holds it.

Owners share a lock on one file; the kernel takes a dead owner's share away, so a killed owner counts as
gone. The supervisor stops the server when it gets that lock alone. PostgreSQL is the supervisor's child and
is interrupted by the kernel when the supervisor dies.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from commission_sync.local.binaries import Binaries
from commission_sync.local.cluster import Cluster
from commission_sync.local.errors import PostgresError
from commission_sync.local.layout import Layout
from commission_sync.local.lock import FileLock
from commission_sync.local.port import any_free, is_free, reserve

POLL_SECONDS = 0.25
# A server that dies more often than this is not saved by starting it again.
CRASHES, CRASH_SECONDS = 5, 60.0


class Supervisor:
    """Starts the server, starts it again when it is killed, stops it with its last owner."""

    def __init__(self, cluster: Cluster, *, port: int | None) -> None:
        self._cluster = cluster
        self._layout = cluster.layout
        self._wanted_port = port
        self._port = 0
        self._crashes: list[float] = []
        self._asked_to_stop = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop_soon)

    def start(self) -> int:
        """Start the server and return its port.

        :raises PostgresError: it cannot be started.
        """
        self._layout.retract()
        self._cluster.create()
        self._cluster.end_leftovers()
        self._port = self._choose_port()
        self._cluster.start(self._port)
        self._layout.announce(self._port)
        return self._port

    def serve(self) -> None:
        """Watch over the server until no owner is left."""
        with FileLock(self._layout.owners_lock) as owners:
            try:
                self._watch(owners)
            finally:
                self._layout.retract()
                self._cluster.stop()

    def _watch(self, owners: FileLock) -> None:
        while not self._asked_to_stop and not owners.try_take():
            if not self._cluster.running:
                self._start_again()
            time.sleep(POLL_SECONDS)

    def _start_again(self) -> None:
        now = time.monotonic()
        self._crashes = [at for at in self._crashes if now - at < CRASH_SECONDS] + [now]
        if len(self._crashes) > CRASHES:
            raise PostgresError(f"PostgreSQL died {CRASHES} times within a minute: see {self._layout.log}.")
        self._cluster.start(self._port)

    def _choose_port(self) -> int:
        if self._wanted_port is not None:
            if not is_free(self._wanted_port):
                raise PostgresError(
                    f"Port {self._wanted_port} on 127.0.0.1 is used by another program: stop it, or set "
                    "EMBEDDED_POSTGRES_PORT to a free port (unset, one is chosen for you)."
                )
            return self._wanted_port
        kept = self._layout.kept_port()
        if kept is not None and reserve(kept):
            return kept
        port = any_free()
        self._layout.keep_port(port)
        return port

    def _stop_soon(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True


def main(arguments: list[str] | None = None) -> int:
    """Run as a process of its own; reports `{"port": …}` or `{"error": …}` on the given file descriptor."""
    parser = argparse.ArgumentParser(description="Runs the embedded PostgreSQL; started by its owners, not by hand.")
    parser.add_argument("root", type=Path)
    parser.add_argument("--report-fd", type=int, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--bin-dir", type=Path)
    parser.add_argument("--settings", type=json.loads, default={})
    options = parser.parse_args(arguments)
    if os.fork():
        # The owner waits for this process only: the supervisor itself is nobody's child and leaves no zombie.
        os._exit(0)
    layout = Layout(options.root)
    with FileLock(layout.supervisor_lock) as alone:
        try:
            if not alone.try_take(seconds=10):
                raise PostgresError(f"Another supervisor holds {layout.supervisor_lock}: end it and start again.")
            supervisor = Supervisor(_cluster(layout, options.bin_dir, options.settings), port=options.port)
            port = supervisor.start()
        except PostgresError as error:
            _report(options.report_fd, {"error": str(error)})
            return 1
        _report(options.report_fd, {"port": port})
        try:
            supervisor.serve()
        except PostgresError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


def _cluster(layout: Layout, bin_dir: Path | None, settings: Mapping[str, str]) -> Cluster:
    return Cluster(layout, Binaries.find(bin_dir), settings)


def _report(descriptor: int, message: Mapping[str, object]) -> None:
    try:
        with os.fdopen(descriptor, "w") as pipe:
            json.dump(message, pipe)
    except BrokenPipeError:
        # The owner died while it waited; its lock is gone too, so the supervisor ends by itself.
        return


if __name__ == "__main__":
    sys.exit(main())
