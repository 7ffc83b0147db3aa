"""Commissions reach HubSpot, with as few calls as HubSpot allows, whatever it answers."""

import pytest

from commission_sync.writeback.applying import TooManyFailed
from commissions import NAMES, WriteBack


@pytest.fixture
def acme(world):
    made = world(deals=2_100)
    made.sync()
    back = WriteBack(made)
    back.flag("on")
    back.calls()
    return back


@pytest.fixture
def ids(acme):
    return acme.world.emulator.admin.truth_ids(1001)


def test_a_thousand_commissions_take_ten_writes_and_ten_reads_and_a_second_run_takes_none(acme, ids):
    acme.pay_each(ids[:1_000])
    applied = acme.run()
    assert applied.counts == {"sent": 1_000}
    calls = acme.calls()
    assert (calls.pop("deals.batch.update"), calls.pop("deals.batch.read")) == (10, 10)
    # What is left created the properties and their group.
    assert calls == {"deals.property.groups": 1, "deals.properties.batch.create": 1}
    assert acme.in_hubspot() == acme.in_table()
    assert len(acme.in_table()) == 1_000

    assert acme.run() is None
    assert acme.calls() == {}


def test_a_thousand_more_with_three_bad_ones_write_the_others_and_name_the_three(acme, ids):
    acme.pay_each(ids[:1_000])
    acme.run()
    archived, refused = ids[1_200], ids[1_500:1_502]
    acme.world.emulator.admin.set_knobs(
        1001, conditional_requirement={"property": "commission_status", "value": "paid", "requires": "legacy_crm_id"}
    )
    for crm_id in refused:
        acme.world.emulator.admin.override_deal(1001, crm_id, {"legacy_crm_id": None})
    with acme.world.client() as client:
        client.sdk.call("DELETE", f"/crm/v3/objects/deals/{archived}")
    acme.pay(ids[1_000:2_000], "12.5", status="paid", paid=True)

    applied = acme.run()

    assert applied.counts == {"sent": 997, "failed": 3}
    named = {problem.crm_id: problem.last_error for problem in applied.failed}
    assert set(named) == {archived, *refused}
    assert "resource not found" in named[archived]
    assert all("legacy_crm_id is required when commission_status is paid." in named[i] for i in refused)
    assert all(r[0] for r in acme.world.query("SELECT correlation_id FROM writeback_problems"))
    left_out = {archived, *refused}
    assert acme.in_hubspot() == {i: v for i, v in acme.in_table().items() if i not in left_out}


def test_failed_rows_are_tried_again_until_they_are_mended_or_dismissed(acme, ids):
    bad, worse = ids[:2]
    acme.world.emulator.admin.set_knobs(
        1001, conditional_requirement={"property": "commission_paid", "value": "true", "requires": "purchase_order"}
    )
    for crm_id in (bad, worse):
        acme.world.emulator.admin.override_deal(1001, crm_id, {"purchase_order": None})
    acme.pay([bad, worse], paid=True)
    for attempts in (1, 2):
        assert acme.run().counts == {"failed": 2}
        assert acme.world.query("SELECT attempts FROM writeback_problems") == [(attempts,)] * 2
    acme.world.emulator.admin.override_deal(1001, bad, {"purchase_order": "PO-1"})
    acme.world.query("SELECT decide_writeback(id, 'dismissed', 'ana') FROM writeback_problems WHERE crm_id = %s", worse)
    assert acme.run().counts == {"sent": 1}
    assert acme.run() is None
    assert acme.problems() == []
    acme.pay([worse], "200", paid=True)
    assert acme.run().counts == {"failed": 1}, "another commission is another attempt"


