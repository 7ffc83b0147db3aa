"""Splits of deals, exchange rates, and what is calculated from them."""

from dataclasses import replace
from decimal import Decimal

import pytest

from hubspot_calls import caller, inputs
from hubspot_emulator import PortalSpec, running_emulator
from hubspot_emulator.spec import ALL_SCOPES

PORTAL = PortalSpec("acme", 1001, 300, "pat-na1-acme")
PLAIN = PortalSpec("globex", 1002, 20, "pat-na1-globex", sales_edition="professional", currency="EUR")
POOR = replace(PLAIN, company="hooli", portal_id=1003, token="pat-na1-hooli", scopes=("crm.objects.deals.read",))
READ, UPSERT = "/crm/v3/objects/deals/splits/batch/read", "/crm/v3/objects/deals/splits/batch/upsert"
RATES = "/settings/v3/currencies/exchange-rates"


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([PORTAL, PLAIN, POOR], limits=False) as running:
        yield running


@pytest.fixture
def call(emulator):
    return caller(emulator.url, PORTAL.token)


@pytest.fixture
def admin(emulator):
    return emulator.admin


def shares(deal):
    return {s["properties"]["hubspot_owner_id"]: s["properties"]["hs_deal_split_percentage"] for s in deal["splits"]}


def test_splits_are_read_by_deal_and_add_up_to_one(call, admin):
    truth, deals = admin.truth_splits(1001), admin.truth_ids(1001)[:100]
    answer = call("POST", READ, inputs(*deals))
    assert answer.status == 200
    read = {deal["id"]: shares(deal) for deal in answer.json()["results"]}
    assert read == {deal: truth.get(deal, {}) for deal in deals}
    assert {sum(map(Decimal, s.values())) for s in read.values() if s} == {Decimal(1)}
    dated = call("POST", "/deal-splits/2026-09/batch/read", inputs(*deals)).json()
    assert dated["results"] == answer.json()["results"]
    assert call("POST", "/crm/objects/2026-09/deals/splits/batch/read", inputs(*deals)).status == 404


def test_a_deal_says_itself_whether_and_among_whom_it_is_split(admin):
    truth = admin.truth_splits(1001)
    for deal in admin.truth(1001):
        properties = deal["properties"]
        assert properties["hs_is_deal_split"] == ("true" if deal["id"] in truth else "false")
        assert set((properties["hs_all_deal_split_owner_ids"] or "").split(";")) - {""} == set(
            truth.get(deal["id"], ())
        )


def test_a_deal_without_splits_may_also_be_left_out(call, admin):
    deals = admin.truth_ids(1001)[:100]
    admin.set_knobs(1001, empty_splits=False)
    answer = call("POST", READ, inputs(*deals))
    admin.set_knobs(1001, empty_splits=True)
    assert answer.status == 200
    assert {deal["id"] for deal in answer.json()["results"]} == set(deals) & set(admin.truth_splits(1001))


def test_a_deal_that_is_not_there_is_an_error_entry(call, admin):
    answer = call("POST", READ, inputs("999", admin.truth_ids(1001)[0]))
    assert (answer.status, answer.json()["errors"][0]["context"]["ids"]) == (207, ["999"])


def test_a_split_is_set_anew_and_moves_the_modified_time(call, admin):
    deal = admin.truth_ids(1001)[50]
    before = call("GET", f"/crm/v3/objects/deals/{deal}").json()["updatedAt"]
    wanted = [{"ownerId": 70001, "percentage": 0.25}, {"ownerId": 70002, "percentage": 0.75}]
    answer = call("POST", UPSERT, {"inputs": [{"id": deal, "splits": wanted}]}).json()
    assert shares(answer["results"][0]) == {"70001": "0.25", "70002": "0.75"} == admin.truth_splits(1001)[deal]
    assert call("GET", f"/crm/v3/objects/deals/{deal}").json()["updatedAt"] > before


