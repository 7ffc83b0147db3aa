import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commission_sync.mapping.derive import DealMapping
from commission_sync.streams.deals import DEALS
from commission_sync.streams.rows import RowBuilder

COLUMNS = [column.name for column in DEALS.spec.columns]
WHEN = "2026-03-01T10:00:00.123Z"


def record(**properties):
    return {"id": "42", "properties": properties, "createdAt": WHEN, "updatedAt": WHEN, "archived": False}


def build(*records, clock_like=frozenset(), currency="EUR"):
    return RowBuilder(DEALS, clock_like, currency, DealMapping()).build(records)


def row(**properties):
    batch = build(record(**properties))
    assert not batch.rejects
    return dict(zip(COLUMNS, batch.rows[0], strict=True))


def content_hash(clock_like=frozenset(), **properties):
    (built,) = build(record(**properties), clock_like=clock_like).rows
    return built[COLUMNS.index("content_hash")]


def test_a_deal_fills_its_columns_and_keeps_every_property_as_hubspot_gave_it():
    built = row(dealname="Ünïcode 🚀", amount="0.10", deal_currency_code="JPY", custom=None, hs_is_closed="true")
    assert built["name"] == "Ünïcode 🚀"
    assert built["amount"] == Decimal("0.10")
    assert built["currency"] == "JPY"
    assert built["is_closed"] is True
    assert json.loads(built["properties"]) == {
        "dealname": "Ünïcode 🚀",
        "amount": "0.10",
        "deal_currency_code": "JPY",
        "custom": None,
        "hs_is_closed": "true",
    }


def test_a_deal_without_a_currency_is_in_the_portals():
    assert row(dealname="x")["currency"] == "EUR"


@pytest.mark.parametrize("amount", ["", None])
def test_an_empty_amount_is_null_and_not_zero(amount):
    assert row(amount=amount)["amount"] is None


def test_text_that_only_looks_like_an_escaped_nul_is_kept():
    assert json.loads(row(dealname="\\u0000")["properties"])["dealname"] == "\\u0000"


def test_half_a_character_is_a_reject_and_not_a_crash():
    batch = build(record(dealname="cut \ud83d"), record(dealname="whole 🚀"))
    assert (len(batch.rows), batch.rejects[0].reason.split(":")[0]) == (1, "dealname")


def test_one_unreadable_record_does_not_stop_the_next():
    batch = build(record(amount="twelve"), record(dealname="a\x00b"), record(amount="12"))
    assert len(batch.rows) == 1
    assert [reject.reason.split(":")[0] for reject in batch.rejects] == ["amount", "dealname"]


def test_what_differs_at_every_read_is_no_change():
    clocks = frozenset({"hs_time_in_stage"})
    assert content_hash(clocks, amount="1", hs_time_in_stage="5") == content_hash(
        clocks, amount="1", hs_time_in_stage="6"
    )
    assert content_hash(clocks, amount="1") != content_hash(clocks, amount="2")


@given(st.dictionaries(st.text(), st.none() | st.text()))
def test_the_content_depends_neither_on_order_nor_on_nulls(properties):
    def hashed(variant):
        return RowBuilder(DEALS, frozenset(), "EUR", DealMapping()).content_hash(variant)

    without_nulls = {k: v for k, v in properties.items() if v is not None}
    assert hashed(properties) == hashed(dict(reversed(properties.items()))) == hashed(without_nulls)


def test_deals_are_not_built_without_their_companys_mapping():
    with pytest.raises(ValueError, match="without the company's mapping"):
        RowBuilder(DEALS, frozenset(), "EUR")
