"""How a commission's values look in HubSpot, and when two of them mean the same."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commission_sync.store.commissions import Commission
from commission_sync.writeback.properties import PROPERTIES, Layout, Unwritable

AMOUNT, STATUS, DATE, PAID = PROPERTIES


def commission(**values):
    return Commission(
        **{"amount": Decimal(1), "currency": "USD", "status": "pending", "approved_date": None, "paid": False} | values
    )


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**20), max_value=10**20))
def test_an_amount_keeps_every_digit_and_is_never_written_with_an_exponent(amount):
    text = AMOUNT.render(commission(amount=amount))
    assert Decimal(text) == amount
    assert "e" not in text.lower()


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1e200", "1" * 101])
def test_an_amount_that_is_none_is_refused(amount):
    with pytest.raises(Unwritable, match="correct it in deal_commissions"):
        AMOUNT.render(commission(amount=Decimal(amount)))


def test_no_value_is_the_empty_string():
    assert Layout().wanted(commission(amount=None)) == {
        "commission_amount": "",
        "commission_status": "pending",
        "commission_approved_date": "",
        "commission_paid": "false",
    }


def test_a_status_outside_the_enumeration_is_refused_with_what_is_allowed():
    with pytest.raises(Unwritable, match="'done' is none of pending, approved, paid, cancelled"):
        STATUS.render(commission(status="done"))


@pytest.mark.parametrize("day", ["infinity", "12026-01-01", "0044-03-15 BC"])
def test_a_day_that_hubspot_has_not_is_refused(day):
    with pytest.raises(Unwritable, match="years 1 to 9999"):
        DATE.render(commission(approved_date=day))


@pytest.mark.parametrize(
    ("declared", "one", "other", "same"),
    [
        (AMOUNT, "100.50", "100.5", True),
        (AMOUNT, "1e2", "100", True),
        (AMOUNT, "0.1", "0.10000000000000001", False),
        (AMOUNT, "0", "", False),
        (AMOUNT, "abc", "0", False),
        (STATUS, "paid", "Paid", False),
        (DATE, "2026-03-31", "1774915200000", True),
        (DATE, "2026-03-31", "2026-03-31T00:00:00Z", True),
        (DATE, "2026-03-31", "2026-03-30T23:00:00Z", False),
        (DATE, "2026-03-31", "soon", False),
        (PAID, "", None, True),
    ],
)
def test_values_are_compared_by_what_they_mean(declared, one, other, same):
    assert declared.agree(one, other) is same
    assert declared.agree(other, one) is same


def test_definitions_are_what_hubspot_needs_to_create_them():
    amount, status, approved, paid = (d.definition(d.key) for d in PROPERTIES)
    assert (amount["type"], amount["fieldType"], amount["showCurrencySymbol"]) == ("number", "number", True)
    assert (approved["type"], approved["fieldType"]) == ("date", "date")
    assert (paid["type"], paid["fieldType"]) == ("bool", "booleancheckbox")
    assert [o["value"] for o in status["options"]] == ["pending", "approved", "paid", "cancelled"]
    assert {d["groupName"] for d in (amount, status, approved, paid)} == {"commissions"}
