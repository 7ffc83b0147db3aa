"""A real Redis of the tests' own, where the machine has one."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from commission_sync.local.port import any_free, is_free


@contextmanager
def running_redis(home: Path) -> Iterator[str]:
    """Yield the URL of a server that keeps nothing on disk; skip the test where none is installed."""
    program = shutil.which("redis-server")
    if program is None:
        # CI installs one: there, a test that does not run is one that is missing.
        assert not os.environ.get("CI"), "redis-server is not installed"
        pytest.skip("redis-server is not installed (Debian, Ubuntu: apt install redis-server)")
    port = any_free()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)]
    with (home / "redis.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            ends = time.monotonic() + 30
            while is_free(port):
                assert server.poll() is None, "redis-server ended by itself"
                assert time.monotonic() < ends, "redis-server does not answer"
                time.sleep(0.05)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
