"""Rates that no source publishes any more: withdrawn currencies, the euro's fixed rates, and those a person enters."""

from datetime import date
from decimal import Decimal
from unittest.mock import patch

import pytest
from pydantic import SecretStr

from commission_sync.fx import amounts
from commission_sync.fx.currencies import exponents
from commission_sync.settings import ExchangeRateSource
from commission_sync.store import connect
from commission_sync.store.entered_rates import EnteredRate, NoSuchRate, enter_rate, withdraw_rate
from money import Books, at

FEBRUARY = date(2026, 2, 2)


@pytest.mark.parametrize("code", ["ANG", "BGN", "CUC", "HRK", "SLL", "VEF", "ZWL", "XCG", "SLE", "VES", "ZWG"])
def test_every_currency_that_hubspot_offers_or_that_replaced_one_is_known(code):
    assert exponents()[code] == 2


def test_a_base_currency_that_left_the_list_still_converts_itself(database_dsn):
    books = Books.of(database_dsn, base_currency="BGN")
    books.add_deal("1", amount=Decimal("100.005"), currency="BGN", closed_at=at(date(2025, 6, 2)))
    books.convert()
    assert books.deal("1").amount_base == Decimal("100.01")


@pytest.mark.parametrize(
    ("currency", "base", "amount", "source"),
    [
        ("BGN", "EUR", "100", "euro"),
        ("EUR", "BGN", "195.58", "euro"),
        ("BGN", "USD", "120", "ecb+euro"),
        ("HRK", "BGN", "25.96", "euro"),
    ],
)
def test_a_currency_that_became_a_part_of_the_euro_keeps_its_fixed_rate_for_ever(
    database_dsn, currency, base, amount, source
):
    books = Books.of(database_dsn, base_currency=base)
    books.add_rates(FEBRUARY, {"USD": "1.2"})
    given = {"BGN": "195.583", "EUR": "100", "HRK": "100"}[currency]
    books.add_deal("1", amount=Decimal(given), currency=currency, closed_at=at(FEBRUARY))
    books.convert()
    deal = books.deal("1")
    assert (deal.amount_base, deal.fx_source, deal.fx_waiting) == (Decimal(amount), source, None)


def test_before_its_joining_day_a_currency_has_the_rate_that_was_published(database_dsn):
    books = Books.of(database_dsn, base_currency="EUR")
    books.add_rates(date(2025, 12, 30), {"BGN": "1.9"})
    for crm_id, day in (("before", date(2025, 12, 31)), ("after", date(2026, 1, 1))):
        books.add_deal(crm_id, amount=Decimal(190), currency="BGN", closed_at=at(day))
    books.convert()
    assert books.deal("before").amount_base == Decimal("100.00")
    assert books.deal("after").amount_base == Decimal("97.15")


def test_a_source_that_quotes_from_the_dollar_uses_the_fixed_rate_too(database_dsn):
    books = Books.of(database_dsn, base_currency="USD")
    chosen = {
        "exchange_rate_source": ExchangeRateSource("openexchangerates"),
        "exchange_rate_api_key": SecretStr("key"),
    }
    books.settings = books.settings.model_copy(update=chosen)
    books.add_rates(FEBRUARY, {"EUR": "0.8", "BGN": "1.7"}, source="openexchangerates", base="USD")
    books.add_deal("1", amount=Decimal("195.583"), currency="BGN", closed_at=at(FEBRUARY))
    books.convert()
    assert books.deal("1").amount_base == Decimal("125.00")


def test_a_list_that_changed_takes_no_amount_back(database_dsn):
    books = Books.of(database_dsn, base_currency="USD")
    books.add_rates(FEBRUARY, {"USD": "1.2"})
    books.add_deal("1", amount=Decimal(100), currency="EUR", closed_at=at(FEBRUARY))
    books.convert()
    shorter = {code: digits for code, digits in exponents().items() if code != "USD"}
    books.add_deal("2", amount=Decimal(100), currency="EUR", closed_at=at(FEBRUARY))
    with patch.object(amounts, "exponents", return_value=shorter):
        books.convert()
    assert (books.deal("1").amount_base, books.deal("1").fx_waiting) == (Decimal("120.00"), None)
    assert "is not a currency" in books.deal("2").fx_waiting


@pytest.fixture
def waiting(database_dsn):
    books = Books.of(database_dsn, base_currency="USD")
    for crm_id, day in (("1", FEBRUARY), ("2", date(2026, 4, 1))):
        books.add_deal(crm_id, amount=Decimal(100), currency="KWD", closed_at=at(day))
    books.convert()
    assert set(books.waiting()) == {"1", "2"}
    return books


def entered(books, rate="3.25", base="KWD", quote="USD"):
    with connect(books.dsn) as conn, conn.transaction():
        quarter = EnteredRate(
            base, quote, Decimal(rate), date(2026, 1, 1), date(2026, 3, 31), "the bank's quarter rate"
        )
        return enter_rate(conn, books.integration_id, quarter, "ana")


@pytest.mark.parametrize(
    ("base", "quote", "rate"), [("KWD", "USD", "3.25"), ("USD", "KWD", "0.3076923076923076923076923077")]
)
def test_a_rate_that_a_person_enters_converts_the_days_that_it_is_for(waiting, base, quote, rate):
    number = entered(waiting, rate, base, quote)
    waiting.convert()
    deal = waiting.deal("1")
    assert (deal.amount_base, deal.fx_source, deal.fx_rate_ids) == (Decimal("325.00"), f"entered:{number}", [])
    assert set(waiting.waiting()) == {"2"}


def test_what_a_source_publishes_counts_before_what_a_person_entered(waiting):
    entered(waiting)
    waiting.add_rates(FEBRUARY, {"USD": "1.2", "KWD": "0.36"})
    waiting.convert()
    assert (waiting.deal("1").fx_source, waiting.deal("1").amount_base) == ("ecb", Decimal("333.33"))


def test_a_withdrawn_rate_no_longer_counts_and_both_are_audited(waiting):
    number = entered(waiting)
    waiting.convert()
    with connect(waiting.dsn) as conn, conn.transaction():
        withdraw_rate(conn, waiting.integration_id, number, actor="ben", why="typed wrong")
    waiting.convert()
    assert (waiting.deal("1").amount_base, set(waiting.waiting())) == (None, {"1", "2"})
    log = "SELECT action, actor FROM audit_log WHERE entity = 'fx_rate' AND entity_id = %s ORDER BY id"
    assert waiting.query(log, str(number)) == [("enter", "ana"), ("withdraw", "ben")]


def test_a_rate_of_one_company_is_no_other_companys(waiting):
    other = Books.of(waiting.dsn, "globex", 1002, base_currency="USD")
    other.add_deal("1", amount=Decimal(100), currency="KWD", closed_at=at(FEBRUARY))
    number = entered(waiting)
    other.convert()
    assert other.deal("1").fx_waiting
    with connect(waiting.dsn) as conn, pytest.raises(NoSuchRate), conn.transaction():
        withdraw_rate(conn, other.integration_id, number, actor="ben", why="not theirs")
