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


def start(world: World, attempt: int, what: str = "deals") -> subprocess.Popen[bytes]:
    arguments = [world.emulator.url, world.portal.token, world.dsn, str(world.integration_id), str(attempt), what]
    return subprocess.Popen([sys.executable, str(VICTIM), *arguments])


def kill_at(process: subprocess.Popen[bytes], world: World, attempt: int, rows: int, delay: float) -> None:
    """Kill the process `delay` seconds after its run is open and so many deals have landed."""

    def is_time() -> bool:
        opened = world.query("SELECT 1 FROM sync_runs WHERE try_number = %s", attempt)
        return bool(opened) and world.value("SELECT count(*) FROM deals") >= rows

    deadline = time.monotonic() + 60
    while process.poll() is None and not is_time() and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"


@pytest.mark.slow
def test_a_first_load_killed_ten_times_goes_on_where_it_stopped_and_is_complete(world):
    acme = world(12_000, latency_ms=100)
    chance = random.Random(20)
    landed = []
    for attempt, rows in enumerate(sorted(chance.randrange(7_000) for _ in range(KILLS)), start=1):
        kill_at(start(acme, attempt), acme, attempt, rows, chance.uniform(0, 0.1))
        landed.append(acme.value("SELECT count(*) FROM deals"))
    assert start(acme, KILLS + 1).wait(timeout=120) == 0
    assert not acme.difference()
    assert landed == sorted(landed)
    assert 0 < landed[-1] < 12_000, "the kills have to fall into the middle of the reading"
    states = dict(acme.query("SELECT state, count(*)::int FROM sync_runs GROUP BY state"))
    assert states == {"abandoned": KILLS, "success": 1}
    assert acme.value("SELECT count(*) FROM audit_log WHERE action = 'insert'") == 12_000
    # The one receipt counts what was committed: whatever a kill interrupted is read again, what was proven is not.
    assert acme.query("SELECT landed::int FROM sync_receipts WHERE completed_at IS NOT NULL") == [(12_000,)]


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


def killed_often(world: World, what: str, kills: int, chance: random.Random) -> None:
    """Run something, killed again and again, until it is done."""
    for attempt in range(1, kills + 1):
        process = start(world, attempt, what)
        time.sleep(1.2 + 2.5 * chance.random())
        process.kill()
        process.wait()
    assert start(world, kills + 1, what).wait(timeout=180) == 0


@pytest.mark.slow
def test_everything_that_hangs_on_deals_survives_kills_of_its_load_its_rounds_and_its_reconciliation(world):
    acme = world(500, latency_ms=10)
    chance = random.Random(22)
    killed_often(acme, "everything", 5, chance)
    assert acme.differences() == {}
    acme.emulator.admin.edit_everything(1001, count=400, seed=22)
    killed_often(acme, "everything", 4, chance)
    killed_often(acme, "reconcile", 4, chance)
    assert acme.differences() == {}
    assert acme.value("SELECT count(*) FROM sync_runs WHERE state = 'abandoned'") > 0
