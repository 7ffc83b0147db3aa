"""Which companies of a DAG run share a task."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import TypedDict


class Named(TypedDict):
    """A company as one task tells another of it."""

    integration_id: str
    company: str


def in_groups(companies: Sequence[Named], at_most: int, *, apart: Collection[str] = ()) -> list[list[Named]]:
    """Deal companies out to `at_most` tasks: one each while that is enough, else evenly, neighbours together.

    :param apart: ids of integrations that share no task with others, where there is more than one: those in trouble
        would keep the others' task from its success
    """
    if len(companies) <= at_most or at_most == 1:
        return _dealt(companies, at_most)
    troubled = [each for each in companies if each["integration_id"] in apart]
    sound = [each for each in companies if each["integration_id"] not in apart]
    # However many are in trouble, the sound ones get half of the tasks, as far as they need them.
    kept = min(len(sound), at_most - min(len(troubled), at_most // 2))
    return _dealt(sound, kept) + _dealt(troubled, at_most - kept)


def _dealt(companies: Sequence[Named], at_most: int) -> list[list[Named]]:
    count = min(len(companies), at_most)
    # Cut at the multiples of len / count, rounded down: no two groups differ by more than one.
    cuts = [len(companies) * number // count for number in range(count + 1)] if count else []
    return [list(companies[start:end]) for start, end in pairwise(cuts)]
