"""What an edit falls on, and the values that it sets, by chance."""

from __future__ import annotations

import random

from hubspot_emulator import names
from hubspot_emulator.collection import Collection
from hubspot_emulator.declaration import Properties
from hubspot_emulator.kinds.deals import STAGES
from hubspot_emulator.records import Version

_TRIES = 50


def sample(collection: Collection, chance: random.Random, count: int) -> list[int]:
    """Return different records, live or not."""
    return chance.sample(range(collection.records.count), min(count, collection.records.count))


def live(collection: Collection, chance: random.Random) -> Version | None:
    """Return a live record; None when there is hardly one."""
    for _ in range(_TRIES if collection.records.count else 0):
        version = collection.records.version(chance.randrange(collection.records.count))
        if version.is_live:
            return version
    return None


def in_bin(collection: Collection, chance: random.Random) -> Version | None:
    """Return a record from the recycle bin."""
    archived = list(collection.records.above(0, archived=True))
    return chance.choice(archived) if archived else None


def new_properties(collection: Collection, chance: random.Random) -> Properties:
    """Return what a record is created with."""
    if collection.kind.name == "deals":
        return {"dealname": "New deal", **_deal_changes(chance)}
    return {name: chance.choice(values) for name, values in sorted(collection.kind.edited.items())}


def changes(collection: Collection, chance: random.Random) -> Properties:
    """Return what an edit sets."""
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
