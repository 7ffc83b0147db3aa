"""Edits that people and workflows would make, many at a time."""

from __future__ import annotations

import random

from hubspot_emulator import names
from hubspot_emulator.collection import Collection
from hubspot_emulator.declaration import Properties
from hubspot_emulator.kinds import kind_of
from hubspot_emulator.kinds.deals import STAGES
from hubspot_emulator.portal import Portal
from hubspot_emulator.records import Version

_CREATED_SHARE = 0.1


def edit(
    portal: Portal,
    chance: random.Random,
    *,
    count: int,
    type: str = "deals",  # noqa: A002 - what people write in a request
    mix: str = "update",
    same_millisecond: bool = False,
    at_ms: int | None = None,
) -> list[Version]:
    """Change `count` different records, or with `mix="mixed"` create a tenth of them, and return them.

    :param same_millisecond: stamp them all with one modified time, as a bulk edit does
    :param at_ms: that time; now by default
    """
    collection = portal.collections[kind_of(type).name]
    records = collection.records
    at = at_ms or (portal.clock.now() if same_millisecond else None)
    creations = sum(chance.random() < _CREATED_SHARE for _ in range(count)) if mix == "mixed" else 0
    live = [v for v in map(records.version, _sample(collection, chance, count - creations)) if v.is_live]
    changed = [records.update(version, _changes(collection, chance), at) for version in live]
    created = [records.create(_new(collection, chance), at) for _ in range(creations)]
    return [collection.written(version) for version in (*changed, *created)]


def _sample(collection: Collection, chance: random.Random, count: int) -> list[int]:
    return chance.sample(range(collection.records.count), min(count, collection.records.count))


def _new(collection: Collection, chance: random.Random) -> Properties:
    if collection.kind.name == "deals":
        return {"dealname": "New deal", **_changes(collection, chance)}
    return {name: chance.choice(values) for name, values in sorted(collection.kind.edited.items())}


def _changes(collection: Collection, chance: random.Random) -> Properties:
    if collection.kind.name == "deals":
        return _deal_changes(chance)
    edited = sorted(collection.kind.edited.items())
    return {name: chance.choice(values) for name, values in chance.sample(edited, chance.randrange(1, len(edited) + 1))}


def _deal_changes(chance: random.Random) -> Properties:
    pipeline = chance.choice(list(STAGES))
    every: Properties = {
        "amount": chance.choice((f"{chance.randrange(10**7)}.{chance.randrange(100):02d}", None, "0.10")),
        "dealname": f"{chance.choice(names.CUSTOMERS)} {chance.randrange(10**6)}",
        "description": chance.choice((None, *names.SENTENCES)),
        "deal_currency_code": chance.choice(("EUR", "JPY", "KWD", None)),
        "sales_region": chance.choice(("EMEA", "AMER", "APAC", None)),
        "contract_length_months": str(chance.randrange(1, 60)),
    }
    some = dict(chance.sample(sorted(every.items()), chance.randrange(1, 4)))
    if chance.random() < 0.3:
        some |= {"pipeline": pipeline, "dealstage": chance.choice(STAGES[pipeline])}
    return some
