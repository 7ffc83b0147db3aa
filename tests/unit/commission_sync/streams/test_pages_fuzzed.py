"""Whatever HubSpot says of a record, it becomes a row or a reject with a reason, and never stops the others."""

import string
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from commission_sync.mapping.derive import DealMapping
from commission_sync.streams.deals import DEALS
from commission_sync.streams.rows import RowBuilder
from commission_sync.streams.values import UnreadableValue, boolean, instant, number

SMALL = settings(max_examples=200, deadline=None)
TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
NUMBERS = st.text("0123456789.eE+-_ ,\u0661", max_size=25)
TIMES = st.text(string.digits + "-:TZ.+ W", max_size=30) | st.integers(-(10**17), 10**17).map(str)
NAMES = ("amount", "closedate", "createdate", "hs_lastmodifieddate", "hs_is_closed", "dealname", "hs_merged_object_ids")
PROPERTIES = st.dictionaries(st.sampled_from(NAMES) | TEXT, st.none() | TEXT | NUMBERS | TIMES, max_size=8)
COLUMNS = [column.name for column in DEALS.spec.columns]


@given(TEXT | NUMBERS | TIMES)
@SMALL
def test_a_value_is_read_or_named(written):
    for convert, kind in ((number, Decimal), (instant, datetime), (boolean, bool)):
        try:
            value = convert(written)
        except UnreadableValue:
            continue
        assert value is None or isinstance(value, kind)
        assert not isinstance(value, Decimal) or value.is_finite()
        assert not isinstance(value, datetime) or value.tzinfo is UTC


@given(st.lists(PROPERTIES, max_size=5))
@SMALL
def test_every_record_is_a_row_or_a_reject_with_a_reason(pages):
    when = "2026-03-01T10:00:00.123Z"
    records = [
        {"id": str(n), "properties": properties, "createdAt": when, "updatedAt": when, "archived": False}
        for n, properties in enumerate(pages)
    ]
    batch = RowBuilder(DEALS, frozenset(), "EUR", DealMapping()).build(records)
    assert {row[0] for row in batch.rows} | {one.crm_id for one in batch.rejects} == {r["id"] for r in records}
    assert len(batch.rows) + len(batch.rejects) == len(records)
    assert all(one.reason for one in batch.rejects)
    for row in batch.rows:
        row[COLUMNS.index("properties")].encode("utf-8")
