from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commission_sync.streams.values import UnreadableValue, boolean, instant, number, text


@pytest.mark.parametrize("convert", [text, number, instant, boolean])
@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_value_is_null_and_never_zero(convert, empty):
    assert convert(empty) is None


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=8))
def test_a_number_keeps_every_digit(value):
    assert number(format(value, "f")) == value


def test_a_long_binary_fraction_is_not_rounded():
    written = "0.200000000000000011102230246251565404236316680908203125"
    assert number(written) == Decimal(written)


@pytest.mark.parametrize(
    "bad", ["abc", "1,500.00", "NaN", "Infinity", "1e9999", "9" * 200, "1 500", "\u0661\u0662", "0x10"]
)
def test_what_is_not_a_number_is_named(bad):
    with pytest.raises(UnreadableValue, match=r"is not a number|has more than"):
        number(bad)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-02T03:04:05.678Z", datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("1767323045678", datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)),
        ("2026-01-02T03:04:05+05:30", datetime(2026, 1, 1, 21, 34, 5, tzinfo=UTC)),
    ],
)
def test_every_way_in_which_hubspot_writes_a_time_is_read(value, expected):
    assert instant(value) == expected
    assert instant(value).utcoffset().total_seconds() == 0


@pytest.mark.parametrize("bad", ["yesterday", "2026-13-01", "99999-01-01", "0001-01-01T00:00:00+14:00"])
def test_what_is_not_a_time_is_named(bad):
    with pytest.raises(UnreadableValue, match="is not a time"):
        instant(bad)


def test_booleans_are_hubspots_words_only():
    assert boolean("true") is True
    assert boolean("False") is False
    with pytest.raises(UnreadableValue, match="neither true nor false"):
        boolean("yes")
