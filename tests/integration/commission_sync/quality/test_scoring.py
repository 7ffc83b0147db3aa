"""A flawless company scores 100; each damage costs points in its own dimension, names the rows, and can be mended."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from commission_sync.store import migrate
from commission_sync.streams.standard import STREAMS
from flawless import Company, make_flawless
from hubspot_emulator import PortalSpec, running_emulator
from world import World, register

DIMENSIONS = {"completeness", "validity", "freshness", "consistency", "parity"}


@pytest.fixture(scope="module")
def original(postgres):
    portal = PortalSpec("acme", 1001, 12, "pat-na1-acme", activities_per_deal=1)
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE flawless")
    migrate(postgres.dsn("flawless"))
    with running_emulator([portal], limits=False) as emulator:
        dsn = postgres.dsn("flawless")
        yield make_flawless(World(emulator, portal, dsn, register(dsn, portal)))


@pytest.fixture
def flawless(postgres, original):
    """A flawless company in a database of the test's own."""
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE flawless_copy TEMPLATE flawless")
        copy = Company(replace(original.world, dsn=postgres.dsn("flawless_copy")), original.deals, original.items)
        yield copy
        copy.take_back()
        admin.execute("DROP DATABASE flawless_copy WITH (FORCE)")


def row(company, stream="deals") -> Any:
    with psycopg.connect(company.world.dsn, row_factory=namedtuple_row) as conn:
        return conn.execute(
            "SELECT * FROM data_quality_scores WHERE stream = %s ORDER BY day DESC", (stream,)
        ).fetchone()


def test_a_flawless_company_scores_100(flawless):
    scored = flawless.score(STREAMS)
    assert {name: s.score.score for name, s in scored.items()} == dict.fromkeys(scored, 100)
    kept = row(flawless)
    assert (kept.score, kept.reason, kept.records, kept.scored_by) == (100, None, 12, "cli:me")
    assert kept.money == flawless.world.value("SELECT sum(amount) FROM deals")
    assert set(kept.parts) == DIMENSIONS
    assert all(part["score"] == "100.00" and part["count"] == 0 for part in kept.parts.values())
    assert flawless.findings() == set()


def test_each_damage_of_a_deal_costs_points_in_its_own_dimension_names_the_deal_and_mends(flawless):
    deal = flawless.deals[1]
    last = flawless.deals[-1]
    for properties, dimension, rule, crm_id in (
        ({"closedate": None}, "completeness", "close_date_missing", deal),
        ({"hubspot_owner_id": None}, "completeness", "owner_missing", deal),
        ({"amount": None, "dealstage": "contractsent"}, "completeness", "amount_missing", deal),
        ({"amount": "a lot"}, "validity", "rejected", deal),
        ({"deal_currency_code": "QQQ"}, "validity", "currency_unknown", last),
        ({"hubspot_owner_id": "4711"}, "validity", "owner_unknown", deal),
        ({"dealstage": "limbo"}, "validity", "stage_unknown", last),
        ({"amount": "12"}, "consistency", "line_items_differ", deal),
        ({"amount": None}, "consistency", "won_without_amount", deal),
    ):
        flawless.put(crm_id, **properties)
        flawless.world.sync()
        assert (flawless.damaged(), flawless.findings()) == ({dimension}, {(dimension, rule, crm_id)})
        flawless.take_back()
        flawless.world.sync()
        assert flawless.score()["deals"].score.score == 100, rule


def test_splits_that_do_not_add_up_are_found(flawless):
    acme = flawless.world
    owner = acme.value("SELECT crm_id FROM crm_owners LIMIT 1")
    acme.execute(
        "INSERT INTO deal_splits (integration_id, company_id, deal_id, owner_crm_id, percentage) "
        f"SELECT integration_id, company_id, id, '{owner}', 0.9 FROM deals WHERE crm_id = '{flawless.deals[2]}' "
        "ON CONFLICT (deal_id, owner_crm_id) DO UPDATE SET percentage = 0.9"
    )
    assert flawless.damaged() == {"consistency"}
    assert flawless.findings() == {("consistency", "splits_differ", flawless.deals[2])}


