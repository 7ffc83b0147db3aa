"""A sync that is killed with SIGKILL at any instant loses nothing and goes on where it stopped."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from world import World

VICTIM = Path(__file__).parents[1] / "support" / "victim.py"
KILLS = 10


def start(world: World, attempt: int) -> subprocess.Popen[bytes]:
    arguments = [world.emulator.url, world.portal.token, world.dsn, str(world.integration_id), str(attempt)]
    return subprocess.Popen([sys.executable, str(VICTIM), *arguments])


def kill_when(process: subprocess.Popen[bytes], world: World, rows: int, jitter: float) -> bool:
    """Kill the process a moment after so many deals have landed or changed; return whether it was still running."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if world.value("SELECT count(*) FROM deals") >= rows:
            time.sleep(jitter)
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_a_first_load_killed_ten_times_is_complete_after_a_retry_and_reads_nothing_twice_over(world):
    acme = world(12_000, latency_ms=20)
    chance = random.Random(20)
    moments = sorted(chance.randrange(0, 10_000) for _ in range(KILLS))
    killed = [kill_when(start(acme, n), acme, rows, chance.random() / 5) for n, rows in enumerate(moments, start=1)]
    assert sum(killed) >= KILLS - 2
    assert start(acme, KILLS + 1).wait(timeout=120) == 0
    assert not acme.difference()
    states = dict(acme.query("SELECT state, count(*)::int FROM sync_runs GROUP BY state"))
    assert states == {"abandoned": sum(killed), "success": 1 + KILLS - sum(killed)}
    assert acme.value("SELECT count(*) FROM audit_log") == 12_000
    # Each kill costs at most what was read but not committed yet, and a few ids at the edges.
    assert acme.value("SELECT landed FROM sync_receipts WHERE completed_at IS NOT NULL") < 12_000 * 1.1


@pytest.mark.slow
def test_an_incremental_run_killed_while_deals_are_edited_is_right_after_a_retry(world):
    acme = world(6_000, latency_ms=10)
    acme.sync()
    acme.emulator.admin.edit(1001, count=5_000, mix="mixed")
    acme.emulator.admin.stream_edits(1001, per_second=5, seconds=60)
    chance = random.Random(21)
    for attempt in range(1, 5):
        process = start(acme, attempt)
        time.sleep(1.0 + chance.random())
        process.kill()
        process.wait()
    acme.emulator.admin.stop_edits(1001)
    assert start(acme, 5).wait(timeout=120) == 0
    assert not acme.difference()