@pytest.mark.parametrize("parts", [[0.5], [0.5, 0.6], [0.123456789, 0.876543211]])
def test_splits_that_do_not_add_up_are_refused(call, admin, parts):
    wanted = [{"ownerId": 70001 + n, "percentage": part} for n, part in enumerate(parts)]
    answer = call("POST", UPSERT, {"inputs": [{"id": admin.truth_ids(1001)[0], "splits": wanted}]})
    assert (answer.status, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_splits_need_an_edition_and_a_scope(emulator):
    assert caller(emulator.url, PLAIN.token)("POST", READ, inputs("1")).status == 403
    assert caller(emulator.url, POOR.token)("POST", READ, inputs("1")).json()["category"] == "MISSING_SCOPES"
    assert "crm.dealsplits.read_write" in ALL_SCOPES


@pytest.mark.parametrize("path", [RATES, "/settings/currencies/2026-03/exchange-rates"])
def test_rates_are_listed_with_their_history_and_as_they_hold_now(call, path):
    current = {r["fromCurrencyCode"]: r for r in call("GET", f"{path}/current").json()["results"]}
    assert set(current) == {"EUR", "GBP", "JPY", "KWD"}
    assert {r["toCurrencyCode"] for r in current.values()} == {"USD"}
    first = call("GET", f"{path}?limit=5&fromCurrencyCode=EUR").json()
    rest = call("GET", f"{path}?fromCurrencyCode=EUR&after={first['paging']['next']['after']}").json()["results"]
    effective = [r["effectiveAt"] for r in first["results"] + rest]
    assert effective == sorted(set(effective))
    assert current["EUR"] in rest
    assert call("GET", f"{path}/{current['EUR']['id']}").json() == current["EUR"]


def test_the_company_has_a_currency(emulator, call):
    home = "/settings/v3/currencies/company-currency"
    assert call("GET", home).json()["id"] == "USD"
    assert caller(emulator.url, PLAIN.token)("GET", home).json()["id"] == "EUR"
    assert caller(emulator.url, POOR.token)("GET", home).status == 403
    codes = call("GET", "/settings/v3/currencies/codes").json()["results"]
    assert [c["currencyCode"] for c in codes] == ["USD", "EUR", "GBP", "JPY", "KWD"]


def amounts(admin):
    return {
        r["id"]: (p["amount"], p["hs_exchange_rate"], p["amount_in_home_currency"], p["hs_is_closed"], r["updatedAt"])
        for r in admin.truth(1001)
        if (p := r["properties"])["deal_currency_code"] == "GBP" and p["amount"]
    }


def test_a_new_rate_changes_open_deals_without_a_new_modified_time(call, admin):
    before = amounts(admin)
    body = {"fromCurrencyCode": "GBP", "conversionRate": 1.5}
    assert call("POST", RATES, body).status == 200
    after = amounts(admin)
    changed = {i for i in before if after[i] != before[i]}
    assert changed == {i for i, (*_, closed, _) in before.items() if closed == "false"}
    assert {after[i][1] for i in changed} == {"1.5"}
    assert all(Decimal(after[i][2]) == Decimal(after[i][0]) * Decimal("1.5") for i in changed)
    assert all(after[i][4] == before[i][4] for i in changed)


def test_the_amount_of_a_line_item_is_calculated_and_cannot_be_set(call, admin):
    for item in admin.truth(1001, "line_items"):
        p = item["properties"]
        if p["price"] is None:
            assert p["amount"] is None
            continue
        price, quantity = Decimal(p["price"]), Decimal(p["quantity"])
        off = Decimal(p["discount"] or 0) or price * Decimal(p["hs_discount_percentage"] or 0) / 100
        assert Decimal(p["amount"]) == (price - off) * quantity
    answer = call("PATCH", f"/crm/v3/objects/line_items/{item['id']}", {"properties": {"amount": "1"}})
    assert "READ_ONLY_VALUE" in answer.json()["message"]


def test_the_amount_of_a_line_item_can_change_without_a_new_modified_time(admin):
    item = admin.edit_everything(1001, count=1, weights={"silent": 1})["by_type"]["line_items"][0]
    before = next(r for r in admin.truth(1001, "line_items") if r["id"] == item)
    changed = admin.override(1001, item, {"price": "12.50", "discount": None}, "line_items", bump=False)
    assert changed["updatedAt"] == before["updatedAt"]
    assert changed["properties"]["amount"] != before["properties"]["amount"]
