from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from airflow_hubspot.client.intervals import ALL_IDS, IdInterval, IdIntervals

TOP = 40
intervals = st.tuples(st.integers(0, TOP), st.integers(0, TOP)).map(lambda p: IdInterval(min(p), max(p)))


def ids(interval: IdInterval) -> set[int]:
    return set(range(interval.after + 1, min(interval.upto, TOP) + 1))


def union(parts: list[IdInterval]) -> set[int]:
    return set().union(*(ids(part) for part in parts))


@given(st.lists(intervals))
def test_a_set_holds_what_its_intervals_hold_and_they_do_not_touch(parts):
    joined = IdIntervals.of(parts).intervals
    assert union(list(joined)) == union(parts)
    assert all(left.upto < right.after for left, right in pairwise(joined))


@given(st.lists(intervals), intervals)
def test_gaps_are_exactly_what_is_missing(parts, within):
    covered = IdIntervals.of(parts)
    gaps = list(covered.gaps(within))
    assert union(gaps) == ids(within) - union(parts)
    assert sum(len(ids(gap)) for gap in gaps) == len(union(gaps))
    assert covered.covers(within) == (not gaps)


@given(st.lists(intervals))
def test_a_set_survives_being_written_down(parts):
    covered = IdIntervals.of(parts)
    assert IdIntervals.from_pairs(covered.to_pairs()) == covered


def test_nothing_covers_nothing_and_everything_covers_everything():
    assert list(IdIntervals().gaps()) == [ALL_IDS]
    assert IdIntervals().with_interval(ALL_IDS).covers()
