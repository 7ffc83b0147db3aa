"""What a plan moves, and what stops it for a person."""

from decimal import Decimal

import pytest

from commission_sync.writeback.company import parse_settings
from commission_sync.writeback.totals import Totals, exceeded_caps


def totals(*rows, all_=()):
    made = Totals()
    for currency, old, new in rows:
        made.row(currency, old, new, deal_currency="EUR")
    for currency, amount in all_:
        made.commission(currency, Decimal(amount))
    return made


def test_amounts_of_different_currencies_are_never_added_up():
    made = totals(("USD", "1.10", "2.20"), ("USD", "", "0.05"), ("JPY", "100", ""), (None, None, "x"))
    assert made.document() == {
        "(no currency)": {"rows": 1, "old": "0", "new": "0", "moved": "0", "all": "0"},
        "JPY": {"rows": 1, "old": "100", "new": "0", "moved": "100", "all": "0"},
        "USD": {"rows": 2, "old": "1.10", "new": "2.25", "moved": "1.15", "all": "0"},
    }
    assert made.foreign == 3


def test_amounts_that_rise_and_fall_do_not_cancel_out():
    caps = parse_settings({"max_moved": "150"})
    assert exceeded_caps(caps, totals(("USD", "100", "0"), ("USD", "0", "100")), None) == [
        "amounts move by 200 USD, more than 150"
    ]


def test_a_leap_is_measured_against_the_last_applied_plan_of_the_currency():
    caps = parse_settings({"max_change_percent": "10"})
    last = {"USD": {"all": "100"}}
    assert exceeded_caps(caps, totals(all_=[("USD", "110")]), last) == []
    assert exceeded_caps(caps, totals(all_=[("USD", "89.9")]), last) == [
        "the sum of all commissions in USD differs by 10.1 % from that at the last run, more than 10 %"
    ]


@pytest.mark.parametrize("last", [None, {}, {"USD": {"all": "0"}}])
def test_a_sum_that_nothing_can_be_compared_with_asks_a_person(last):
    caps = parse_settings({"max_change_percent": "5"})
    assert exceeded_caps(caps, totals(all_=[("USD", "123456")]), last) == [
        "the sum of all commissions in USD is 123,456, and no applied plan had any to compare it with"
    ]
    assert exceeded_caps(caps, totals(all_=[("USD", "0")]), last) == []


def test_an_undo_is_held_to_what_its_own_rows_change_of_the_last_sum():
    caps = parse_settings({"max_change_percent": "10"})
    last = {"USD": {"all": "100"}}
    assert exceeded_caps(caps, totals(("USD", "10", "5")), last, is_undo=True) == []
    assert "differs by 20.0 %" in exceeded_caps(caps, totals(("USD", "20", "")), last, is_undo=True)[0]


def test_without_caps_of_its_own_a_company_has_that_of_ten_thousand_rows():
    many = totals(*[("USD", "0", "1")] * 10_001)
    assert exceeded_caps(parse_settings({}), many, None) == ["10,001 rows are more than 10,000"]
