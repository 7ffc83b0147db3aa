"""Which rate counts for a deal, and what its amount becomes."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from commission_sync.settings import Settings
from money import Books, at

FRIDAY, SATURDAY, MONDAY = date(2026, 3, 6), date(2026, 3, 7), date(2026, 3, 9)


@pytest.fixture
def books(database_dsn):
    books = Books.of(database_dsn, base_currency="USD", portal_time_zone="UTC", portal_currency="USD")
    books.add_rates(FRIDAY, {"USD": "1.1000", "JPY": "160.50", "GBP": "0.85"})
    return books


def test_a_deal_gets_amount_rate_date_and_source(books):
    books.add_deal("1", amount=Decimal(1000), currency="EUR", closed_at=at(FRIDAY))
    assert books.convert() == 1
    deal = books.deal("1")
    assert (deal.amount_base, deal.fx_rate, deal.fx_rate_date) == (Decimal("1100.00"), Decimal("1.1"), FRIDAY)
    assert (deal.fx_source, deal.fx_pair, deal.fx_anchor_date, deal.fx_waiting) == ("ecb", "EUR/USD", FRIDAY, None)
    assert books.query("SELECT quote FROM fx_rates WHERE id = ANY (%s)", deal.fx_rate_ids) == [("USD",)]


def test_a_cross_rate_keeps_both_rows_it_was_made_of(books):
    books.add_deal("1", amount=Decimal(100000), currency="JPY", closed_at=at(FRIDAY))
    books.convert()
    deal = books.deal("1")
    assert deal.fx_rate == round(Decimal("1.1000") / Decimal("160.50"), 24)
    assert deal.amount_base == Decimal("685.36")
    assert sorted(books.query("SELECT quote FROM fx_rates WHERE id = ANY (%s)", deal.fx_rate_ids)) == [
        ("JPY",),
        ("USD",),
    ]


def test_the_companys_own_currency_needs_no_rate(books):
    books.add_deal("1", amount=Decimal("12.345"), currency="USD", closed_at=at(FRIDAY))
    books.convert()
    deal = books.deal("1")
    assert (deal.amount_base, deal.fx_rate, deal.fx_rate_date, deal.fx_source, deal.fx_rate_ids) == (
        Decimal("12.35"),
        Decimal(1),
        FRIDAY,
        "identity",
        [],
    )


@pytest.mark.parametrize(
    ("base", "amount", "expected"),
    [
        ("JPY", "0.5", "1"),
        ("JPY", "-0.5", "-1"),
        ("JPY", "2.4999", "2"),
        ("KWD", "1.0005", "1.001"),
        ("USD", "1.005", "1.01"),
        ("RSD", "1.005", "1.01"),
    ],
)
def test_money_is_rounded_half_away_from_zero_to_the_exponent_of_iso_4217(database_dsn, base, amount, expected):
    books = Books.of(database_dsn, base_currency=base)
    books.add_deal("1", amount=Decimal(amount), currency=base, closed_at=at(FRIDAY))
    books.convert()
    assert str(books.deal("1").amount_base) == expected


def test_a_weekend_uses_the_friday_before_and_says_so(books):
    books.add_deal("1", amount=Decimal(1), currency="EUR", closed_at=at(SATURDAY))
    books.convert()
    deal = books.deal("1")
    assert (deal.fx_anchor_date, deal.fx_rate_date) == (SATURDAY, FRIDAY)


def test_a_later_rate_never_counts(books):
    books.add_rates(MONDAY, {"USD": "9"})
    books.add_deal("1", amount=Decimal(1), currency="EUR", closed_at=at(SATURDAY))
    books.convert()
    assert books.deal("1").fx_rate_date == FRIDAY


def test_a_rate_may_be_no_older_than_the_setting_allows(books):
    books.add_deal("7", amount=Decimal(1), currency="EUR", closed_at=at(FRIDAY + timedelta(days=7)))
    books.add_deal("8", amount=Decimal(1), currency="EUR", closed_at=at(FRIDAY + timedelta(days=8)))
    books.convert()
    assert books.deal("7").amount_base == Decimal("1.10")
    assert books.waiting() == {"8": "ecb has no rate for EUR/USD on 2026-03-14 or within 7 days before"}
    books.settings = Settings(fx_max_staleness_days=8)
    books.convert()
    assert books.waiting() == {}


def test_both_legs_of_a_cross_rate_are_of_one_day(books):
    books.add_rates(MONDAY, {"JPY": "170"})
    books.add_deal("1", amount=Decimal(100), currency="JPY", closed_at=at(MONDAY))
    books.convert()
    assert books.deal("1").fx_rate_date == FRIDAY


def test_a_deal_without_a_rate_waits_and_is_converted_by_itself_when_it_comes(books):
    books.add_deal("1", amount=Decimal(10), currency="CHF", closed_at=at(FRIDAY))
    books.convert()
    deal = books.deal("1")
    assert (deal.amount_base, deal.fx_rate, deal.fx_rate_date) == (None, None, None)
    assert books.waiting() == {"1": "ecb has no rate for CHF/USD on 2026-03-06 or within 7 days before"}
    books.add_rates(FRIDAY, {"CHF": "0.95"})
    assert books.convert() == 1
    assert (books.deal("1").amount_base, books.waiting()) == (Decimal("11.58"), {})


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"currency": "XQZ"}, "XQZ is no currency of ISO 4217, and ecb has no rate for it"),
        ({"currency": None}, "it has no currency"),
        ({"currency": "EUR", "closed_at": None, "crm_created_at": None}, "it has no date that can be read"),
    ],
)
def test_what_cannot_be_converted_says_why_and_stops_nobody_else(books, columns, reason):
    books.add_deal("bad", **{"amount": Decimal(1), "closed_at": at(FRIDAY), **columns})
    books.add_deal("good", amount=Decimal(1), currency="EUR", closed_at=at(FRIDAY))
    books.convert()
    assert books.deal("good").amount_base == Decimal("1.10")
    assert list(books.waiting()) == ["bad"]
    assert reason in books.waiting()["bad"]


def test_a_currency_that_was_given_up_is_converted_as_long_as_there_are_rates(books):
    books.add_rates(date(2022, 12, 30), {"USD": "1.0666", "HRK": "7.5365"})
    books.add_deal("1", amount=Decimal("7536.5"), currency="HRK", closed_at=at(date(2022, 12, 31)))
    books.convert()
    assert books.deal("1").amount_base == Decimal("1066.60")


def test_a_deal_without_an_amount_waits_for_nothing(books):
    books.add_deal("1", amount=None, currency="CHF", closed_at=at(FRIDAY))
    books.convert()
    assert (books.deal("1").amount_base, books.waiting()) == (None, {})


@pytest.mark.parametrize(
    ("columns", "obstacle"),
    [
        ({"base_currency": "usd"}, "the company's base_currency 'usd' is not a currency of ISO 4217"),
        ({"base_currency": "XAU"}, "the company's base_currency 'XAU' is not a currency of ISO 4217"),
        ({"portal_time_zone": "Mars/Base"}, "the portal's time zone 'Mars/Base' is not known"),
    ],
)
def test_a_company_that_is_set_up_wrongly_is_told_on_every_deal(database_dsn, columns, obstacle):
    books = Books.of(database_dsn, **columns)
    books.add_deal("1", amount=Decimal(1), currency="USD", closed_at=at(FRIDAY))
    books.convert()
    assert books.waiting() == {"1": obstacle}


@pytest.mark.parametrize(
    ("zone", "day"), [("America/New_York", FRIDAY), ("UTC", SATURDAY), ("Asia/Tokyo", SATURDAY), (None, SATURDAY)]
)
def test_the_close_date_is_a_day_of_the_portals_time_zone(database_dsn, zone, day):
    books = Books.of(database_dsn, portal_time_zone=zone)
    books.add_deal("1", amount=Decimal(1), currency="USD", closed_at=at(SATURDAY, 2))
    books.convert()
    assert books.deal("1").fx_anchor_date == day


@pytest.mark.parametrize(
    ("anchor", "columns", "day"),
    [
        ("close_date", {"closed_at": at(MONDAY)}, MONDAY),
        ("close_date", {"closed_at": None}, FRIDAY),
        ("create_date", {"closed_at": at(MONDAY)}, FRIDAY),
        ("property:signed", {"properties": {"signed": "2026-03-08"}, "closed_at": at(MONDAY)}, date(2026, 3, 8)),
        ("property:signed", {"properties": {"signed": "2026-03-08T23:30:00-05:00"}}, MONDAY),
        ("property:signed", {"properties": {"signed": "1772841600000"}}, SATURDAY),
        ("property:signed", {"properties": {"signed": ""}, "closed_at": at(MONDAY)}, MONDAY),
        ("property:signed", {"properties": {"signed": "2026-02-31"}, "closed_at": at(MONDAY)}, None),
        ("property:signed", {"properties": {"signed": "next week"}, "closed_at": at(MONDAY)}, None),
        ("mapped:signed_on", {"mapped": {"signed_on": "2026-03-08"}, "closed_at": at(MONDAY)}, date(2026, 3, 8)),
    ],
)
def test_each_company_says_which_date_counts(database_dsn, anchor, columns, day):
    books = Books.of(database_dsn, fx_anchor=anchor, portal_time_zone="UTC", base_currency="EUR")
    books.add_rates(FRIDAY, {"USD": "1.1"})
    books.add_deal("1", amount=Decimal(1), currency="USD", **{"crm_created_at": at(FRIDAY), **columns})
    books.convert()
    assert books.deal("1").fx_anchor_date == day
    assert ("1" in books.waiting()) == (day is None)


@pytest.mark.parametrize("written", ["2026-03-07", "1772841600000", "2026-03-07T00:00:00Z", "2026-03-07T00:00:00.000Z"])
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
def test_a_date_property_is_the_same_day_however_hubspot_writes_it_and_wherever_the_portal_is(
    database_dsn, written, zone
):
    books = Books.of(database_dsn, fx_anchor="property:signed", portal_time_zone=zone, base_currency="EUR")
    books.add_property("signed", "date")
    books.add_deal("1", amount=Decimal(1), currency="USD", properties={"signed": written})
    books.convert()
    assert books.deal("1").fx_anchor_date == SATURDAY


def test_a_datetime_property_is_a_day_of_the_portals_time_zone(database_dsn):
    books = Books.of(database_dsn, fx_anchor="property:signed", portal_time_zone="America/New_York")
    books.add_property("signed", "datetime")
    for crm_id, written in (("1", "2026-03-07T00:00:00Z"), ("2", "1772841600000")):
        books.add_deal(crm_id, amount=Decimal(1), currency="USD", properties={"signed": written})
    books.convert()
    assert {books.deal(c).fx_anchor_date for c in "12"} == {FRIDAY}


def test_a_close_date_to_come_uses_todays_rate_until_its_day_has_come(books):
    books.add_deal("1", amount=Decimal(100), currency="EUR", closed_at=at(date(2026, 3, 20)))
    books.convert(now=at(MONDAY))
    assert (books.deal("1").fx_rate_date, books.deal("1").amount_base) == (FRIDAY, Decimal("110.00"))
    books.add_rates(date(2026, 3, 20), {"USD": "1.2"})
    books.convert(now=at(date(2026, 3, 21)))
    assert (books.deal("1").fx_rate_date, books.deal("1").amount_base) == (date(2026, 3, 20), Decimal("120.00"))


def test_converting_again_writes_nothing(books):
    for number, currency in enumerate(("EUR", "USD", "JPY", "CHF", None)):
        books.add_deal(str(number), amount=Decimal(10), currency=currency, closed_at=at(FRIDAY))
    assert books.convert() == 5
    before = books.query("SELECT crm_id, xmin::text FROM deals ORDER BY crm_id")
    assert books.convert() == 0
    assert books.query("SELECT crm_id, xmin::text FROM deals ORDER BY crm_id") == before
    assert len(books.audit()) == 5


def test_every_change_is_audited_with_old_and_new(books):
    books.add_deal("1", amount=Decimal(100), currency="EUR", closed_at=at(SATURDAY))
    books.convert()
    books.add_rates(SATURDAY, {"USD": "2"})
    books.convert()
    assert books.audit()[-1] == (
        "1",
        "update",
        {
            "amount_base": ["110.00", "200.00"],
            "fx_rate": ["1.1", "2"],
            "fx_rate_date": ["2026-03-06", "2026-03-07"],
        },
    )


def test_a_source_that_lacks_a_rate_takes_nothing_back(books):
    books.add_deal("1", amount=Decimal(100), currency="EUR", closed_at=at(FRIDAY))
    books.convert()
    books.settings = Settings(exchange_rate_source="openexchangerates", exchange_rate_api_key="k")
    assert books.convert() == 0
    books.execute("UPDATE deals SET amount = 200")
    books.convert()
    assert (books.deal("1").amount_base, books.deal("1").fx_source) == (Decimal("220.00"), "ecb")
    books.execute("UPDATE deals SET closed_at = %s", at(MONDAY))
    books.convert()
    assert books.deal("1").amount_base is None
    assert "openexchangerates has no rate for EUR/USD on 2026-03-09" in books.waiting()["1"]


def test_the_rate_of_a_close_date_to_come_does_not_stand_in_for_the_real_one_for_ever(books):
    books.add_rates(FRIDAY, {"RUB": "117.2"})
    books.add_deal("1", amount=Decimal(100), currency="RUB", closed_at=at(date(2026, 6, 1)))
    books.convert(now=at(MONDAY))
    assert books.deal("1").amount_base == Decimal("0.94")
    books.add_rates(date(2026, 6, 1), {"USD": "1.2"})
    books.convert(now=at(date(2026, 6, 2)))
    assert books.deal("1").amount_base is None
    assert books.waiting() == {"1": "ecb has no rate for RUB/USD on 2026-06-01 or within 7 days before"}


def test_another_companys_deals_are_left_alone(books):
    other = Books.of(books.dsn, company="globex", portal_id=2, base_currency="EUR")
    books.add_deal("1", amount=Decimal(100), currency="EUR", closed_at=at(FRIDAY))
    other.add_deal("1", amount=Decimal(100), currency="USD", closed_at=at(FRIDAY))
    books.convert()
    assert other.deal("1").amount_base is None
    other.convert()
    assert other.deal("1").amount_base == Decimal("90.91")


def test_only_the_named_deals_are_converted(books):
    for crm_id in "12":
        books.add_deal(crm_id, amount=Decimal(1), currency="EUR", closed_at=at(FRIDAY))
    assert books.convert(["2"]) == 1
    assert books.deal("1").amount_base is None


def test_a_portals_own_rates_hold_until_the_next_one(database_dsn):
    books = Books.of(database_dsn, portal_id=1001, base_currency="USD", portal_currency="USD")
    books.settings = Settings(exchange_rate_source="hubspot")
    source = "hubspot:1001"
    books.add_rates(date(2024, 1, 1), {"USD": "1.0842"}, source=source, base="EUR")
    books.add_rates(date(2026, 5, 1), {"USD": "1.2"}, source=source, base="EUR")
    books.add_deal("1", amount=Decimal(100), currency="EUR", closed_at=at(FRIDAY))
    books.add_deal("2", amount=Decimal(100), currency="GBP", closed_at=at(FRIDAY))
    books.convert()
    assert (books.deal("1").amount_base, books.deal("1").fx_rate_date) == (Decimal("108.42"), date(2024, 1, 1))
    assert books.waiting() == {"2": "hubspot:1001 has no rate for GBP/USD on 2026-03-06"}


def test_a_company_with_another_currency_than_its_portal_crosses_through_the_portals(database_dsn):
    books = Books.of(database_dsn, portal_id=1001, base_currency="EUR", portal_currency="USD")
    books.settings = Settings(exchange_rate_source="hubspot")
    books.add_rates(date(2024, 1, 1), {"USD": "1.25"}, source="hubspot:1001", base="EUR")
    books.add_rates(date(2025, 1, 1), {"USD": "1.5"}, source="hubspot:1001", base="GBP")
    books.add_deal("1", amount=Decimal(100), currency="GBP", closed_at=at(FRIDAY))
    books.convert()
    assert (books.deal("1").amount_base, books.deal("1").fx_rate_date) == (Decimal("120.00"), date(2024, 1, 1))


@pytest.mark.parametrize(
    ("properties", "drift"),
    [
        ({"hs_exchange_rate": "1.0"}, Decimal("0.100000")),
        ({"amount_in_home_currency": "100"}, Decimal("0.100000")),
        ({"hs_exchange_rate": "1.09"}, None),
        ({"hs_exchange_rate": "0"}, None),
        ({"hs_exchange_rate": "unknown"}, None),
        ({}, None),
    ],
)
def test_a_rate_far_from_hubspots_own_is_reported(books, properties, drift):
    books.add_deal("1", amount=Decimal(100), currency="EUR", closed_at=at(FRIDAY), properties=properties)
    books.convert()
    assert books.query("SELECT crm_id, drift FROM deals_fx_drift") == ([("1", drift)] if drift else [])


def test_drift_has_a_threshold_of_each_company(books):
    books.add_deal("1", amount=Decimal(1), currency="EUR", closed_at=at(FRIDAY), properties={"hs_exchange_rate": "1"})
    books.convert()
    books.execute("UPDATE crm_integrations SET fx_drift_threshold = 0.2")
    assert books.query("SELECT 1 FROM deals_fx_drift") == []
