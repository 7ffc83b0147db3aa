"""Edits that people and workflows would make, many at a time."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from hubspot_emulator.choice import changes, new_properties, sample
from hubspot_emulator.deeds import DEEDS, Touched
from hubspot_emulator.kinds import kind_of
from hubspot_emulator.portal import Portal

_CREATED_SHARE = 0.1

# How often each deed is done with `mix="everything"`; `silent` and `rate` have to be asked for.
EVERYTHING = {
    "update": 40,
    "create": 12,
    "archive": 10,
    "restore": 6,
    "merge": 4,
    "merge_third": 3,
    "chain": 2,
    "attach": 8,
    "detach": 8,
    "adopt": 3,
    "split": 4,
}


@dataclass
class Done:
    """What edits have touched: ids by object type, and how often each deed was done; `asked` is the type asked for."""

    asked: str = "deals"
    ids: dict[str, list[str]] = field(default_factory=dict)
    deeds: Counter[str] = field(default_factory=Counter)

    def add(self, portal: Portal, deed: str, touched: Touched) -> None:
        """Take note of one deed."""
        for name, numbers in touched.items():
            collection = portal.collections[name]
            self.ids.setdefault(name, []).extend(collection.crm_id(number) for number in numbers)
        self.deeds[deed] += bool(touched)


def edit(
    portal: Portal,
    chance: random.Random,
    *,
    count: int,
    type: str = "deals",  # noqa: A002 - what people write in a request
    mix: str = "update",
    same_millisecond: bool = False,
    at_ms: int | None = None,
) -> Done:
    """Change `count` different records of one type, or with `mix="mixed"` create a tenth of them.

    :param same_millisecond: stamp them all with one modified time, as a bulk edit does
    :param at_ms: that time; now by default
    """
    collection = portal.collections[kind_of(type).name]
    records = collection.records
    at = at_ms or (portal.clock.now() if same_millisecond else None)
    creations = sum(chance.random() < _CREATED_SHARE for _ in range(count)) if mix == "mixed" else 0
    live = [v for v in map(records.version, sample(collection, chance, count - creations)) if v.is_live]
    changed = [records.update(version, changes(collection, chance), at) for version in live]
    created = [records.create(new_properties(collection, chance), at) for _ in range(creations)]
    done = Done(collection.kind.name)
    for deed, versions in (("update", changed), ("create", created)):
        for version in versions:
            done.add(portal, deed, {collection.kind.name: [collection.written(version).number]})
    return done


def edit_everything(
    portal: Portal, chance: random.Random, *, count: int, weights: dict[str, float] | None = None
) -> Done:
    """Do `count` deeds of every kind to records of every type, as often as `weights` say.

    :raises ValueError: for a deed that there is not
    """
    chosen = weights or EVERYTHING
    if unknown := chosen.keys() - DEEDS.keys():
        raise ValueError(f"unknown {', '.join(sorted(unknown))}: the deeds are {', '.join(DEEDS)}")
    done = Done()
    for name in chance.choices(list(chosen), list(chosen.values()), k=count):
        done.add(portal, name, DEEDS[name](portal, chance))
    return done
