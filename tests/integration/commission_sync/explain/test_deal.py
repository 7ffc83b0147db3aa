"""'Explain this number': every step of a deal's way to its commission and back to HubSpot, from a real sync."""

from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal

import psycopg
import pytest

from commission_sync.explain.deal import explain
from commission_sync.operators.derivations import derivations
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.deal_story import deal_audit, search_deals
from commission_sync.store.integrations import integration
from commission_sync.store.rates import Rate, save_rates
from commission_sync.streams.deals import DEALS
from commission_sync.streams.line_items import LINE_ITEMS
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.sync import StreamSync
from commissions import WriteBack
from hubspot_emulator import PortalSpec, running_emulator
from world import World, register

MAPPINGS = """{"contract_length_months": {"field": "months", "type": "number"},
               "sales_region": {"field": "factor", "type": "number", "values": {"EMEA": "1.5"}, "default": "1"}}"""
FORMULAS = '{"total": "amount * months", "weighted": "round(total * factor, 2)"}'
# All that deals are in, but for pounds.
RATES = {"USD": "1.1", "JPY": "160", "KWD": "0.33"}


def sync(acme):
    """Sync deals as their DAG does, with the conversion of what they are worth."""
    with closing(connect(acme.dsn)) as conn:
        with conn.transaction():
            company = integration(conn, acme.integration_id)
        with acme.client() as client:
            follow = derivations(DEALS, company, Settings())
            request = SyncRequest(Mode.INCREMENTAL, "hubspot_deals", f"run-{next(acme._runs)}")
            StreamSync(DEALS, company, client, conn, Settings(), follow).run(request)


def rates(acme):
    days = [date(2023, 1, 1) + timedelta(days=n) for n in range(1_400)]
    with closing(connect(acme.dsn)) as conn, conn.transaction():
        save_rates(conn, "ecb", [Rate("EUR", quote, day, Decimal(r)) for day in days for quote, r in RATES.items()])


def story(acme, crm_id):
    with closing(connect(acme.dsn)) as conn, conn.transaction():
        return explain(conn, integration(conn, acme.integration_id), crm_id)


@pytest.fixture(scope="module")
def acme(fresh_database):
    """A company that is synced once for all tests; each takes deals of its own."""
    portal = PortalSpec("acme", 1001, 150, "pat-na1-acme", "pro")
    with running_emulator([portal], limits=False) as emulator:
        acme = World(emulator, portal, fresh_database, register(fresh_database, portal))
        acme.execute("CREATE TABLE taken (crm_id text)")
        map_fields(acme)
        rates(acme)
        sync(acme)
        yield acme


def map_fields(acme, formulas=FORMULAS):
    acme.execute(f"UPDATE crm_integrations SET property_mappings = '{MAPPINGS}', calculated_fields = '{formulas}'")


@pytest.fixture
def a_deal(acme):
    """Gives deals with an amount that no other test took, each once."""
    return lambda condition="true": acme.query(
        "INSERT INTO taken SELECT crm_id FROM deals WHERE amount IS NOT NULL AND archived_at IS NULL "
        f"AND crm_id NOT IN (SELECT crm_id FROM taken) AND {condition} ORDER BY crm_id LIMIT 1 RETURNING crm_id"
    )[0][0]


def test_a_number_is_followed_from_hubspots_history_to_what_was_written_back(acme, a_deal):
    acme.sync(stream=LINE_ITEMS)
    deal = a_deal("currency = 'EUR' AND properties ->> 'sales_region' = 'EMEA'")
    acme.reconcile(history_of=(deal,))
    back = WriteBack(acme)
    back.flag("on")
    back.pay([deal], "123.45")
    assert back.run().counts == {"sent": 1}
    sync(acme)

    told = story(acme, deal)
    row = told.deal
    by_name = {source.name: source for source in told.sources}
    amount = by_name["amount"]
    assert amount.value == acme.value("SELECT properties ->> 'amount' FROM deals WHERE crm_id = %s", deal)
    assert amount.history[0].value == amount.value
    assert not amount.differs
    assert amount.history[0].source_type is not None
    assert row.history_read_at is not None
    assert {"sales_region", "contract_length_months"} <= by_name.keys()

    assert (told.mapping.version, told.version.author) == (1, "crm_integrations")
    months, factor = ({step.field: step for step in told.derivation.mapped}[name] for name in ("months", "factor"))
    assert (factor.written, factor.translated, factor.value, factor.stored) == ("EMEA", "1.5", "1.5", "1.5")
    total, weighted = told.derivation.calculated
    used = {one.name: one for one in total.inputs}
    assert (used["amount"].origin, used["months"].origin) == ("property", "mapped field")
    assert Decimal(total.value) == Decimal(used["amount"].value) * Decimal(months.value)
    assert {one.name: one.origin for one in weighted.inputs} == {"total": "calculated field", "factor": "mapped field"}
    assert told.derivation.is_current

    (rate,) = told.conversion.rates
    assert (rate.source, rate.base, rate.quote, rate.rate) == ("ecb", "EUR", "USD", Decimal("1.1"))
    assert row.amount_base == round(row.amount * row.fx_rate, 2)
    assert row.fx_frozen_at is not None

    assert (told.commission.amount, told.commission.status) == (Decimal("123.45"), "approved")
    assert told.commission.inputs_kept_at is not None
    (written,) = told.writebacks
    assert (written.state, written.properties["commission_amount"]) == ("sent", "123.45")
    assert written.stored["commission_amount"] == "123.45"
    assert written.echoed_at is not None
    assert told.line_items
    assert {item.crm_id for item in told.line_items} <= {record for record, of in acme.links() if of == deal}
    assert told.audit[-1].action == "insert"
    assert "echo" in {entry.action for entry in told.audit}


