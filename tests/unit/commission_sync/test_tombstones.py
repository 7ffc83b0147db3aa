"""Chains of merges end with the record that is left."""

from hypothesis import given
from hypothesis import strategies as st

from commission_sync.store.tombstones import last_survivor, merged_ids


def test_a_chain_is_followed_to_its_end():
    assert last_survivor("1", {"1": "2", "2": "3", "4": "3"}) == "3"
    assert last_survivor("3", {"1": "2"}) == "3"


@given(st.dictionaries(st.sampled_from("123456"), st.sampled_from("123456")))
def test_a_ring_ends_too(survivors):
    assert last_survivor("1", survivors) in "123456"


def test_hubspots_list_of_merged_ids_is_read_whatever_is_around_them():
    assert merged_ids("1;2") == ["1", "2"]
    assert merged_ids(" 1 ;; 2;x") == ["1", "2"]
    assert merged_ids(None) == merged_ids("") == []
