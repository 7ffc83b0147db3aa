"""Sends batches of changes, and finds the guilty ones when HubSpot refuses a whole batch for one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from airflow_hubspot.client import BatchWrite, Change, HubSpotClient, Invalid
from commission_sync.writeback.properties import OBJECT_TYPE

# HubSpot's codes for a property that no record's value could be written to: looking for the guilty row is in vain.
_HOPELESS = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"})


class PropertyRefused(Invalid):
    """HubSpot refuses to write a property on any deal."""


@dataclass(frozen=True)
class Sent:
    """Changes that went to HubSpot together, and its answer."""

    changes: Sequence[Change]
    answer: BatchWrite


@dataclass(frozen=True)
class Refused:
    """One change that HubSpot did not accept, in its own words."""

    change: Change
    error: Invalid


def send(
    client: HubSpotClient, changes: Sequence[Change], check: Callable[[Sequence[Change]], None]
) -> Iterator[Sent | Refused]:
    """Send up to 100 changes and yield what came of them, one item per answer.

    A batch that is refused for one of its values is halved until that one stands alone; the others go through.

    :param check: run right before each request with the changes in it; what it raises prevents that

    :raises PropertyRefused: when no change could be accepted
    :raises HubSpotError: when HubSpot refuses for another reason, or did not answer; what was yielded is done
    """
    try:
        yield Sent(changes, client.objects.batch_update(OBJECT_TYPE, changes, check=lambda: check(changes)))
    except Invalid as error:
        if error.code in _HOPELESS:
            raise _property_refused(error) from None
        if len(changes) == 1:
            yield Refused(changes[0], error)
            return
        middle = len(changes) // 2
        yield from send(client, changes[:middle], check)
        yield from send(client, changes[middle:], check)


def _property_refused(error: Invalid) -> PropertyRefused:
    return PropertyRefused(
        error.message,
        status=error.status,
        correlation_id=error.correlation_id,
        hint=f"the property {error.property_name} was removed or made read-only in HubSpot since it was checked; the "
        "rows stay pending, so correct the property (a sync of deals refreshes the catalogue) and clear the task",
    )
