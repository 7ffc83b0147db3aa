"""What is true in a portal, whatever its API lets see of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubspot_emulator.kinds import kind_of
from hubspot_emulator.portal import Portal


def records(portal: Portal, name: str, *, archived: bool) -> Iterator[dict[str, Any]]:
    """Yield every live record of a type with every property, in order of id; `archived`: the recycle bin."""
    collection = portal.collections[kind_of(name).name]
    names = collection.property_names
    for version in collection.records.above(0, archived=archived):
        yield collection.records.rendered(version, names)


def links(portal: Portal, from_type: str, to_type: str) -> Iterator[dict[str, Any]]:
    """Yield every link between two types, with its association types as seen from the first."""
    mine, theirs = (portal.collections[kind_of(name).name] for name in (from_type, to_type))
    found, side = portal.linked(mine.kind.name, theirs.kind.name)
    for number in range(mine.records.count):
        for other, labels in found.of(number, side).items():
            types = [t["typeId"] for t in found.types(labels, side)]
            yield {"from": mine.crm_id(number), "to": theirs.crm_id(other), "types": types}


def splits(portal: Portal) -> Iterator[dict[str, Any]]:
    """Yield how each live deal is split that is split: its id, and owners with their percentages."""
    collection = portal.collections["deals"]
    for version in collection.records.above(0):
        split = portal.shares.of(version.number)
        if split is not None:
            shares = [{"owner": share.owner, "percentage": share.percentage} for share in split.shares]
            yield {"id": collection.crm_id(version.number), "splits": shares}


def merged(portal: Portal, name: str) -> Iterator[dict[str, str]]:
    """Yield each record that was merged away with the one that it ended up in after all merges."""
    collection = portal.collections[kind_of(name).name]
    for number, version in sorted(collection.records.touched.items()):
        if version.merged_into is not None:
            kept = collection.records.survivor(version)
            yield {"id": collection.crm_id(number), "into": collection.crm_id(kept.number)}


def history(portal: Portal, name: str, property_name: str) -> Iterator[dict[str, Any]]:
    """Yield what was written to a property since the start, by record, the oldest first; of gone ones, too."""
    collection = portal.collections[kind_of(name).name]
    for number, entries in collection.records.history.written(property_name):
        yield {"id": collection.crm_id(number), "entries": entries[::-1]}