def test_each_damage_of_a_line_item_is_found(flawless):
    acme = flawless.world
    deal = flawless.deals[1]
    item = flawless.items[deal][0]
    flawless.put(item, "line_items", hs_line_item_currency_code="EUR")
    acme.sync_all()
    assert flawless.damaged("line_items") == {"consistency"}
    assert flawless.findings("line_items") == {("consistency", "currency_differs", item)}
    flawless.put(item, "line_items", hs_line_item_currency_code=None, price=None)
    acme.sync_all()
    assert flawless.damaged("line_items") == {"completeness"}
    assert flawless.findings("line_items") == {("completeness", "total_missing", item)}
    flawless.put(item, "line_items", price="100")
    acme.detach(deal, item)
    flawless.catch_up()
    assert flawless.damaged("line_items") == {"consistency"}
    assert flawless.findings("line_items") == {("consistency", "without_deal", item)}
    assert flawless.findings("deals") == {("consistency", "line_items_differ", deal)}
    acme.attach(deal, item)


def test_fields_that_the_mapping_requires_are_a_matter_of_completeness_and_unsound_ones_of_validity(flawless):
    acme, (empty, odd) = flawless.world, flawless.deals[2:4]
    acme.execute(
        """UPDATE crm_integrations SET calculated_fields = '{"twice": "len * 2"}', property_mappings = '{
            "partner_name": {"field": "partner", "required": true},
            "sales_region": {"field": "len", "type": "number", "values": {"EMEA": "1"}, "default": "1"}}'"""
    )
    for deal in flawless.deals:
        flawless.put(deal, sales_region="EMEA")
    flawless.put(empty, partner_name=None)
    flawless.put(odd, sales_region="APAC")
    acme.sync()
    assert flawless.damaged() == {"completeness", "validity"}
    assert flawless.findings() == {
        ("completeness", "required_field_missing", empty),
        ("validity", "field_unsound", odd),
    }


def test_data_that_are_late_or_unproven_lose_points_by_the_delay(flawless):
    acme = flawless.world
    acme.execute("UPDATE sync_cursors SET cursor_at = cursor_at - interval '5 hours 30 minutes' WHERE stream = 'deals'")
    scored = flawless.score()["deals"].score
    assert {n for n, part in scored.parts.items() if part.score != 100} == {"freshness"}
    assert 49 < scored.parts["freshness"].score < 51
    assert flawless.findings() == {("freshness", "late", None)}
    acme.sync()
    assert flawless.score()["deals"].score.score == 100
    acme.execute("UPDATE sync_receipts SET completed_at = NULL WHERE window_from IS NULL AND stream = 'deals'")
    assert flawless.damaged() == {"freshness"}
    assert flawless.findings() == {("freshness", "receipt_missing", None)}


def test_figures_that_differ_from_hubspots_cost_what_they_differ_by(flawless):
    acme, last = flawless.world, flawless.deals[-1]
    total = acme.value("SELECT sum(amount) FROM deals")
    acme.execute(f"UPDATE deals SET amount = 100 WHERE crm_id = '{last}'")
    acme.reconcile()
    scored = flawless.score()["deals"].score
    assert {n for n, part in scored.parts.items() if part.score != 100} == {"parity"}
    ((loss, points),) = scored.parts["parity"].findings
    assert (loss.money, loss.crm_id) == (200, None)
    assert f"{total}" in loss.what
    assert f"{total - 200}" in loss.what
    assert scored.score < 100
    assert points > 0


def test_the_same_fault_costs_more_where_more_money_hangs_on_it(flawless):
    small, large = flawless.deals[-1], flawless.deals[0]
    flawless.put(small, closedate=None)
    flawless.world.sync()
    cheap = flawless.score()["deals"].score
    flawless.take_back()
    flawless.put(large, closedate=None)
    flawless.world.sync()
    dear = flawless.score()["deals"].score
    assert cheap.score > Decimal("99.9")
    assert dear.score < Decimal(76)
    kept = row(flawless)
    points = flawless.world.value("SELECT sum(points_lost) FROM data_quality_findings WHERE stream = 'deals'")
    assert abs(points - (100 - kept.score)) < Decimal("0.01")


def test_a_lost_deal_need_not_be_complete(flawless):
    flawless.put(flawless.deals[-1], dealstage="closedlost", closedate=None, hubspot_owner_id=None, amount=None)
    flawless.world.sync()
    assert flawless.score()["deals"].score.score == 100


