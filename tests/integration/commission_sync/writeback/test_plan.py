"""What is planned, who has to agree, and what is never applied."""

from contextlib import closing

import psycopg
import pytest

from airflow_hubspot.client import MissingScopes
from commission_sync.store import connect
from commission_sync.store.plan_rows import weightiest_rows
from commission_sync.store.plans import close_plan
from commission_sync.streams.portal import WrongPortal
from commission_sync.writeback.company import InvalidWritebackSetting
from commission_sync.writeback.permission import PlanNotOpen
from commission_sync.writeback.planning import BusyPlan
from commission_sync.writeback.schema import UnfitProperty
from commission_sync.writeback.sending import PropertyRefused
from commissions import WriteBack


def plan_states(back):
    return [r[0] for r in back.world.query("SELECT state FROM writeback_plans ORDER BY created_at")]


def test_a_company_that_says_nothing_gets_a_dry_run(acme, ids):
    acme.world.execute("UPDATE crm_integrations SET feature_flags = '{}'")
    acme.pay(ids[:5])
    planned = acme.plan()
    assert (planned.plan.state, planned.plan.rows) == ("dry_run", 5)
    assert acme.calls() == {}
    for mode in ("dry_run", "on"):
        acme.flag(mode)
        with pytest.raises(PlanNotOpen, match=r"is dry.run"):
            acme.apply(planned)
    assert acme.in_hubspot() == {}


def test_the_same_dry_run_is_kept_once_and_another_takes_its_place(acme, ids):
    acme.flag("dry_run")
    acme.pay(ids[:5])
    assert acme.plan().plan.id == acme.plan().plan.id
    acme.pay(ids[:1], "200")
    acme.plan()
    assert plan_states(acme) == ["dry_run"]
    assert acme.states() == {"pending": 5}


def test_off_plans_nothing(acme, ids):
    acme.flag("off")
    acme.pay(ids[:5])
    assert (acme.plan().plan, plan_states(acme)) == (None, [])


def test_a_mode_or_a_setting_that_makes_no_sense_says_what_is_allowed(acme):
    acme.flag("maybe")
    with pytest.raises(
        InvalidWritebackSetting, match="'maybe' is no mode; set it to one of off, dry_run, approval, on"
    ):
        acme.plan()
    acme.flag("on", max_rows=0)
    with pytest.raises(InvalidWritebackSetting, match=r"writeback_settings\.max_rows=0 makes no sense"):
        acme.plan()
    acme.flag("on", properties={"commission_amount": "Amount!"})
    with pytest.raises(InvalidWritebackSetting, match=r"properties\.commission_amount"):
        acme.plan()


def test_a_plan_keeps_old_and_new_values_totals_and_its_expiry(acme, ids):
    acme.pay(ids[:2], "10.50")
    acme.run()
    acme.pay(ids[:1], "20")
    acme.pay(ids[2:3], "1.25", currency="JPY")
    plan = acme.plan().plan
    moved = {c: (t["rows"], t["old"], t["new"], t["moved"], t["all"]) for c, t in plan.totals.items()}
    assert moved == {"USD": (1, "10.50", "20", "9.50", "30.50"), "JPY": (1, "0", "1.25", "1.25", "1.25")}
    assert 23.9 < (plan.expires_at - plan.created_at).total_seconds() / 3600 <= 24
    before, after = acme.world.query(
        "SELECT before, properties FROM commission_writebacks WHERE plan_id = %s AND crm_id = %s", plan.id, ids[0]
    )[0]
    assert (before["commission_amount"], after["commission_amount"]) == ("10.50", "20")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"max_rows": 4}, "5 rows are more than 4"),
        ({"max_moved": "499.99"}, "amounts move by 500.00 USD, more than 499.99"),
    ],
)
def test_a_plan_over_a_cap_waits_for_a_person_although_the_flag_is_on(acme, ids, settings, reason):
    acme.flag("on", **settings)
    acme.pay(ids[:5])
    planned = acme.plan()
    assert (planned.plan.state, planned.plan.approval_reason) == ("awaiting_approval", f"over a cap: {reason}")
    with pytest.raises(PlanNotOpen, match="awaiting approval"):
        acme.apply(planned)
    assert acme.approve(planned)
    assert acme.apply(planned).counts == {"sent": 5}


def test_a_leap_of_all_commissions_against_the_last_run_waits_for_a_person(acme, ids):
    acme.pay(ids[:10])
    assert acme.run().counts == {"sent": 10}
    acme.flag("on", max_change_percent=20)
    acme.pay(ids[10:12])
    assert acme.run().counts == {"sent": 2}, "a fifth more is allowed"
    acme.pay(ids[:2], "250")
    assert "differs by 25.0 % from that at the last run" in acme.plan().plan.approval_reason


