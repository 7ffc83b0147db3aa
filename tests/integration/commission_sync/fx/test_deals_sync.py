"""Deals that a sync lands are converted in the transaction that lands them."""

from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal

import pytest

from commission_sync.fx.amounts import Amounts
from commission_sync.fx.conversion import convert_company
from commission_sync.fx.refresh import FetchRequest
from commission_sync.operators.derivations import derivations
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.store.rates import Rate, save_rates
from commission_sync.streams.deals import DEALS
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.sync import StreamSync

RATES = {"USD": "1.1", "JPY": "160", "GBP": "0.85", "KWD": "0.33"}


def sync(acme, mode=Mode.INCREMENTAL):
    with closing(connect(acme.dsn)) as conn:
        with conn.transaction():
            company = integration(conn, acme.integration_id)
        with acme.client() as client:
            follow = derivations(DEALS, company, Settings())
            request = SyncRequest(mode, "hubspot_deals", f"run-{mode}")
            return StreamSync(DEALS, company, client, conn, Settings(), follow).run(request)


def convert_daily(acme):
    with closing(connect(acme.dsn)) as conn:
        amounts = Amounts(acme.integration_id, Settings())
        return convert_company(conn, amounts, FetchRequest("fx_rates", "run-1"), "acme")


def rates_of_all_days(acme):
    days = [date(2023, 1, 1) + timedelta(days=n) for n in range(0, 1_400)]
    with closing(connect(acme.dsn)) as conn, conn.transaction():
        save_rates(conn, "ecb", [Rate("EUR", quote, day, Decimal(r)) for day in days for quote, r in RATES.items()])


def test_every_deal_with_an_amount_gets_it_in_the_base_currency(world):
    acme = world(400)
    rates_of_all_days(acme)
    sync(acme)
    wrong = acme.query(
        "SELECT crm_id FROM deals WHERE (amount IS NULL) <> (amount_base IS NULL) OR "
        "amount_base <> round(amount * fx_rate, 2) OR (amount IS NOT NULL AND fx_rate_date IS NULL)"
    )
    assert wrong == []
    assert acme.value("SELECT count(DISTINCT fx_pair) FROM deals") == 5
    assert acme.value("SELECT count(*) FROM audit_log WHERE actor = 'fx' AND sync_run_id IS NOT NULL") == acme.value(
        "SELECT count(amount_base) FROM deals"
    )


def test_the_day_of_a_deal_is_the_portals_on_a_first_sync_too(world):
    acme = world(50, time_zone="Asia/Tokyo")
    rates_of_all_days(acme)
    sync(acme)
    assert acme.value("SELECT portal_time_zone FROM crm_integrations") == "Asia/Tokyo"
    assert (
        acme.query(
            "SELECT 1 FROM deals WHERE fx_anchor_date <> "
            "(coalesce(closed_at, crm_created_at) AT TIME ZONE 'Asia/Tokyo')::date"
        )
        == []
    )


def test_deals_without_rates_land_and_wait_and_the_daily_run_converts_them(world, caplog):
    acme = world(300)
    assert sync(acme).inserted == 300
    waiting = acme.value("SELECT count(*) FROM deals_waiting_for_rate")
    assert waiting > 50
    with caplog.at_level("WARNING"):
        assert convert_daily(acme).updated == 0
    assert f"deals wait for a rate company=acme deals={waiting}" in caplog.text
    rates_of_all_days(acme)
    assert convert_daily(acme).updated == waiting
    assert acme.value("SELECT count(*) FROM deals_waiting_for_rate") == 0
    assert acme.query("SELECT state, updated FROM sync_runs WHERE stream = 'fx' ORDER BY started_at") == [
        ("success", 0),
        ("success", waiting),
    ]


def test_a_changed_amount_is_converted_with_the_change(world):
    acme = world(30)
    rates_of_all_days(acme)
    sync(acme)
    crm_id = acme.emulator.admin.truth_ids(1001)[4]
    acme.emulator.admin.override_deal(1001, crm_id, {"amount": "1000.00", "deal_currency_code": "EUR"})
    sync(acme, Mode.FULL)
    assert acme.query("SELECT amount_base, fx_rate FROM deals WHERE crm_id = %s", crm_id) == [
        (Decimal("1100.00"), Decimal("1.1"))
    ]


def test_syncing_again_converts_nothing(world):
    acme = world(30)
    rates_of_all_days(acme)
    sync(acme)
    before = acme.query("SELECT crm_id, xmin::text FROM deals ORDER BY crm_id")
    sync(acme, Mode.FULL)
    assert acme.query("SELECT crm_id, xmin::text FROM deals ORDER BY crm_id") == before


@pytest.mark.parametrize(("flags", "converted"), [('{"fx": false}', False), ('{"fx": true}', True), ("{}", True)])
def test_the_flag_turns_conversion_off_for_one_company(world, flags, converted):
    acme = world(30)
    rates_of_all_days(acme)
    acme.execute(f"UPDATE crm_integrations SET feature_flags = '{flags}'")
    sync(acme)
    assert (acme.value("SELECT count(amount_base) FROM deals") > 0) is converted


@pytest.mark.parametrize("written", ["epoch", "midnight"])
def test_a_date_anchor_is_the_same_day_however_the_portal_writes_it(world, written):
    acme = world(60, time_zone="America/New_York")
    acme.execute("UPDATE crm_integrations SET fx_anchor = 'property:contract_start_date'")
    sync(acme)
    days = "SELECT crm_id, fx_anchor_date FROM deals WHERE properties ? 'contract_start_date' ORDER BY 1"
    as_day = acme.query(days)
    assert any(day for _, day in as_day)
    acme.emulator.admin.set_knobs(1001, dates_as=written)
    sync(acme, Mode.FULL)
    assert acme.query(days) == as_day
