"""What of a commission has to be written: pure comparisons of what we wrote, what HubSpot has, and what we want."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from commission_sync.store.commissions import Settled, Standing, Values
from commission_sync.store.writebacks import PendingRow
from commission_sync.writeback.properties import Layout


def known_values(standing: Standing) -> Values:
    """Return what HubSpot was last seen to have on the record: by the sync, by our last write, or by a later look."""
    seen = [(standing.copy_at, standing.copy or {})] if standing.copy_at is not None else []
    for row in (standing.agreed, standing.last):
        values = None if row is None else row.stored or row.observed
        if row is not None and row.crm_updated_at is not None and values is not None:
            seen.append((row.crm_updated_at, values))
    # Of equally new ones the last: an answer to a write is at least as new as any copy of its version.
    return max(reversed(seen), key=lambda one: one[0])[1] if seen else {}


def is_settled(layout: Layout, wanted: Values, known: Values, last: Settled | None) -> bool:
    """Whether a difference was decided already, and nothing has changed since.

    A row that a person dismissed, that theirs was decided for, that lost to HubSpot's value by policy, that waits for
    a decision, or that an undo took back is not written again until the commission or HubSpot's values change.
    """
    if last is None:
        return False
    if last.kind == "undo" and last.state == "sent":
        return not layout.differing(last.before, wanted)
    if layout.differing(last.properties, wanted):
        return False
    if last.resolution in {"dismissed", "theirs"}:
        return True
    # One that was left out because HubSpot had it already has lost to nobody.
    has_lost = last.state == "skipped" and last.observed is not None and layout.differing(wanted, last.observed)
    stands = last.state == "conflict" or has_lost
    return bool(stands) and last.resolution is None and not layout.differing(known, last.observed or {})


def is_doubtful(layout: Layout, wanted: Values, standing: Standing) -> bool:
    """Whether HubSpot may have another value of ours than the wanted one, whatever was last seen there."""
    return any(not _agrees(layout, values, wanted) for values in standing.doubts)


def has_landed(layout: Layout, values: Values, now: Values) -> bool:
    """Whether HubSpot has what was sent to it without an answer."""
    return _agrees(layout, values, now)


def _agrees(layout: Layout, values: Values, others: Values) -> bool:
    by_name = layout.by_name
    return all(by_name[n].agree(v, others.get(n)) if n in by_name else v == others.get(n) for n, v in values.items())


def sharing_refusal(standing: Standing) -> str | None:
    """Return why a commission cannot be written as long as others belong on the same record."""
    if standing.sharers == 1:
        return None
    return (
        f"{standing.sharers} commissions belong on deal {standing.crm_id}, which their deals were merged into; "
        "decide in deal_commissions which one counts"
    )


@dataclass(frozen=True)
class Comparison:
    """How the properties of one record stand: those to write, and those that somebody else changed."""

    to_write: tuple[str, ...]
    contested: tuple[str, ...]


def compare(layout: Layout, row: PendingRow, now: Values) -> Comparison:
    """Hold what HubSpot has now against what a row wants and what we wrote or may have written.

    A value that is none of these, and not empty before our first write, is somebody's change. One that a person has
    decided against is not held again.
    """
    expected = row.ours if row.accepted is None else (*row.ours, row.accepted)
    by_name = layout.by_name
    to_write = layout.differing(row.properties, now)
    contested = [n for n in to_write if not any(by_name[n].agree(now.get(n), values.get(n)) for values in expected)]
    return Comparison(tuple(to_write), tuple(contested))


def refused_options(wanted: Mapping[str, str], allowed: Mapping[str, Collection[str]]) -> str | None:
    """Return why a value cannot be written: the portal's property has no such option."""
    for name, options in allowed.items():
        value = wanted.get(name)
        if value and value not in options:
            return (
                f"{value!r} is no option of {name} in HubSpot, which has {', '.join(sorted(options))}; "
                "add the option there"
            )
    return None
