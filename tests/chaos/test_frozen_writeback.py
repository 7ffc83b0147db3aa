"""A write-back that is frozen longer than its lease, or whose request arrives late, leaves no wrong commission."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from commissions import WriteBack

VICTIM = Path(__file__).parents[1] / "support" / "writeback_victim.py"
LEASE_IS_OVER = "UPDATE writeback_plans SET worked_at = now() - interval '6 minutes' WHERE state = 'planned'"


@pytest.fixture
def back(world):
    made = WriteBack(world(deals=20))
    made.world.sync()
    made.flag("on")
    ids = made.world.emulator.admin.truth_ids(1001)
    made.pay(ids[:1], "1")
    made.run()
    made.pay(ids[:1], "100")
    return made


@pytest.fixture
def deal(back):
    return back.world.emulator.admin.truth_ids(1001)[0]


def amount(back, deal):
    return back.in_hubspot()[deal][0]


def start(back, **variables):
    world = back.world
    arguments = [world.emulator.url, world.portal.token, world.dsn, str(world.integration_id), "frozen"]
    return subprocess.Popen([sys.executable, str(VICTIM), *arguments], env=os.environ | variables)


def until(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def is_stopped(process):
    return Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


@pytest.fixture
def frozen(back):
    """A process that has read and not sent yet, past its lease."""
    # Its token and the portal are known; the first call reads the deal, the second one would write it.
    process = start(back, FREEZE_AT_CALL="2")
    until(lambda: is_stopped(process), "it did not freeze")
    back.world.execute(LEASE_IS_OVER)
    yield process
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()


def test_a_frozen_applier_does_not_write_once_another_run_has_its_turn(back, deal, frozen):
    back.pay([deal], "200")
    assert back.run().counts == {"sent": 1}
    back.calls()
    frozen.send_signal(signal.SIGCONT)
    assert frozen.wait(timeout=30) == 0
    assert back.calls() == {}
    assert amount(back, deal) == "200"
    back.world.sync()
    assert back.run() is None


@pytest.mark.parametrize("policy", ["hold", "theirs"])
def test_a_request_that_arrives_after_another_runs_write_is_found_and_repaired(back, deal, policy):
    back.flag("on", on_conflict=policy)
    admin = back.world.emulator.admin
    admin.hold(1001, "deals.batch.update", before=30)
    process = start(back)
    until(lambda: admin.held(1001)["before"] == 1, "no request was on its way")
    process.kill()
    process.wait()
    back.world.execute(LEASE_IS_OVER)
    back.pay([deal], "200")
    assert back.run().counts == {"sent": 1}
    admin.release(1001)
    until(lambda: amount(back, deal) == "100", "the late request did not arrive")

    back.world.sync()
    back.run()
    assert amount(back, deal) == "200"
    assert back.problems() == []


def test_a_late_answer_is_kept_and_the_next_run_repairs_without_a_sync(back, deal):
    admin = back.world.emulator.admin
    admin.hold(1001, "deals.batch.update", before=30)
    process = start(back)
    until(lambda: admin.held(1001)["before"] == 1, "no request was on its way")
    back.world.execute(LEASE_IS_OVER)
    back.pay([deal], "200")
    assert back.run().counts == {"sent": 1}
    admin.release(1001)
    assert process.wait(timeout=30) == 0
    assert amount(back, deal) == "100"

    assert back.run().counts == {"sent": 1}
    assert amount(back, deal) == "200"


def test_what_nobody_saw_arrive_is_looked_at_when_it_can_have_arrived(back, deal):
    admin = back.world.emulator.admin
    admin.hold(1001, "deals.batch.update", before=30)
    process = start(back)
    until(lambda: admin.held(1001)["before"] == 1, "no request was on its way")
    process.kill()
    process.wait()
    back.world.execute(LEASE_IS_OVER)
    back.pay([deal], "200")
    back.run()
    admin.release(1001)
    until(lambda: amount(back, deal) == "100", "the late request did not arrive")
    assert back.run() is None, "no sync has shown it yet"

    back.world.execute("UPDATE commission_writebacks SET attempted_at = attempted_at - interval '2 hours'")
    back.run()
    assert amount(back, deal) == "200"
    assert back.world.value("SELECT count(*) FROM commission_writebacks WHERE unanswered") == 0
    assert back.run() is None, "and it is looked at once"