def test_a_deal_without_a_rate_says_what_it_waits_for(acme, a_deal):
    told = story(acme, a_deal("currency = 'GBP'"))
    assert told.deal.amount_base is None
    assert "ecb has no rate for GBP/USD" in told.deal.fx_waiting
    assert told.conversion.rates == []
    assert (told.commission, told.writebacks) == (None, [])


def test_a_value_that_cannot_be_mapped_is_followed_to_all_that_it_spoils(acme, a_deal):
    deal = a_deal("properties ->> 'sales_region' NOT IN ('EMEA', '')")
    told = story(acme, deal)
    factor = {step.field: step for step in told.derivation.mapped}["factor"]
    assert "is not in the value map" in factor.reason
    weighted = told.derivation.calculated[1]
    assert (weighted.value, weighted.reason) == (None, "uses factor, which has no sound value")


def test_fields_that_an_older_mapping_made_are_told_from_what_counts(acme, a_deal):
    deal = a_deal()
    map_fields(acme, '{"total": "amount * 2"}')
    told = story(acme, deal)
    map_fields(acme)
    assert (told.derivation.is_current, told.mapping.is_new_here) == (False, True)
    assert Decimal(told.derivation.calculated[0].value) == told.deal.amount * 2


def test_a_merged_deal_leads_to_its_survivor_and_back(acme, a_deal):
    first, second = a_deal(), a_deal()
    stays = acme.merge(first, second)
    acme.sync()
    acme.reconcile()
    survivor = story(acme, stays)
    assert survivor.deal.merged_from
    for loser in survivor.deal.merged_from:
        assert story(acme, loser).deal.merged_into_crm_id == stays


def test_who_changed_what_where_is_told_by_name(acme, a_deal):
    deal = a_deal()
    acme.execute(
        "INSERT INTO crm_owners (integration_id, crm_id, first_name, last_name, user_id) "
        "SELECT id, '77', 'Ana', 'Lima', '4711' FROM crm_integrations WHERE company_id = 'acme'"
    )
    acme.execute(
        "INSERT INTO property_history (integration_id, object_type, crm_id, property, changed_at, value, source_type, "
        f"source_label, user_id) SELECT id, 'deals', '{deal}', 'amount', now() - n * interval '1 day', n::text, "
        "'CRM_UI', 'CRM UI', CASE n WHEN 0 THEN '4711' WHEN 1 THEN '4712' END "
        "FROM crm_integrations, generate_series(0, 29) n WHERE company_id = 'acme'"
    )
    (amount,) = [source for source in story(acme, deal).sources if source.name == "amount"]
    assert [change.person for change in amount.history[:3]] == ["Ana Lima", "HubSpot user 4712", None]
    assert (len(amount.history), amount.earlier) == (20, 10)
    assert amount.differs


def test_the_audit_trail_is_read_page_by_page(acme, a_deal):
    deal = a_deal()
    for n in range(3):
        acme.emulator.admin.override_deal(1001, deal, {"dealname": f"name {n}"})
        sync(acme)
    with closing(psycopg.connect(acme.dsn)) as conn:
        every = deal_audit(conn, acme.integration_id, deal)
        first = deal_audit(conn, acme.integration_id, deal, most=2)
        rest = deal_audit(conn, acme.integration_id, deal, before=first[-1].id)
    assert [*first, *rest] == every
    assert len(every) >= 4


def test_another_companys_deal_is_not_told(acme, a_deal):
    deal = a_deal()
    acme.execute("INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('globex', 2, 'hubspot_globex')")
    globex = acme.value("SELECT id FROM crm_integrations WHERE company_id = 'globex'")
    with closing(connect(acme.dsn)) as conn, conn.transaction():
        assert explain(conn, integration(conn, globex), deal) is None
        assert search_deals(conn, globex, deal) == []


def test_a_deal_is_found_by_its_id_and_by_a_part_of_its_name(acme, a_deal):
    deal = a_deal()
    acme.execute(f"UPDATE deals SET name = '100%_sure Renewal' WHERE crm_id = '{deal}'")
    with closing(connect(acme.dsn)) as conn:
        assert [hit.crm_id for hit in search_deals(conn, acme.integration_id, f" {deal} ")] == [deal]
        assert [hit.crm_id for hit in search_deals(conn, acme.integration_id, "0%_SURE")] == [deal]
        assert search_deals(conn, acme.integration_id, "nobody's deal") == []
        assert len(search_deals(conn, acme.integration_id, "", most=7)) == 7
