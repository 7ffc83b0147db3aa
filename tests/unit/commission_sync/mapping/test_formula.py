"""The formula language: exact, positioned in its errors, null wherever a null goes in, and bounded."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commission_sync.mapping.formula import FormulaError, Kind, parse, typed
from commission_sync.mapping.formula.dates import months_between
from formula_fuzz import answer, formulas, is_sound

KINDS = {
    "amount": Kind.NUMBER,
    "months": Kind.NUMBER,
    "Contract length": Kind.NUMBER,
    "stage": Kind.TEXT,
    "won": Kind.BOOLEAN,
    "start": Kind.DATE,
    "closed_at": Kind.DATETIME,
}
DEAL = {
    "amount": Decimal("100.10"),
    "months": Decimal(12),
    "Contract length": None,
    "stage": "closedwon",
    "won": True,
    "start": date(2026, 1, 31),
    "closed_at": datetime(2026, 3, 1, 2, 0, tzinfo=UTC),
}


def value(text, zone=UTC, **deal):
    return typed(parse(text), KINDS, zone).evaluate(DEAL | deal)


def error(text, **deal) -> FormulaError:
    with pytest.raises(FormulaError) as raised:
        value(text, **deal)
    return raised.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("amount * months", "1201.20"),
        ("amount × 2 ÷ 4 − 0.05", "50.00"),
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("-amount + 0.10", "-100.00"),
        ("2 * -3", "-6"),
        ("0.1 + 0.2", "0.3"),
        ("10 - 4 - 3", "3"),
        ("min(3, amount, 2)", "2"),
        ("max(3, 4)", "4"),
        ("abs(-2.5)", "2.5"),
        ("round(2.5)", "3"),
        ("round(-2.5)", "-3"),
        ("round(1.005, 2)", "1.01"),
        ("round(1250, -2)", "1300"),
        ("IF(stage = 'closedwon', amount, 0)", "100.10"),
        ("if(not won or amount <= 5, 1, 2)", "2"),
        ('coalesce("Contract length", months)', "12"),
        ("year(closed_at)", "2026"),
        ("months_between(start, closed_at)", "1"),
    ],
)
def test_it_calculates_exactly(text, expected):
    assert value(text) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    [
        '"Contract length" * 2',
        'min(1, "Contract length")',
        'round("Contract length")',
        '-"Contract length"',
        '"Contract length" > 1',
        'if("Contract length" > 1, 1, 2)',
        'won and "Contract length" > 1',
        'not ("Contract length" > 1)',
        "null",
        "null = null",
        "coalesce(null, null)",
    ],
)
def test_a_null_that_goes_in_comes_out(text):
    assert value(text) is None


def test_what_a_null_cannot_change_is_known():
    assert value('won = false and "Contract length" > 1') is False
    assert value('won or "Contract length" > 1') is True
    assert value('if(won, 1, "Contract length")') == 1


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("amuont * 2", 1, "there is no 'amuont'; did you mean 'amount'?"),
        ("2 * AMOUNT", 5, "there is no 'AMOUNT'; did you mean 'amount'?"),
        ("rond(amount)", 1, "there is no function 'rond'; did you mean 'round'?"),
        ('stage = "closedwon"', 9, "text is written in single quotes: 'closedwon'"),
        ("amount +", 9, "ends where a value should follow"),
        ("", 1, "ends where a value should follow"),
        ("(amount", 1, "never closed"),
        ("amount)", 7, "there is no '(' for this ')'"),
        ("amount months", 8, "an operator is missing before months"),
        ("amount ** 2", 9, "a value should stand before *"),
        ("1,000", 3, "begins with a zero"),
        ("amount, 2", 7, "a comma separates the values of a function only"),
        ("--1", 2, "two signs in a row"),
        ("stage * 2", 1, "only numbers can be calculated with, and this is text"),
        ("closed_at - start", 1, "months_between"),
        ("if(amount, 1, 2)", 4, "if takes something true or false, and this is a number"),
        ("if(won, 1, 'x')", 12, "this is text, before it came a number"),
        ("1 < 2 < 3", 9, "compare two values at a time"),
        ("stage > 'a'", 1, "has no order"),
        ("won = 1", 7, "a boolean cannot be compared with a number"),
        ("start = 'soon'", 9, "write it like '2026-01-31'"),
        ("round(amount, months)", 15, "a whole number from -15 to 15"),
        ("year()", 6, "a value should stand before )"),
        ("if(won, 1)", 1, "if takes 3 values, not 2"),
        ("amount ^ 2", 8, "'^' means nothing in a formula"),
        ("'abc", 1, "no closing '"),
        ("1e5", 2, "an operator is missing before e5"),
        ("1 = not won", 5, "put 'not ...' into parentheses here"),
    ],
)
def test_what_is_wrong_is_named_with_its_column(text, column, message):
    found = error(text)
    assert (found.column, message in found.message) == (column, True), found


def test_an_error_can_be_shown_below_the_formula():
    assert error("amount * amuont").pointing_into("amount * amuont").splitlines() == [
        "amount * amuont",
        "         ^ column 10: there is no 'amuont'; did you mean 'amount'?",
    ]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("amount / (months - 12)", 11, "division by zero"),
        ("0 / 0", 5, "division by zero"),
        ("1" + " * 9999999999" * 6, 70, "more than 50 digits"),
    ],
)
def test_a_deal_for_which_there_is_no_result_gets_an_error_and_no_number(text, column, message):
    found = error(text)
    assert message in found.message
    assert found.column == column


def test_the_names_are_known_before_anything_is_evaluated():
    assert parse('if(won, amount, "Contract length") + year(closed_at)').names == {
        "won",
        "amount",
        "Contract length",
        "closed_at",
    }


def test_the_kind_of_the_result_is_known_before_anything_is_evaluated():
    kinds = {text: typed(parse(text), KINDS).kind for text in ("amount * 2", "amount > 2", "coalesce(null, stage)")}
    assert list(kinds.values()) == [Kind.NUMBER, Kind.BOOLEAN, Kind.TEXT]


def test_days_are_counted_where_the_portal_is():
    assert value("closed_at = start", start=date(2026, 3, 1)) is True
    assert value("closed_at = start", ZoneInfo("America/New_York"), start=date(2026, 3, 1)) is False
    assert value("closed_at >= '2026-03-01T02:00:00Z'") is True
    assert value("start < '2026-02-01'") is True


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2026-01-15", "2026-02-15", 1),
        ("2026-01-15", "2026-02-14", 0),
        ("2026-01-31", "2026-02-28", 1),
        ("2024-02-29", "2025-02-28", 12),
        ("2026-01-01", "2028-12-31", 35),
        ("2026-02-28", "2026-01-31", -1),
    ],
)
def test_whole_months_are_counted(start, end, months):
    assert months_between(date.fromisoformat(start), date.fromisoformat(end)) == months


@given(st.dates(), st.dates())
def test_months_between_is_the_same_both_ways(start, end):
    assert months_between(start, end) == -months_between(end, start)


@given(st.decimals(-(10**20), 10**20, places=4), st.decimals(-(10**20), 10**20, places=4))
def test_sums_and_products_keep_every_digit(a, b):
    assert value("amount + months", amount=a, months=b) == a + b
    assert value("amount * months - amount", amount=a, months=b) == typed(
        parse("amount * (months - 1)"), KINDS
    ).evaluate({"amount": a, "months": b})


@given(st.text(max_size=300))
def test_any_text_gives_a_value_or_an_error_with_a_column(text):
    assert is_sound(text, answer(text))


def test_what_hangs_other_evaluators_gives_a_value_or_an_error_with_a_column():
    stream = formulas(seed=6)
    assert [text for _ in range(3_000) if not is_sound(text := next(stream), answer(text))] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1" + "+1" * 1_000, "at most 2,000 characters"),
        ("1" + "+1" * 200, "at most 300 parts"),
        ("(" * 31 + "1" + ")" * 31, "nest at most 30 deep"),
        ("9" * 41, "at most 40 digits"),
        ("a" * 101, "at most 100 characters"),
    ],
)
def test_size_has_bounds_that_are_told(text, message):
    assert message in error(text).message
