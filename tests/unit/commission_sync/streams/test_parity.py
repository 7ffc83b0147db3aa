"""Counts alone find every range in which two sets of ids differ."""

from array import array
from bisect import bisect_right
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from airflow_hubspot.client.intervals import ALL_IDS, IdInterval
from commission_sync.store.presence import LiveIds
from commission_sync.streams.parity import SMALLEST, differing, split

ids = st.sets(st.integers(1, 10**6), max_size=60)


def live(numbers):
    return LiveIds(array("q", sorted(numbers)))


def counter(numbers, calls):
    listed = sorted(numbers)

    def count(interval):
        calls.append(interval)
        return bisect_right(listed, interval.upto) - bisect_right(listed, interval.after)

    return count


def test_equal_sets_cost_one_count_and_show_nothing():
    calls = []
    numbers = set(range(1, 100_000))
    assert list(differing(live(numbers), counter(numbers, calls))) == []
    assert len(calls) == 1


def test_one_record_among_a_hundred_thousand_is_found_by_few_counts():
    numbers, calls = set(range(1, 100_001)), []
    (found,) = differing(live(numbers), counter(numbers - {54_321}, calls))
    assert found.after < 54_321 <= found.upto
    assert found.upto - found.after <= 2 * SMALLEST
    assert len(calls) <= 33


@given(ids, ids)
def test_records_of_hubspot_alone_or_of_ours_alone_are_all_in_the_ranges_found(ours, extra):
    for stored, theirs in ((ours, ours | extra), (ours | extra, ours)):
        found = list(differing(live(stored), counter(theirs, [])))
        for number in stored ^ theirs:
            assert any(i.after < number <= i.upto for i in found)


@given(st.sets(st.integers(1, 10**9), min_size=1, max_size=300), st.integers(1, 12))
def test_parts_join_without_gap_or_overlap(numbers, parts):
    cut = split(live(numbers), ALL_IDS, parts)
    assert cut[0].after == 0
    assert cut[-1].upto == ALL_IDS.upto
    assert all(a.upto == b.after for a, b in pairwise(cut))


def test_a_part_of_nothing_is_the_whole():
    assert split(live([]), IdInterval(5, 9), 8) == [IdInterval(5, 9)]