def test_a_first_plan_with_a_cap_of_per_cent_waits_for_a_person(acme, ids):
    acme.flag("on", max_change_percent=5)
    acme.pay(ids[:2], "123456")
    planned = acme.plan().plan
    assert planned.state == "awaiting_approval"
    assert "is 246,912, and no applied plan had any to compare it with" in planned.approval_reason


def test_an_undo_counts_each_currency_by_itself(acme, ids):
    for crm_id, currency in zip(ids, ("USD", "EUR", "JPY"), strict=False):
        acme.pay([crm_id], "100", currency=currency)
    acme.run(run_id="wrong")
    acme.flag("on", max_moved="150")
    planned = acme.plan(undo_run_id="wrong").plan
    assert {currency: total["moved"] for currency, total in planned.totals.items()} == dict.fromkeys(
        ("EUR", "JPY", "USD"), "100"
    )
    assert planned.state == "planned", "no currency moves by more than 150"


def test_the_weightiest_rows_are_told_by_their_worth_in_the_companys_own_currency(acme, ids):
    acme.world.execute("UPDATE crm_integrations SET base_currency = 'USD'")
    for crm_id, currency, rate, amount in zip(
        ids, ("JPY", "EUR", "USD", "KWD"), ("0.01", "1.2", "1", None), ("5000", "100", "90", "1"), strict=False
    ):
        acme.world.query(
            "UPDATE deals SET currency = %s, fx_rate = %s::numeric WHERE crm_id = %s RETURNING 1",
            currency,
            rate,
            crm_id,
        )
        acme.pay([crm_id], amount, currency=currency)
    plan = acme.plan().plan
    with psycopg.connect(acme.world.dsn) as conn:
        rows = weightiest_rows(conn, plan.id, "commission_amount", limit=10)
    assert [row.currency for row in rows] == ["KWD", "EUR", "USD", "JPY"]


def test_rejecting_leaves_hubspot_untouched_and_the_next_run_asks_again(acme, ids):
    acme.flag("approval")
    acme.pay(ids[:5])
    planned = acme.plan()
    with closing(connect(acme.world.dsn)) as conn, conn.transaction():
        assert close_plan(conn, planned.plan.id, "rejected", "ana rejected the plan", "ana")
        assert not close_plan(conn, planned.plan.id, "rejected", "again", "ana")
    assert not acme.approve(planned)
    with pytest.raises(PlanNotOpen, match="is rejected"):
        acme.apply(planned)
    assert (acme.in_hubspot(), acme.states()) == ({}, {"skipped": 5})
    assert acme.calls() == {}
    assert acme.plan().plan.state == "awaiting_approval"


def test_an_expired_plan_is_neither_approved_nor_applied_and_makes_way_for_another(acme, ids):
    acme.flag("approval")
    acme.pay(ids[:5])
    planned = acme.plan()
    acme.world.execute("UPDATE writeback_plans SET expires_at = now()")
    assert not acme.approve(planned)
    acme.flag("on")
    fresh = acme.plan()
    assert plan_states(acme) == ["expired", "planned"]
    acme.world.execute("UPDATE writeback_plans SET expires_at = now() WHERE state = 'planned'")
    with pytest.raises(PlanNotOpen, match="is expired"):
        acme.apply(fresh)
    assert acme.in_hubspot() == {}


@pytest.mark.parametrize("mode", ["off", "dry_run"])
def test_a_plan_is_not_applied_once_the_flag_is_turned_down(acme, ids, mode):
    acme.flag("approval")
    acme.pay(ids[:5])
    planned = acme.plan()
    acme.approve(planned)
    acme.flag(mode)
    with pytest.raises(PlanNotOpen, match=f"write-back is {mode} by now"):
        acme.apply(planned)
    assert (acme.in_hubspot(), acme.calls()) == ({}, {})


def test_a_plan_that_waits_for_a_person_is_not_replaced_by_the_next_run(acme, ids):
    acme.flag("approval")
    acme.pay(ids[:5])
    first = acme.plan(run_id="first")
    assert "the plan of run first waits for a person" in acme.plan(run_id="second").why
    assert acme.plan(run_id="first").plan.id == first.plan.id, "a retry goes on with its own"


