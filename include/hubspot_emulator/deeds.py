"""Everything that people do to records, one deed at a time; attaching and detaching bumps nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal

from hubspot_emulator.choice import changes, in_bin, live, new_properties
from hubspot_emulator.collection import Collection
from hubspot_emulator.kinds import ACTIVITIES
from hubspot_emulator.links import Links
from hubspot_emulator.names import owner
from hubspot_emulator.portal import Portal
from hubspot_emulator.shares import Share

# Numbers by object type; nothing when there was nothing to do it to.
Touched = dict[str, list[int]]
Deed = Callable[[Portal, random.Random], Touched]

_HANGING = ("line_items", *(kind.name for kind in ACTIVITIES))
_EDITED = ("deals", "deals", "deals", *_HANGING)
_MERGED = ("deals", "deals", "deals", "contacts", "companies")
_ORPHANED = 0.2
_TRIES = 200


def update(portal: Portal, chance: random.Random) -> Touched:
    """Change some properties."""
    collection = _one_of(portal, chance, _EDITED)
    version = live(collection, chance)
    if version is None:
        return {}
    collection.written(collection.records.update(version, changes(collection, chance)))
    return {collection.kind.name: [version.number]}


def create(portal: Portal, chance: random.Random) -> Touched:
    """Create a record; line items and activities mostly on a deal, some activities on two."""
    collection = _one_of(portal, chance, _EDITED)
    number = collection.written(collection.records.create(new_properties(collection, chance))).number
    touched: Touched = {collection.kind.name: [number]}
    if collection.kind.name in _HANGING and chance.random() >= _ORPHANED:
        for _ in range(1 if collection.kind.name == "line_items" else chance.choice((1, 1, 2))):
            _hang(portal, chance, collection.kind.name, number, touched)
    return touched


def archive(portal: Portal, chance: random.Random) -> Touched:
    """Put a record into the recycle bin."""
    collection = _one_of(portal, chance, _EDITED)
    version = live(collection, chance)
    if version is None:
        return {}
    collection.written(collection.records.archive(version))
    return {collection.kind.name: [version.number]}


def restore(portal: Portal, chance: random.Random) -> Touched:
    """Take a record out of the recycle bin."""
    collection = _one_of(portal, chance, _EDITED)
    version = in_bin(collection, chance)
    if version is None:
        return {}
    collection.written(collection.records.restore(version, bump=portal.knobs.restore_bumps))
    return {collection.kind.name: [version.number]}


def merge(portal: Portal, chance: random.Random) -> Touched:
    """Merge a record into another."""
    return _merge(portal, chance, others=1, third=False)


def merge_third(portal: Portal, chance: random.Random) -> Touched:
    """Merge two records into a third, new one."""
    return _merge(portal, chance, others=1, third=True)


def chain(portal: Portal, chance: random.Random) -> Touched:
    """Merge a record away, and what came of that again: once or twice more, in both ways."""
    return _merge(portal, chance, others=chance.choice((2, 3)), third=None)


def attach(portal: Portal, chance: random.Random) -> Touched:
    """Hang a line item or an activity on a deal."""
    collection = _one_of(portal, chance, _HANGING)
    version, touched = live(collection, chance), Touched()
    if version is not None:
        _hang(portal, chance, collection.kind.name, version.number, touched)
    return touched


def detach(portal: Portal, chance: random.Random) -> Touched:
    """Take a line item or an activity off a deal."""
    name = chance.choice(_HANGING)
    links, version = _links(portal, name), live(portal.collections[name], chance)
    deals = [] if version is None else list(links.of(version.number, 1))
    if version is None or not deals:
        return {}
    deal = chance.choice(deals)
    links.detach(deal, version.number)
    return {"deals": [deal], name: [version.number]}


def adopt(portal: Portal, chance: random.Random) -> Touched:
    """Create the deal that a line item without one has been waiting for."""
    items, links = portal.collections["line_items"], _links(portal, "line_items")
    for _ in range(_TRIES):
        version = live(items, chance)
        if version is not None and not links.of(version.number, 1):
            deals = portal.collections["deals"]
            deal = deals.written(deals.records.create(new_properties(deals, chance))).number
            links.attach(deal, version.number)
            return {"deals": [deal], "line_items": [version.number]}
    return {}


def split(portal: Portal, chance: random.Random) -> Touched:
    """Split a deal among other owners."""
    deal = live(portal.collections["deals"], chance)
    if deal is None:
        return {}
    first, part = chance.randrange(100), Decimal(chance.randrange(1, 100)) / 100
    portal.split(deal, (Share(owner(first), f"{part}"), Share(owner(first + 1), f"{1 - part}")))
    return {"deals": [deal.number]}


def silent(portal: Portal, chance: random.Random) -> Touched:
    """Change a line item's price, and so its calculated amount, without a new modified time."""
    collection = portal.collections["line_items"]
    version = live(collection, chance)
    if version is None:
        return {}
    price = f"{chance.randrange(10_000)}.{chance.randrange(100):02d}"
    collection.written(collection.records.update(version, {"price": price}, bump=False))
    return {"line_items": [version.number]}


def rate(portal: Portal, chance: random.Random) -> Touched:
    """Set an exchange rate, which open deals in that currency follow without a new modified time."""
    now = portal.clock.now()
    held = chance.choice(portal.rates.current(now))
    portal.rates.set(held.code, Decimal(held.rate) * chance.randrange(900, 1100) / 1000, now, now)
    return {"deals": []}


def _one_of(portal: Portal, chance: random.Random, names: tuple[str, ...]) -> Collection:
    return portal.collections[chance.choice(names)]


def _links(portal: Portal, name: str) -> Links:
    return portal.linked("deals", name)[0]


def _hang(portal: Portal, chance: random.Random, name: str, number: int, touched: Touched) -> None:
    deal = live(portal.collections["deals"], chance)
    if deal is not None:
        _links(portal, name).attach(deal.number, number)
        touched.setdefault("deals", []).append(deal.number)
        touched.setdefault(name, []).append(number)


def _merge(portal: Portal, chance: random.Random, *, others: int, third: bool | None) -> Touched:
    name = chance.choice(_MERGED)
    collection = portal.collections[name]
    kept = live(collection, chance)
    touched: Touched = {}
    for _ in range(others):
        other = live(collection, chance)
        if kept is None or other is None or other.number == kept.number:
            break
        # In a chain the one that others were merged into is merged away itself.
        pair = (kept, other) if not touched else (other, kept)
        makes_third = chance.random() < 0.5 if third is None else third
        kept = portal.merge(name, *pair, third=makes_third)
        touched.setdefault(name, []).extend({kept.number, *(v.number for v in pair)})
    return touched


DEEDS: dict[str, Deed] = {
    deed.__name__: deed
    for deed in (
        update,
        create,
        archive,
        restore,
        merge,
        merge_third,
        chain,
        attach,
        detach,
        adopt,
        split,
        silent,
        rate,
    )
}
