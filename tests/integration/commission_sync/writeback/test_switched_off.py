"""A switch that is turned while a plan is applied stops it before its next request."""

import threading
import time

import pytest

from commission_sync.writeback.applying import PlanNotOpen

SWITCHES = {
    "off": 'UPDATE crm_integrations SET feature_flags = \'{"writeback": "off"}\'',
    "dry run": 'UPDATE crm_integrations SET feature_flags = \'{"writeback": "dry_run"}\'',
    "approval": 'UPDATE crm_integrations SET feature_flags = \'{"writeback": "approval"}\'',
    "paused": "UPDATE crm_integrations SET is_active = false",
    "renamed": 'UPDATE crm_integrations SET writeback_settings = \'{"properties": {"commission_amount": "pay"}}\'',
    "out of the rollout": (
        "UPDATE crm_integrations SET feature_flags = '{}'; "
        "INSERT INTO feature_flags (flag, value, deny, updated_by) VALUES ('writeback', 'on', '{acme}', 'ana')"
    ),
}


def while_applied(back, happens):
    """Apply a plan, and let something happen while its first request waits at HubSpot; return how it ended."""
    planned, admin, ended = back.plan(), back.world.emulator.admin, []
    admin.hold(1001, "deals.batch.update", before=30)

    def apply():
        try:
            ended.append(back.apply(planned, timeout_seconds=30.0))
        except PlanNotOpen as error:
            ended.append(error)

    worker = threading.Thread(target=apply)
    worker.start()
    deadline = time.monotonic() + 20
    while not admin.held(1001)["before"] and time.monotonic() < deadline:
        time.sleep(0.01)
    happens()
    admin.release(1001)
    worker.join(timeout=60)
    return ended[0]


@pytest.mark.parametrize("switch", SWITCHES.values(), ids=SWITCHES)
def test_a_switch_stops_a_running_apply_with_the_next_batch(acme, ids, switch):
    acme.pay(ids[:150])
    ended = while_applied(acme, lambda: acme.world.execute(switch))
    assert isinstance(ended, PlanNotOpen)
    assert acme.states() == {"sent": 100, "pending": 50}
    assert len(acme.in_hubspot()) == 100


def test_switched_on_again_the_next_run_goes_on_at_once(acme, ids):
    acme.pay(ids[:150])
    while_applied(acme, lambda: acme.world.execute(SWITCHES["off"]))
    acme.flag("on")
    assert acme.run().counts == {"sent": 50}
    assert acme.in_hubspot() == acme.in_table()


def test_a_half_of_a_refused_batch_is_not_sent_either(acme, ids):
    acme.pay(ids[:1])
    acme.run()
    acme.world.emulator.admin.set_knobs(
        1001, conditional_requirement={"property": "commission_paid", "value": "true", "requires": "purchase_order"}
    )
    acme.world.emulator.admin.override_deal(1001, ids[1], {"purchase_order": None})
    acme.pay(ids[1:51], paid=True)
    acme.calls()
    ended = while_applied(acme, lambda: acme.world.execute(SWITCHES["off"]))
    assert isinstance(ended, PlanNotOpen)
    assert acme.calls()["deals.batch.update"] == 1
    assert len(acme.in_hubspot()) == 1


def test_the_policy_that_counts_is_the_one_of_the_batch(acme, ids):
    acme.pay(ids[:150])
    acme.run()
    for crm_id in ids[:150]:
        acme.world.emulator.admin.override_deal(1001, crm_id, {"commission_amount": "555"})
    acme.pay(ids[:150], "200")
    acme.flag("on", on_conflict="ours")
    while_applied(acme, lambda: acme.flag("on", on_conflict="hold"))
    assert [v[0] for v in acme.in_hubspot().values()].count("555") == 50
