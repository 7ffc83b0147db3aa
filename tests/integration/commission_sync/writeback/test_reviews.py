"""A deal that changes after its commission was approved is for a person to decide on, never a silent rewrite."""

import psycopg
import pytest


def edit(back, crm_id, **properties):
    back.world.emulator.admin.override_deal(1001, crm_id, properties)
    back.world.sync()


def reviews(back):
    return back.world.query("SELECT changes, commission_status, state FROM commission_reviews ORDER BY opened_at")


@pytest.fixture
def changed(acme, ids):
    """An approved commission is written; then the deal's amount changes, and the engine works out another amount."""
    acme.world.emulator.admin.override_deal(1001, ids[0], {"amount": "1000.0"})
    acme.world.sync()
    acme.pay(ids[:2])
    acme.run()
    edit(acme, ids[0], amount="5000")
    acme.pay(ids[:1], "500")
    return ids[0]


def test_a_change_that_affects_pay_opens_a_review_and_holds_the_deal(acme, changed):
    planned = acme.plan()
    assert (planned.plan, planned.reviews.opened, planned.reviews.open) == (None, 1, 1)
    assert reviews(acme) == [({"amount": ["1000", "5000"]}, "approved", "open")]
    assert acme.in_hubspot()[changed][0] == "100.00"


def test_a_change_that_does_not_affect_pay_opens_none(acme, ids):
    acme.pay(ids[:1])
    edit(acme, ids[0], dealname="Another", description="text", hs_next_step="call")
    acme.world.execute(f"UPDATE deals SET amount = amount * 1.000 WHERE crm_id = '{ids[0]}'")
    acme.plan()
    assert reviews(acme) == []


def test_more_changes_stay_in_one_review_and_one_that_goes_back_closes_it(acme, changed):
    acme.plan()
    edit(acme, changed, amount="6000", dealstage="closedlost")
    acme.plan()
    ((changes, _, state),) = reviews(acme)
    assert (changes["amount"], state) == (["1000", "6000"], "open")
    acme.world.query(
        "UPDATE deals d SET amount = 1000, is_closed = (i ->> 'is_closed')::bool, is_won = (i ->> 'is_won')::bool "
        "FROM commission_fingerprints f, LATERAL (SELECT f.inputs -> 'columns' AS i) now "
        "WHERE f.deal_id = d.id AND d.crm_id = %s RETURNING d.id",
        changed,
    )
    acme.plan()
    assert [state for _, _, state in reviews(acme)] == ["reverted"]


@pytest.mark.parametrize("decision", ["keep", "offset"])
def test_a_decision_lets_the_commission_go_on_until_the_next_change(acme, changed, decision):
    acme.plan()
    acme.world.query("SELECT decide_review(id, %s, 'ana', 'agreed with sales') FROM commission_reviews", decision)
    assert acme.run().counts == {"sent": 1}
    edit(acme, changed, amount="7000")
    acme.plan()
    assert [(changes["amount"], state) for changes, _, state in reviews(acme)] == [
        (["1000", "5000"], decision),
        (["5000", "7000"], "open"),
    ]


def test_reopening_by_the_engine_closes_the_review(acme, changed):
    acme.plan()
    acme.pay([changed], "500", status="pending", approved_date=None)
    assert [state for _, _, state in reviews(acme)] == ["reopen"]
    edit(acme, changed, amount="1")
    acme.run()
    assert len(reviews(acme)) == 1, "a pending commission may follow its deal"


def test_an_archived_deal_of_an_approved_commission_is_a_change(acme, ids):
    acme.pay(ids[:1])
    acme.world.execute(f"UPDATE deals SET archived_at = now() WHERE crm_id = '{ids[0]}'")
    acme.plan()
    assert reviews(acme)[0][0] == {"archived": [False, True]}


def test_the_deals_own_pay_is_watched_whatever_a_company_maps(acme, ids):
    acme.world.execute("UPDATE deals SET mapped = jsonb_build_object('arr', 10, 'term', 12)")
    acme.pay(ids[:1])
    edit(acme, ids[0], amount="5000", hs_is_closed_won="false")
    acme.world.execute("UPDATE deals SET mapped = jsonb_build_object('arr', 10, 'term', 12)")
    acme.plan()
    assert "amount" in reviews(acme)[0][0]


def test_mapped_and_calculated_fields_are_watched_and_those_that_came_or_went_are_not(acme, ids):
    acme.world.execute("UPDATE deals SET mapped = jsonb_build_object('arr', 10, 'term', 12)")
    acme.pay(ids[:1])
    acme.world.execute("UPDATE deals SET mapped = jsonb_build_object('arr', 10, 'seats', 3)")
    acme.plan()
    assert reviews(acme) == [], "another mapping is no change of the deal"
    acme.world.execute("UPDATE deals SET mapped = jsonb_build_object('arr', 11), calculated = '{\"bonus\": \"1\"}'")
    acme.plan()
    assert reviews(acme)[0][0] == {"arr": [10, 11]}


