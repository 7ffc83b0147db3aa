"""The exponents are ISO 4217's."""

import pytest

from commission_sync.fx.currencies import exponents, is_code


@pytest.mark.parametrize(("code", "exponent"), [("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("RSD", 2), ("ISK", 0)])
def test_a_currency_has_isos_exponent(code, exponent):
    assert exponents()[code] == exponent


@pytest.mark.parametrize("code", ["XAU", "XXX", "XTS", "usd", ""])
def test_what_is_no_money_has_none(code):
    assert code not in exponents()


@pytest.mark.parametrize(
    ("text", "verdict"), [("USD", True), ("HRK", True), ("usd", False), ("US", False), ("ÄÖÜ", False), ("USD\n", False)]
)
def test_a_code_is_three_capitals(text, verdict):
    assert is_code(text) is verdict
