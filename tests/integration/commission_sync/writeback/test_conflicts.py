"""Somebody changes a commission property in HubSpot: who wins is the company's choice, and never by accident."""

import pytest


def edit(back, crm_id, **properties):
    back.world.emulator.admin.override_deal(1001, crm_id, properties)


@pytest.fixture
def edited(acme, ids):
    """Two commissions are written; a person changes the amount on the first deal; both commissions move on."""
    acme.pay(ids[:2], "100")
    acme.run()
    edit(acme, ids[0], commission_amount="555")
    acme.pay(ids[:2], "200")
    return ids[0]


def amount(back, crm_id):
    return back.in_hubspot()[crm_id][0]


def test_a_change_is_held_with_who_and_when_and_the_others_go_through(acme, edited):
    assert acme.run().counts == {"sent": 1, "conflict": 1}
    assert amount(acme, edited) == "555"
    (conflict,) = acme.world.query("SELECT conflict FROM writeback_problems")[0]
    assert {k: conflict[0][k] for k in ("property", "value", "by")} == {
        "property": "commission_amount",
        "value": "555",
        "by": "Private app",
    }
    assert conflict[0]["at"].startswith("20")
    assert "commission_amount was set to '555' at" in acme.problems()[0][2]


def test_a_held_conflict_is_found_once_and_not_again_every_half_hour(acme, edited):
    acme.run()
    acme.world.sync()
    acme.calls()
    assert acme.run() is None
    assert acme.calls() == {}
    assert acme.states() == {"sent": 3, "conflict": 1}


def test_a_person_decides_for_ours_or_theirs(acme, edited, ids):
    acme.run()
    acme.world.query("SELECT decide_writeback(id, 'ours', 'ana') FROM writeback_problems")
    assert acme.run().counts == {"sent": 1}
    assert amount(acme, edited) == "200"

    edit(acme, ids[1], commission_amount="777")
    acme.pay(ids[1:2], "300")
    acme.run()
    acme.world.query("SELECT decide_writeback(id, 'theirs', 'ana') FROM writeback_problems")
    assert acme.run() is None
    assert (amount(acme, ids[1]), acme.problems()) == ("777", [])


def test_a_decision_for_ours_does_not_cover_a_later_change(acme, edited):
    acme.run()
    acme.world.query("SELECT decide_writeback(id, 'ours', 'ana') FROM writeback_problems")
    edit(acme, edited, commission_amount="666")
    assert acme.run().counts == {"conflict": 1}
    assert amount(acme, edited) == "666"


@pytest.mark.parametrize(("policy", "state", "value"), [("ours", "sent", "200"), ("theirs", "skipped", "555")])
def test_a_policy_decides_without_a_person(acme, edited, policy, state, value):
    acme.flag("on", on_conflict=policy)
    acme.run()
    acme.world.sync()
    assert acme.run() is None
    assert amount(acme, edited) == value
    row = acme.world.query(
        "SELECT state, conflict -> 0 ->> 'value' FROM commission_writebacks WHERE crm_id = %s ORDER BY created_at DESC",
        edited,
    )[0]
    assert row == (state, "555"), "what was overridden, or let stand, is on record"


def test_a_value_that_was_there_before_our_first_write_is_somebodys(acme, ids):
    acme.pay(ids[:1])
    acme.run()
    edit(acme, ids[1], commission_amount="1")
    acme.pay(ids[1:2])
    assert acme.run().counts == {"conflict": 1}


def test_a_conflict_that_goes_away_in_hubspot_goes_away_here(acme, edited):
    acme.run()
    edit(acme, edited, commission_amount="200")
    acme.world.sync()
    assert acme.run() is None
    assert acme.problems() == []
    acme.pay([edited], "201")
    assert acme.run().counts == {"sent": 1}
