"""Three values are held against each other: what we wrote, what HubSpot has, what we want."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commission_sync.store.commissions import Commission, Settled, Standing
from commission_sync.store.writebacks import PendingRow
from commission_sync.writeback.difference import compare, is_settled, known_values
from commission_sync.writeback.properties import Layout

LAYOUT = Layout()
AMOUNTS = st.sampled_from(["", "1", "1.0", "2", "3"])


def values(amount="", status="pending"):
    return {"commission_amount": amount, "commission_status": status}


def row(wanted, *, ours=({},), accepted=None):
    return PendingRow(uuid4(), uuid4(), "1", wanted, None, ours, accepted, False, False, False)


@pytest.mark.parametrize(
    ("wanted", "now", "ours", "to_write", "contested"),
    [
        ("2", "1", ({"commission_amount": "1"},), 1, 0),
        ("2", "2.0", ({"commission_amount": "1"},), 0, 0),
        ("2", "5", ({"commission_amount": "1"},), 1, 1),
        ("2", "", ({},), 1, 0),
        ("2", "5", ({},), 1, 1),
        ("2", "", ({"commission_amount": "1"},), 1, 1),
        ("2", "1.5", ({"commission_amount": "1"}, {"commission_amount": "1.5"}), 1, 0),
    ],
    ids=["ours", "there already", "theirs", "first write", "theirs before us", "cleared by somebody", "answer lost"],
)
def test_a_value_is_written_only_over_our_own(wanted, now, ours, to_write, contested):
    found = compare(LAYOUT, row({"commission_amount": wanted}, ours=ours), {"commission_amount": now})
    assert (len(found.to_write), len(found.contested)) == (to_write, contested)


def test_one_contested_property_tells_which_and_leaves_the_rest_uncontested():
    ours = ({"commission_amount": "1", "commission_status": "pending"},)
    found = compare(LAYOUT, row(values("2", "paid"), ours=ours), values("9", "pending"))
    assert found.contested == ("commission_amount",)
    assert set(found.to_write) == {"commission_amount", "commission_status"}


def test_a_decision_for_ours_covers_the_values_that_it_was_taken_on():
    decided = row(values("2"), ours=(values("1"),), accepted=values("5"))
    assert compare(LAYOUT, decided, values("5")).contested == ()
    assert compare(LAYOUT, decided, values("6")).contested == ("commission_amount",)


@given(AMOUNTS, AMOUNTS, AMOUNTS)
def test_what_is_contested_is_to_be_written_and_neither_wanted_nor_ours(wanted, now, ours):
    found = compare(LAYOUT, row(values(wanted), ours=(values(ours),)), values(now))
    assert set(found.contested) <= set(found.to_write)
    agree = LAYOUT.by_name["commission_amount"].agree
    assert bool(found.contested) == (not agree(now, wanted) and not agree(now, ours))


def settled(state, *, wanted="2", observed=None, kind="write", resolution=None, before="", at=1, stored=None):
    seen = None if observed is None else values(observed)
    kept = None if stored is None else values(stored)
    when = datetime(2026, 1, at, tzinfo=UTC)
    return Settled(uuid4(), kind, state, values(wanted), values(before), seen, kept, when, 1, resolution)


@pytest.mark.parametrize(
    ("last", "known", "stays"),
    [
        (None, "1", False),
        (settled("failed"), "1", False),
        (settled("failed", resolution="dismissed"), "1", True),
        (settled("failed", wanted="3", resolution="dismissed"), "1", False),
        (settled("conflict", observed="5"), "5", True),
        (settled("conflict", observed="5"), "6", False),
        (settled("conflict", observed="5", resolution="ours"), "5", False),
        (settled("conflict", observed="5", resolution="theirs"), "6", True),
        (settled("skipped", observed="5"), "5", True),
        (settled("skipped"), "5", False),
        (settled("sent", kind="undo", wanted="1", before="2"), "1", True),
        (settled("sent", kind="undo", wanted="1", before="7"), "1", False),
    ],
)
def test_what_was_decided_stays_decided_until_something_changes(last, known, stays):
    assert is_settled(LAYOUT, values("2"), values(known), last) is stays


def standing(copy, copy_at, agreed=None, last=None):
    commission = Commission(Decimal(1), "USD", "pending", None, False)
    at = datetime(2026, 1, copy_at, tzinfo=UTC)
    return Standing(uuid4(), "1", commission, "USD", values(copy), at, agreed, last, 1, False)


def test_the_newest_look_at_hubspot_counts():
    wrote = settled("sent", stored="2", observed="1", at=5)
    assert known_values(standing("1", 4, agreed=wrote))["commission_amount"] == "2"
    assert known_values(standing("9", 6, agreed=wrote))["commission_amount"] == "9"
    held = settled("conflict", observed="7", at=7)
    assert known_values(standing("9", 6, agreed=wrote, last=held))["commission_amount"] == "7"