def test_what_happened_to_one_company_costs_another_nothing(flawless):
    acme = flawless.world
    acme.execute(
        """
        INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('globex', 2, 'x');
        INSERT INTO deals (integration_id, company_id, crm_id, amount, currency, pipeline, stage, is_closed, is_won,
                           owner_crm_id, closed_at, crm_updated_at)
        SELECT i.id, 'globex', crm_id, amount, d.currency, pipeline, stage, is_closed, is_won, owner_crm_id, closed_at,
               crm_updated_at
        FROM deals d, crm_integrations i WHERE i.company_id = 'globex';
        INSERT INTO sync_cursors (integration_id, stream, cursor_at)
        SELECT i.id, stream, cursor_at FROM sync_cursors, crm_integrations i WHERE i.company_id = 'globex'
        """
    )
    globex = acme.value("SELECT id FROM crm_integrations WHERE company_id = 'globex'")
    before = flawless.score(integration_id=globex)["deals"].score
    flawless.put(flawless.deals[0], amount="a lot", closedate=None)
    flawless.put(flawless.deals[1], hubspot_owner_id=None)
    acme.sync()
    assert flawless.damaged() == {"completeness", "validity"}
    assert flawless.score(integration_id=globex)["deals"].score == before
    assert acme.query("SELECT DISTINCT crm_id FROM data_quality_findings WHERE integration_id = %s", globex) == [
        (None,)
    ]


def test_the_newest_scoring_of_a_day_stands_and_old_findings_go_while_scores_stay(flawless):
    acme, start = flawless.world, datetime.now(UTC)
    acme.execute(f"UPDATE deals SET closed_at = NULL WHERE crm_id IN ('{flawless.deals[0]}', '{flawless.deals[1]}')")
    flawless.score(now=start)
    acme.execute(f"UPDATE deals SET owner_crm_id = NULL, closed_at = now() WHERE crm_id = '{flawless.deals[1]}'")
    for _ in range(2):
        flawless.score(now=start)
        assert flawless.findings() == {
            ("completeness", "close_date_missing", flawless.deals[0]),
            ("completeness", "owner_missing", flawless.deals[1]),
        }
    assert acme.value("SELECT count(*) FROM data_quality_scores") == 2
    flawless.score(now=start + timedelta(days=1))
    assert acme.value("SELECT count(DISTINCT day) FROM data_quality_findings") == 2
    flawless.score(now=start + timedelta(days=100))
    assert acme.value("SELECT count(DISTINCT day) FROM data_quality_findings") == 1
    assert acme.value("SELECT count(*) FROM data_quality_scores") == 6


def test_where_there_is_nothing_to_judge_there_is_no_score(world):
    acme = world(0)
    company = Company(acme)
    acme.execute("UPDATE crm_integrations SET feature_flags = '{\"line_items\": false}'")
    acme.sync()
    scored = {name: (s.score.score, s.score.reason) for name, s in company.score(STREAMS).items()}
    assert scored["deals"] == (None, "no record is stored")
    assert scored["line_items"] == (None, "switched off by the feature flag line_items")
    assert scored["emails"] == (None, "it was never read completely")
    assert row(company).reason == "no record is stored"


def test_records_that_could_not_be_stored_are_no_reason_for_a_good_score(world):
    acme = world(2)
    for deal in acme.emulator.admin.truth_ids(1001):
        acme.emulator.admin.override_deal(1001, deal, {"amount": "a lot"})
    acme.execute('UPDATE crm_integrations SET property_mappings = \'{"nothing": {"field": "x", "type": "number"}}\'')
    acme.sync()
    scored = Company(acme).score()["deals"]
    assert (scored.records, scored.score.score, scored.score.parts["validity"].count) == (0, 0, 3)


def test_only_the_dearest_findings_are_kept_and_all_are_counted(world, monkeypatch):
    monkeypatch.setattr("commission_sync.quality.judging.KEPT_FINDINGS", 3)
    acme = world(60)
    acme.sync()
    acme.execute("UPDATE deals SET is_won = true, is_closed = true, closed_at = NULL, owner_crm_id = NULL")
    company = Company(acme)
    part = company.score()["deals"].score.parts["completeness"]
    assert (part.count, len(part.findings)) == (120, 3)
    moneys = [loss.money for loss, _ in part.findings]
    assert moneys == sorted(moneys, reverse=True)
    assert part.score == 0
