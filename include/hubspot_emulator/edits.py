"""Edits that people and workflows would make, many at a time."""

from __future__ import annotations

import random

from hubspot_emulator import names
from hubspot_emulator.deals import STAGES, Properties
from hubspot_emulator.portal import Portal
from hubspot_emulator.records import Version
from hubspot_emulator.times import now_ms

_CREATED_SHARE = 0.1


def edit(
    portal: Portal,
    chance: random.Random,
    *,
    count: int,
    mix: str = "update",
    same_millisecond: bool = False,
    at_ms: int | None = None,
) -> list[Version]:
    """Change `count` different deals, or with `mix="mixed"` create a tenth of them, and return them.

    :param same_millisecond: stamp them all with one modified time, as a bulk edit does
    :param at_ms: that time; now by default
    """
    at = at_ms or (now_ms() if same_millisecond else None)
    creations = sum(chance.random() < _CREATED_SHARE for _ in range(count)) if mix == "mixed" else 0
    live = [v for v in map(portal.records.version, _sample(portal, chance, count - creations)) if v.is_live]
    changed = [portal.records.update(version, _changes(chance), at) for version in live]
    created = [portal.records.create({"dealname": "New deal", **_changes(chance)}, at) for _ in range(creations)]
    return [portal.written(version) for version in (*changed, *created)]


def _sample(portal: Portal, chance: random.Random, count: int) -> list[int]:
    return chance.sample(range(portal.records.count), min(count, portal.records.count))


def _changes(chance: random.Random) -> Properties:
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
