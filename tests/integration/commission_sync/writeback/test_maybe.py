"""What may have been written is looked at before anything is decided, and whoever lost a plan writes nothing."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic, sleep

import pytest

from airflow_hubspot.client import HubSpotError
from commission_sync.writeback.permission import PlanNotOpen

READ, UPDATE = "deals.batch.read", "deals.batch.update"


def amounts(acme, ids):
    return {crm_id: acme.in_hubspot().get(crm_id, ("",))[0] for crm_id in ids}


@contextmanager
def held_apply(acme, planned, operation, **when):
    """Apply a plan in a thread up to a call that the emulator holds; leaving the block lets it go on."""
    admin = acme.world.emulator.admin
    admin.hold(1001, operation, **when)
    with ThreadPoolExecutor(1) as pool:
        applying = pool.submit(acme.apply, planned)
        deadline = monotonic() + 30
        while not any(admin.held(1001).values()):
            assert monotonic() < deadline, "the call never came"
            sleep(0.02)
        try:
            yield applying
        finally:
            admin.release(1001)


def pass_time(acme):
    """Let the process that works on the plan seem to be dead."""
    acme.world.execute("UPDATE writeback_plans SET worked_at = now() - interval '1 hour' WHERE state = 'planned'")


def lose_the_answer(acme, planned):
    """HubSpot takes the batch, the answer is lost, and HubSpot stays down until the task fails."""
    acme.world.emulator.admin.hold(1001, UPDATE, after=60)
    with ThreadPoolExecutor(1) as pool:
        applying = pool.submit(acme.apply, planned, timeout_seconds=2.0)
        while not acme.world.emulator.admin.held(1001)["after"]:
            sleep(0.02)
        acme.world.emulator.admin.set_faults(1001, {"reset": 1.0})
        with pytest.raises(HubSpotError):
            applying.result()
    acme.world.emulator.admin.release(1001)
    acme.world.emulator.admin.set_faults(1001, {})


@pytest.mark.parametrize("policy", ["hold", "theirs"])
def test_a_lost_answer_stays_ours_until_hubspot_was_read(acme, ids, policy):
    acme.flag("on", on_conflict=policy)
    acme.pay(ids[:3], "100")
    planned = acme.plan(run_id="first")
    lose_the_answer(acme, planned)
    assert set(amounts(acme, ids[:3]).values()) == {"100"}
    acme.pay(ids[:3], "200")
    acme.run(run_id="first")
    acme.run()
    assert set(amounts(acme, ids[:3]).values()) == {"200"}
    assert acme.problems() == []


def test_an_undo_takes_back_what_a_run_may_have_written(acme, ids):
    acme.pay(ids[:3], "100")
    lose_the_answer(acme, acme.plan(run_id="lost"))
    pass_time(acme)
    acme.run(undo_run_id="lost")
    assert set(amounts(acme, ids[:3]).values()) == {""}


def test_a_frozen_applier_writes_nothing_once_another_run_has_written(acme, ids):
    acme.pay(ids[:3], "100")
    with held_apply(acme, acme.plan(run_id="frozen"), READ, after=60) as frozen:
        pass_time(acme)
        acme.pay(ids[:3], "200")
        acme.world.emulator.admin.hold(1001, "nothing", after=1)
        assert acme.run().counts == {"sent": 3}
    with pytest.raises(PlanNotOpen, match=r"superseded|taken the plan over"):
        frozen.result()
    assert set(amounts(acme, ids[:3]).values()) == {"200"}
    assert acme.run() is None


def test_a_late_answer_is_kept_and_the_next_run_repairs_what_it_did(acme, ids):
    acme.pay(ids[:3], "100")
    with held_apply(acme, acme.plan(run_id="late"), UPDATE, before=60) as late:
        # The request is on its way while the lease is lost: nothing can call it back.
        pass_time(acme)
        acme.pay(ids[:3], "200")
        acme.world.emulator.admin.hold(1001, "nothing", after=1)
        assert acme.run().counts == {"sent": 3}
    with pytest.raises(PlanNotOpen, match="answers were kept"):
        late.result()
    assert set(amounts(acme, ids[:3]).values()) == {"100"}, "it came last"
    acme.run()
    assert set(amounts(acme, ids[:3]).values()) == {"200"}
    assert acme.problems() == [], "our own value is nobody's conflict"


def test_a_deal_that_changes_while_its_plan_waits_is_reviewed_before_it_is_written(acme, ids):
    acme.flag("approval")
    acme.pay(ids[:3], "100")
    planned = acme.plan()
    acme.world.emulator.admin.override_deal(1001, ids[0], {"amount": "1"})
    acme.world.sync()
    assert acme.approve(planned)
    assert acme.apply(planned).counts == {"sent": 2, "skipped": 1}
    assert amounts(acme, ids[:3])[ids[0]] == ""
    assert acme.world.query("SELECT state FROM commission_reviews") == [("open",)]
    (error,) = acme.world.query("SELECT last_error FROM commission_writebacks WHERE crm_id = %s", ids[0])[0]
    assert "changed after its commission was approved (amount)" in error


@pytest.mark.parametrize("turned", ["off", "dry_run", "rule", "paused"])
def test_off_stops_a_running_apply_with_the_next_batch(acme, ids, turned):
    acme.pay(ids[:150], "100")
    with held_apply(acme, acme.plan(), UPDATE, after=60) as running:
        if turned == "paused":
            acme.world.execute("UPDATE crm_integrations SET is_active = false")
        elif turned == "rule":
            acme.world.execute("UPDATE crm_integrations SET feature_flags = '{}'")
            acme.world.execute(
                "INSERT INTO feature_flags (flag, value, default_value, deny, updated_by) "
                "VALUES ('writeback', 'on', 'on', '{acme}', 'ana')"
            )
        else:
            acme.flag(turned)
    with pytest.raises(PlanNotOpen):
        running.result()
    assert acme.states()["sent"] == 100
    assert len(acme.in_hubspot()) == 100


def test_a_row_that_a_dry_run_refused_is_named_by_the_next_plan(acme, ids):
    acme.pay(ids[:1], "1" + "0" * 120)
    acme.flag("dry_run")
    acme.plan()
    acme.flag("on")
    acme.run()
    assert acme.problems() != []
