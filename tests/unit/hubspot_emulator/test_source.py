"""Generated records and links are a pure function of seed, portal, type and number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubspot_emulator.kinds import DEALS, KINDS, LINE_ITEMS
from hubspot_emulator.source import Source
from hubspot_emulator.spec import PortalSpec

BIG = PortalSpec("acme", 1001, 10**6 + 1, "token")


@given(st.sampled_from(KINDS), st.integers(0, 10**6), st.integers(1, 50))
def test_a_record_is_the_same_whenever_it_is_asked_for(kind, number, seed):
    one, other = Source(kind, BIG, seed), Source(kind, BIG, seed)
    number %= one.count
    assert one.properties(number) == other.properties(number)
    assert one.created_ms(number) <= one.modified_ms(number)
    assert one.number(one.crm_id(number)) == number
    assert one.crm_id(number) < one.crm_id(number + 1)
    assert one.lowest_number_above(one.crm_id(number)) == number + 1
    assert one.lowest_number_above(one.crm_id(number) - 1) == number


def test_the_deals_of_a_seed_stay_what_they_were():
    source = Source(DEALS, PortalSpec("acme", 1001, 10, "token"), seed=1)
    assert [source.crm_id(n) for n in range(3)] == [1011000000279, 1011000001368, 1011000002694]
    assert [source.properties(n)["dealname"] for n in range(2)] == [
        "شركة النور \u2013 Pilot 0",
        "Tab\tSeparated Ltd \u2013 Training 1",
    ]


@given(st.sampled_from(KINDS), st.integers(0, 300), st.integers(0, 5))
def test_modified_times_are_the_same_one_by_one_and_all_at_once(kind, deals, seed):
    source = Source(kind, PortalSpec("acme", 1001, deals, "token"), seed)
    assert list(source.every_modified_ms()) == [source.modified_ms(n) for n in range(source.count)]


@given(st.sampled_from(KINDS[1:]), st.integers(0, 60), st.integers(0, 5), st.integers(0, 30))
def test_links_are_the_same_from_both_sides(kind, deals, seed, crowd):
    spec = PortalSpec("acme", 1001, deals, "token", line_items_on_one_deal=crowd, contacts_per_deal=0.7)
    spread = Source(kind, spec, seed).spread
    total = Source(kind, spec, seed).count
    forth = {(deal, thing) for thing in range(total) for deal in spread.deals_of(thing)}
    back = {(deal, thing) for deal in range(deals) for thing in spread.things_of(deal)}
    assert forth == back


@pytest.mark.parametrize("crowd", [0, 1_200])
def test_line_items_hang_on_one_deal_each_and_the_crowd_on_the_one_in_the_middle(crowd):
    spec = PortalSpec("acme", 1001, 400, "token", line_items_on_one_deal=crowd)
    source = Source(LINE_ITEMS, spec, seed=1)
    deals = [source.spread.deals_of(n) for n in range(source.count)]
    assert {len(found) for found in deals} == {0, 1}
    assert len(source.spread.things_of(200)) >= crowd
    assert source.count == 600 + crowd