def test_the_task_fails_when_too_many_rows_fail_and_says_which(acme, ids):
    acme.flag("on", max_failed_rows=0, max_failed_percent=1)
    acme.world.emulator.admin.set_knobs(
        1001, conditional_requirement={"property": "commission_paid", "value": "true", "requires": "purchase_order"}
    )
    acme.world.emulator.admin.override_deal(1001, ids[0], {"purchase_order": None})
    acme.pay(ids[:1], paid=True)
    acme.pay(ids[1:50])
    with pytest.raises(TooManyFailed, match=f"1 of 50 rows failed: deal {ids[0]}: .*purchase_order is required"):
        acme.run()
    assert acme.states() == {"sent": 49, "failed": 1}


def test_amounts_keep_every_digit_and_empty_values_are_cleared(acme, ids):
    amounts = ["0.10", "123456789012345678.123456789012345678", "-5", "1000000000000", None]
    for crm_id, amount in zip(ids, amounts, strict=False):
        acme.pay([crm_id], amount)
    acme.run()
    assert [acme.in_hubspot()[i][0] for i in ids[: len(amounts)]] == [a or "" for a in amounts]
    acme.pay(ids[:1], None, approved_date=None)
    acme.run()
    assert acme.in_hubspot()[ids[0]] == ("", "approved", "", "false")


def test_dates_are_the_day_at_midnight_utc(acme, ids):
    acme.pay(ids[:1], approved_date="2026-02-28")
    acme.run()
    assert acme.in_hubspot()[ids[0]][NAMES.index("commission_approved_date")] == "2026-02-28"


def test_a_merged_deals_commission_follows_to_the_survivor(acme, ids):
    with acme.world.client() as client:
        merge = {"primaryObjectId": ids[0], "objectIdToMerge": ids[1]}
        client.sdk.call("POST", "/crm/v3/objects/deals/merge", body=merge)
    acme.pay(ids[1:2], "77")
    assert acme.run().counts == {"sent": 1}
    assert acme.in_hubspot()[ids[0]][0] == "77"
    assert acme.world.query("SELECT crm_id, merged_from_crm_id FROM commission_writebacks") == [(ids[0], ids[1])]
    assert acme.run() is None


def test_a_merge_into_a_third_record_is_followed_too(acme, ids):
    acme.world.emulator.admin.set_knobs(1001, merge_makes_third=True)
    with acme.world.client() as client:
        merge = {"primaryObjectId": ids[0], "objectIdToMerge": ids[1]}
        third = client.sdk.call("POST", "/crm/v3/objects/deals/merge", body=merge)["id"]
    acme.pay(ids[:1], "77")
    acme.run()
    assert acme.in_hubspot()[third][0] == "77"


def test_two_commissions_that_a_merge_brought_together_are_for_a_person_to_decide(acme, ids):
    acme.pay(ids[:2], "10")
    with acme.world.client() as client:
        merge = {"primaryObjectId": ids[0], "objectIdToMerge": ids[1]}
        client.sdk.call("POST", "/crm/v3/objects/deals/merge", body=merge)
    assert acme.run().counts == {"sent": 1, "failed": 1}
    assert acme.problems() == [
        (ids[1], "failed", f"merged into deal {ids[0]}, which has another commission; decide which one counts")
    ]


def test_a_lost_answer_is_read_before_anything_is_repeated(acme, ids):
    acme.pay_each(ids[:1_000])
    planned = acme.plan()
    acme.calls()
    acme.world.emulator.admin.set_faults(1001, {"reset_after_commit": 0.4})
    assert acme.apply(planned).counts == {"sent": 1_000}
    # Every write took effect although answers were lost, so none was made twice.
    assert acme.calls()["deals.batch.update"] == 10
    assert acme.world.value("SELECT count(*) FROM commission_writebacks WHERE verified_at IS NOT NULL") >= 100
    assert acme.in_hubspot() == acme.in_table()


def test_a_limit_in_the_middle_is_waited_for(acme, ids):
    acme.pay(ids[:300])
    acme.world.emulator.admin.set_faults(1001, {"rate_limited_retry_after": 0.3, "retry_after_seconds": 0.05})
    assert acme.run().counts == {"sent": 300}
    assert acme.in_hubspot() == acme.in_table()
