"""A write-back that is killed at any instant, and whose answers get lost, ends with HubSpot as the table has it."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commissions import WriteBack

VICTIM = Path(__file__).parents[1] / "support" / "writeback_victim.py"
COMMISSIONS, KILLS = 2_000, 10


def start(back: WriteBack, run_id: str) -> subprocess.Popen[bytes]:
    world = back.world
    arguments = [world.emulator.url, world.portal.token, world.dsn, str(world.integration_id), run_id]
    return subprocess.Popen([sys.executable, str(VICTIM), *arguments])


def kill_at(back: WriteBack, run_id: str, attempted: int, delay: float) -> None:
    process = start(back, run_id)
    deadline = time.monotonic() + 60
    count = "SELECT count(*) FROM commission_writebacks WHERE attempted_at IS NOT NULL"
    while process.poll() is None and back.world.value(count) < attempted and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(delay)
    process.kill()
    assert process.wait() < 0, "it ended before it could be killed"


@pytest.mark.slow
@pytest.mark.parametrize("retried", [True, False], ids=["tries of one run", "a new run each time"])
def test_killed_ten_times_with_lost_answers_the_table_is_what_hubspot_has(world, retried):
    back = WriteBack(world(deals=COMMISSIONS, latency_ms=30))
    back.world.sync()
    back.flag("on")
    back.pay_each(back.world.emulator.admin.truth_ids(1001))
    back.world.emulator.admin.set_faults(1001, {"reset_after_commit": 0.1})
    chance = random.Random(22)
    for attempt, attempted in enumerate(sorted(chance.randrange(COMMISSIONS - 200) for _ in range(KILLS))):
        kill_at(back, "run" if retried else f"run-{attempt}", attempted, chance.uniform(0, 0.08))
        # Whoever comes next would wait for this one's plan, if it did not know it to be dead.
        back.world.execute("UPDATE writeback_plans SET worked_at = now() - interval '1 hour' WHERE state = 'planned'")
    assert start(back, "run" if retried else "last").wait(timeout=120) == 0

    assert back.in_hubspot() == back.in_table()
    assert len(back.in_table()) == COMMISSIONS
    # No value was ever there but the one that is there now, and the ledger has each deal's write once.
    histories = back.past_values("commission_amount")
    assert all(len(set(values)) == 1 for values in histories.values())
    settled = "SELECT count(*), count(DISTINCT deal_id) FROM commission_writebacks WHERE {}"
    assert back.world.query(settled.format("state = 'sent'")) == [(COMMISSIONS, COMMISSIONS)]
    assert back.world.value("SELECT count(*) FROM commission_writebacks WHERE state = 'pending'") == 0
    assert back.problems() == []
    assert start(back, "after").wait(timeout=60) == 0
    assert back.world.value("SELECT count(*) FROM commission_writebacks WHERE state = 'sent'") == COMMISSIONS
