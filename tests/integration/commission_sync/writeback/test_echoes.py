"""Our own writes come back by the sync of deals, and cause no work and no noise."""


def actions(back):
    statement = "SELECT action, count(*)::int FROM audit_log WHERE action NOT IN ('insert', 'split') GROUP BY action"
    return dict(back.world.query(statement))


def test_the_loop_settles_after_one_round(acme, ids):
    acme.pay_each(ids[:150])
    assert acme.run().counts == {"sent": 150}
    written = acme.in_hubspot()
    acme.calls()
    for _ in range(10):
        acme.world.sync()
        assert acme.run() is None
        assert "deals.batch.update" not in acme.calls()
    assert (acme.in_hubspot(), acme.states()) == (written, {"sent": 150})
    assert not acme.world.difference(nulls=False)


def test_an_echo_is_told_from_an_update_and_proves_the_write(acme, ids):
    acme.pay(ids[:5])
    acme.run()
    acme.world.emulator.admin.override_deal(1001, ids[10], {"amount": "1"})
    acme.world.sync()
    assert actions(acme) == {"echo": 5, "update": 1}
    assert acme.world.query(
        "SELECT count(*)::int FROM commission_writebacks WHERE echoed_at IS NOT NULL AND verified_at IS NOT NULL"
    ) == [(5,)]


def test_a_near_miss_is_counted_and_audited_as_the_change_that_it_is(acme, ids):
    acme.pay(ids[:2])
    acme.run()
    acme.world.emulator.admin.override_deal(1001, ids[0], {"commission_amount": "101"})
    acme.world.sync()
    assert actions(acme) == {"echo": 1, "update": 1}
    misses = dict(acme.world.query("SELECT crm_id, near_misses FROM commission_writebacks"))
    assert misses == {ids[0]: 1, ids[1]: 0}


def test_a_change_that_comes_along_with_our_own_is_audited(acme, ids):
    acme.pay(ids[:1])
    acme.run()
    acme.world.emulator.admin.override_deal(1001, ids[0], {"dealname": "Another name"})
    acme.world.sync()
    assert actions(acme) == {"update": 1}
    (changes,) = acme.world.query("SELECT changes FROM audit_log WHERE action = 'update'")[0]
    assert changes["dealname"][1] == "Another name"
    assert acme.world.value("SELECT near_misses FROM commission_writebacks") == 0


def test_a_later_change_of_the_same_value_by_a_person_is_no_echo(acme, ids):
    acme.pay(ids[:1])
    acme.run()
    acme.world.sync()
    for value in ("7", "100.00"):
        acme.world.emulator.admin.override_deal(1001, ids[0], {"commission_amount": value})
        acme.world.sync()
    assert actions(acme) == {"echo": 1, "update": 2}