def test_a_commission_that_changes_while_its_plan_waits_is_left_to_the_next_plan(acme, ids):
    acme.flag("approval")
    acme.pay(ids[:2])
    planned = acme.plan()
    acme.pay(ids[:1], "999")
    acme.approve(planned)
    assert acme.apply(planned).counts == {"sent": 1, "skipped": 1}
    assert list(acme.in_hubspot()) == ids[1:2]
    again = acme.plan()
    acme.approve(again)
    acme.apply(again)
    assert acme.in_hubspot() == acme.in_table()


def test_two_runs_side_by_side_do_not_apply_at_once_and_a_dead_one_is_taken_over(acme, ids):
    acme.pay(ids[:5])
    acme.plan(run_id="first")
    acme.world.execute("UPDATE writeback_plans SET worked_at = now()")
    with pytest.raises(BusyPlan, match="run first is applying"):
        acme.plan(run_id="second")
    acme.world.execute("UPDATE writeback_plans SET worked_at = now() - interval '6 minutes'")
    acme.apply(acme.plan(run_id="second"))
    assert plan_states(acme) == ["superseded", "applied"]
    assert acme.in_hubspot() == acme.in_table()


def test_a_status_that_the_portal_does_not_know_is_refused_before_any_call(acme, ids):
    acme.pay(ids[:1])
    acme.run()
    acme.calls()
    acme.world.execute(
        "UPDATE property_catalog SET options = (SELECT jsonb_agg(o) FROM jsonb_array_elements(options) o "
        "WHERE o ->> 'value' <> 'cancelled') WHERE name = 'commission_status'"
    )
    acme.pay(ids[1:2], status="cancelled")
    acme.pay(ids[2:3], "NaN")
    acme.world.execute(
        "UPDATE deal_commissions SET approved_date = 'infinity' WHERE deal_id IN "
        f"(SELECT id FROM deals WHERE crm_id = '{ids[0]}')"
    )
    applied = acme.run()
    assert applied.counts == {"failed": 3}
    said = {problem.crm_id: problem.last_error for problem in applied.failed}
    assert said[ids[1]].startswith("'cancelled' is no option of commission_status in HubSpot, which has approved, paid")
    assert said[ids[2]].startswith("the amount NaN is not a number")
    assert said[ids[0]] == "the approved_date 'infinity' is not a day of the years 1 to 9999"
    assert acme.calls() == {}


def test_a_company_may_name_the_properties_itself(acme, ids):
    acme.flag("on", properties={"commission_amount": "provision", "commission_paid": "provision_bezahlt"})
    acme.pay(ids[:3], "7")
    acme.run()
    names = ["provision", "commission_status", "commission_approved_date", "provision_bezahlt"]
    assert acme.in_hubspot(names) == acme.in_table()


def test_a_property_that_is_something_else_stops_the_company_before_anything_is_written(acme, ids):
    definition = {"name": "commission_amount", "label": "Mine", "type": "string", "fieldType": "text"}
    acme.world.emulator.admin.create_property(1001, {**definition, "groupName": "dealinformation"})
    acme.pay(ids[:3])
    with pytest.raises(UnfitProperty, match="commission_amount of company 'acme' is of type string, but has to be num"):
        acme.run()
    assert "deals.batch.update" not in acme.calls()


def test_a_property_that_becomes_read_only_is_one_error_and_not_one_per_row(acme, ids):
    acme.pay(ids[:50])
    acme.run()
    with acme.world.client() as client:
        body = {"modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": True}}
        client.sdk.call("PATCH", "/crm/v3/properties/deals/commission_status", body=body)
    acme.pay(ids[:50], "1", status="paid")
    acme.calls()
    with pytest.raises(PropertyRefused, match="read only property"):
        acme.run()
    assert acme.calls()["deals.batch.update"] == 1
    assert acme.states() == {"sent": 50, "pending": 50}, "nothing is lost: the rows go on once it is mended"


def test_a_token_without_the_scope_fails_the_run_and_leaves_the_rows_pending(world):
    back = WriteBack(world(deals=5, scopes=("oauth", "crm.objects.deals.read", "crm.schemas.deals.read")))
    back.world.sync()
    back.flag("on")
    back.pay(back.world.emulator.admin.truth_ids(1001))
    with pytest.raises(MissingScopes, match=r"crm\.schemas\.deals\.write"):
        back.run()
    assert back.states() == {"pending": 5}


def test_a_token_of_another_portal_writes_nothing(acme, ids):
    acme.pay(ids[:5])
    planned = acme.plan()
    acme.world.execute("UPDATE crm_integrations SET portal_id = 4711, verified_token_fingerprint = NULL")
    acme.calls()
    with pytest.raises(WrongPortal, match="has a token of portal 1001, but company 'acme' is portal 4711"):
        acme.apply(planned)
    assert acme.in_hubspot() == {}