@pytest.fixture
def formula(acme):
    """A company whose formula reads a property that is mapped nowhere."""
    acme.world.execute("""UPDATE crm_integrations SET calculated_fields = '{"bonus": "amount * partner_share"}'""")
    acme.world.execute(
        "INSERT INTO property_catalog (integration_id, object_type, name, label, type, field_type, group_name, "
        "calculated, read_only) SELECT id, 'deals', 'partner_share', 'x', 'number', 'number', 'x', false, false "
        "FROM crm_integrations"
    )


def set_property(acme, crm_id, name, value):
    acme.world.query(
        "UPDATE deals SET properties = properties || jsonb_build_object(%s::text, %s::text) WHERE crm_id = %s RETURNING 1",
        name, value, crm_id,
    )  # fmt: skip


def test_a_property_that_a_formula_reads_is_watched(acme, ids, formula):
    acme.pay(ids[:1])
    set_property(acme, ids[0], "partner_share", "0.2")
    acme.plan()
    assert reviews(acme)[0][0] == {"partner_share": ["", "0.2"]}


def test_our_own_write_back_opens_no_review(acme, ids, formula):
    acme.pay(ids[:2])
    acme.run()
    acme.world.sync()
    acme.pay(ids[:2], "250")
    acme.run()
    acme.world.sync()
    acme.plan()
    assert reviews(acme) == []


def test_a_mapping_that_is_newly_activated_opens_no_review(acme, ids):
    def activate(version, fields):
        acme.world.execute("UPDATE mapping_versions SET is_active = false")
        acme.world.query(
            "INSERT INTO mapping_versions (integration_id, version, author, is_active) "
            "SELECT id, %s, 'ana', true FROM crm_integrations RETURNING 1", version,
        )  # fmt: skip
        acme.world.query("UPDATE deals SET mapped = %s::jsonb RETURNING 1", fields)

    activate(1, '{"arr": 10}')
    acme.pay(ids[:1])
    activate(2, '{"arr": 12}')
    acme.plan()
    assert reviews(acme) == [], "the deal is what it was"
    acme.world.query("UPDATE deals SET mapped = '{\"arr\": 13}'::jsonb RETURNING 1")
    acme.plan()
    assert reviews(acme)[0][0] == {"arr": [12, 13]}


@pytest.fixture
def items(acme, ids):
    """The deal has two line items of one product each."""
    for number, product in enumerate(("P1", "P2")):
        acme.world.query(
            "INSERT INTO deal_line_items (integration_id, company_id, deal_id, crm_id, product_crm_id, quantity, price, "
            "total, properties) SELECT integration_id, company_id, id, %s, %s, 1, 50, 50, '{}' FROM deals "
            "WHERE crm_id = %s RETURNING 1",
            f"L{number}", product, ids[0],
        )  # fmt: skip


def test_products_swapped_at_an_equal_total_are_a_change(acme, ids, items):
    acme.pay(ids[:1])
    acme.world.execute("UPDATE deal_line_items SET product_crm_id = 'P9' WHERE crm_id = 'L1'")
    acme.plan()
    assert list(reviews(acme)[0][0]) == ["line_items"]


def test_a_line_item_that_comes_back_closes_the_review_by_itself(acme, ids, items):
    acme.pay(ids[:1])
    acme.world.execute("UPDATE deal_line_items SET archived_at = now() WHERE crm_id = 'L1'")
    acme.plan()
    acme.world.execute("UPDATE deal_line_items SET archived_at = NULL WHERE crm_id = 'L1'")
    acme.plan()
    assert [state for _, _, state in reviews(acme)] == ["reverted"]


def test_another_split_is_a_change(acme, ids):
    insert = (
        "INSERT INTO deal_splits (integration_id, company_id, deal_id, owner_crm_id, percentage) "
        "SELECT integration_id, company_id, id, %s, 0.5 FROM deals WHERE crm_id = %s "
        "ON CONFLICT (deal_id, owner_crm_id) DO UPDATE SET percentage = 0.25 RETURNING 1"
    )
    acme.world.query(insert, "70001", ids[0])
    acme.pay(ids[:1])
    acme.world.query(insert, "70001", ids[0])
    acme.plan()
    assert list(reviews(acme)[0][0]) == ["splits"]


def test_a_commission_that_a_merge_moves_is_held_against_what_it_was_approved_for(acme, ids):
    for crm_id, amount in zip(ids, ("1000", "7000"), strict=False):
        acme.world.emulator.admin.override_deal(1001, crm_id, {"amount": amount})
    acme.world.sync()
    acme.pay(ids[:1])
    survivor = acme.world.value("SELECT id FROM deals WHERE crm_id = %s", ids[1])
    # As reconciling does: whatever references the loser references the survivor afterwards.
    for table in ("deal_commissions", "commission_fingerprints"):
        acme.world.execute(f"UPDATE {table} SET deal_id = '{survivor}'")
    acme.plan()
    assert reviews(acme)[0][0]["amount"] == ["1000", "7000"]


def test_a_decision_that_there_is_not_is_refused(acme, changed):
    acme.plan()
    with pytest.raises(psycopg.errors.RaiseException, match="use keep, reopen or offset"):
        acme.world.query("SELECT decide_review(id, 'ignore', 'ana') FROM commission_reviews")
