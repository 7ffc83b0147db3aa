"""Companies are dealt out to tasks: one each while there are few, evenly and with their neighbours when there are more."""

from collections import Counter
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from commission_sync.operators.groups import in_groups


def named(count):
    return [{"integration_id": f"id-{n:04}", "company": f"company-{n:04}"} for n in range(count)]


def sizes(groups):
    return Counter(map(len, groups))


def test_up_to_so_many_have_a_task_each():
    assert in_groups([], 500) == []
    assert sizes(in_groups(named(3), 500)) == {1: 3}
    assert sizes(in_groups(named(500), 500)) == {1: 500}


def test_one_more_and_two_share_a_task():
    assert sizes(in_groups(named(501), 500)) == {1: 499, 2: 1}


def test_three_thousand_are_five_hundred_tasks_of_six_neighbours():
    companies = named(3_000)
    groups = in_groups(companies, 500)
    assert sizes(groups) == {6: 500}
    assert list(chain.from_iterable(groups)) == companies
    assert sizes(in_groups(companies, 900)) == {3: 600, 4: 300}


def test_those_in_trouble_share_no_task_with_those_that_are_not():
    apart = {f"id-{n:04}" for n in range(0, 3_000, 300)}
    groups = in_groups(named(3_000), 500, apart=apart)
    assert len(groups) == 500
    alone = [group for group in groups if apart & {each["integration_id"] for each in group}]
    assert sizes(alone) == {1: 10}
    assert sizes(groups) == {1: 10, 6: 440, 7: 50}


def test_many_in_trouble_leave_half_of_the_tasks_to_the_others():
    apart = {f"id-{n:04}" for n in range(2_000)}
    groups = in_groups(named(3_000), 500, apart=apart)
    assert sizes(groups) == {4: 250, 8: 250}
    assert sizes(in_groups(named(3_000), 500, apart={each["integration_id"] for each in named(3_000)})) == {6: 500}


@given(st.integers(0, 300), st.integers(1, 40), st.sets(st.integers(0, 300)))
def test_everybody_has_one_task_and_there_are_no_more_than_allowed(count, at_most, troubled):
    companies = named(count)
    groups = in_groups(companies, at_most, apart={f"id-{n:04}" for n in troubled})
    assert len(groups) == min(count, at_most)
    assert all(groups)
    assert sorted(each["company"] for each in chain.from_iterable(groups)) == [each["company"] for each in companies]
