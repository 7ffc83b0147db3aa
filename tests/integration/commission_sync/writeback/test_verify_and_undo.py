"""What was written is read again, and can be taken back."""

import pytest

from commission_sync.writeback.planning import NothingToUndo


def test_what_the_sync_has_shown_is_not_read_again_and_what_it_has_not_is(acme, ids):
    acme.pay(ids[:120])
    acme.run()
    acme.calls()
    assert acme.verify().rows == 0
    acme.world.execute("UPDATE commission_writebacks SET sent_at = sent_at - interval '20 minutes'")
    assert acme.verify().rows == 120
    assert acme.calls() == {"deals.batch.read": 2}
    assert acme.verify(at_once=True).rows == 0
    acme.pay(ids[:10], "5")
    acme.run()
    acme.world.sync()
    assert acme.verify(at_once=True).rows == 0


def test_a_value_that_is_no_longer_what_was_written_is_named(acme, ids):
    acme.pay(ids[:3])
    acme.run()
    acme.world.emulator.admin.override_deal(1001, ids[1], {"commission_status": "paid"})
    found = acme.verify(at_once=True)
    assert (found.rows, found.differing) == (3, [ids[1]])
    assert acme.world.value("SELECT mismatch FROM commission_writebacks WHERE crm_id = %s", ids[1]) == {
        "commission_status": ["approved", "paid"]
    }


def test_a_run_is_undone_to_what_hubspot_had_before_and_stays_undone(acme, ids):
    acme.pay(ids[:3], "100")
    acme.run(run_id="good")
    before = acme.in_hubspot()
    acme.pay(ids[:5], "666", status="paid", paid=True)
    acme.run(run_id="bad")
    assert acme.run(undo_run_id="bad").counts == {"sent": 5}
    assert acme.in_hubspot() == before
    assert acme.run() is None, "what was taken back is not written again"
    acme.world.sync()
    assert acme.run() is None
    acme.pay(ids[:1], "120")
    assert acme.run().counts == {"sent": 1}, "until the commission changes"


def test_an_undo_does_not_take_back_what_somebody_wrote_later(acme, ids):
    acme.pay(ids[:2], "100")
    acme.run(run_id="first")
    acme.pay(ids[:1], "200")
    acme.run(run_id="second")
    assert acme.run(undo_run_id="first").counts == {"sent": 1, "conflict": 1}
    assert {i: v[0] for i, v in acme.in_hubspot().items()} == {ids[0]: "200"}


def test_an_undo_needs_approval_where_writing_does(acme, ids):
    acme.pay(ids[:2])
    acme.run(run_id="first")
    acme.flag("approval")
    planned = acme.plan(undo_run_id="first")
    assert (planned.plan.state, planned.plan.kind, planned.plan.undoes_run_id) == ("awaiting_approval", "undo", "first")


def test_an_undo_of_a_run_that_there_was_not_is_refused_and_one_of_another_company_is_none(acme, ids):
    with pytest.raises(NothingToUndo, match="run 'nothing' of commission_writeback wrote nothing"):
        acme.plan(undo_run_id="nothing")
    acme.pay(ids[:2])
    acme.plan(run_id="planned-only")
    acme.world.execute("UPDATE writeback_plans SET state = 'superseded'")
    assert acme.plan(undo_run_id="planned-only").why == "run planned-only wrote nothing for this company"
