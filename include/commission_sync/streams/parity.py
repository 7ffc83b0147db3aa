"""Finds, by counts alone, the ranges of ids in which HubSpot and the table differ.

One count costs one call however many records it covers, so equal tables are proven equal by a few calls and a single
wrong row among a million is found by some thirty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from airflow_hubspot.client.intervals import ALL_IDS, IdInterval
from commission_sync.store.presence import LiveIds

# What a list shows in two pages is read rather than counted further.
SMALLEST = 200
FANOUT = 8


def differing(
    live: LiveIds,
    count: Callable[[IdInterval], int],
    first: Sequence[IdInterval] = (ALL_IDS,),
) -> Iterator[IdInterval]:
    """Yield ranges, each holding few stored records, that together contain every difference that counts can show.

    A record too many hides a record too few in the same range of `first`: the caller chooses those differently every
    time.

    :param count: HubSpot's own count of live records in a range
    """
    for interval in first:
        stored = live.count(interval.after, interval.upto)
        if count(interval) == stored:
            continue
        if stored <= SMALLEST:
            yield interval
        else:
            yield from differing(live, count, split(live, interval, FANOUT))


def split(live: LiveIds, interval: IdInterval, parts: int) -> list[IdInterval]:
    """Cut a range into parts that hold equally many stored records each; ids are spread unevenly."""
    ids = live.between(interval.after, interval.upto)
    cuts = [ids[len(ids) * n // parts] for n in range(1, parts)] if len(ids) >= parts else []
    edges = [interval.after, *dict.fromkeys(cuts), interval.upto]
    return [IdInterval(low, high) for low, high in pairwise(edges) if low < high]
