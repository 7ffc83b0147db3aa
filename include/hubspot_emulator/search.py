"""Searching CRM records: what the index knows, disturbed as HubSpot's answers are."""

from __future__ import annotations

from typing import Any

from hubspot_emulator.call import Answer, Call
from hubspot_emulator.collection import Collection
from hubspot_emulator.filters import comparable
from hubspot_emulator.portal import Portal
from hubspot_emulator.query import OBJECT_ID, Search, parsed
from hubspot_emulator.records import Version
from hubspot_emulator.rendering import shown

_DROPPED_FROM_A_SHORT_PAGE = 0.1


def search(call: Call) -> Answer:
    """Search the index; `total` is the true one also where paging ends at 10,000."""
    collection = call.collection
    wanted = parsed(call)
    collection.index.catch_up()
    look_up = not wanted.tests and wanted.sort_by in {*collection.kind.always, OBJECT_ID}
    total, hits = (_look_up if look_up else _scan)(collection, wanted)
    names = collection.known(wanted.properties)
    results = [shown(call, _served(call, v), names) for v in _disturbed(call.portal, hits)]
    body: dict[str, Any] = {"total": total, "results": results}
    following = wanted.after + wanted.limit
    if following < total:
        body["paging"] = {"next": {"after": str(following), "link": f"?after={following}"}}
    return Answer(body)


def _look_up(collection: Collection, wanted: Search) -> tuple[int, list[Version]]:
    # Ids rise with the time of creation.
    by_time, index = wanted.sort_by == collection.kind.modified, collection.index
    page = index.page(wanted.look_up, wanted.after, wanted.limit, descending=wanted.descending, by_time=by_time)
    return index.count(wanted.look_up), page


def _scan(collection: Collection, wanted: Search) -> tuple[int, list[Version]]:
    sort_by = wanted.sort_by
    kind = str((collection.properties.get(sort_by) or {}).get("type", "string"))
    # Ids and times of creation rise with numbers, in the order of which the index gives them.
    in_order = sort_by in {collection.kind.created, OBJECT_ID}
    tested = None if wanted.tested is None else wanted.tested - ({sort_by} if in_order else set())
    read, index = collection.columns.reader(tested), collection.index
    matching = []
    for number in index.numbers(wanted.look_up, descending=in_order and wanted.descending):
        properties = read(number, index.written(number))
        if all(test(properties) for test in wanted.tests):
            matching.append((number, properties.get(sort_by)))
    if not in_order:
        matching.sort(key=lambda pair: comparable(pair[1], kind), reverse=wanted.descending)
    page = matching[wanted.after : wanted.after + wanted.limit]
    return len(matching), [index.version(number) for number, _ in page]


def _served(call: Call, hit: Version) -> Version:
    """Return the state whose values are shown: the index's own or, as a knob, today's of the same record."""
    if not call.portal.knobs.live_values:
        return hit
    now = call.collection.records.version(hit.number)
    return now if now.is_live else hit


def _disturbed(portal: Portal, hits: list[Version]) -> list[Version]:
    chance, knobs = portal.chance, portal.knobs
    if knobs.short_page_probability and chance.random() < knobs.short_page_probability:
        hits = [v for v in hits if chance.random() >= _DROPPED_FROM_A_SHORT_PAGE]
    if len(hits) > 1 and knobs.repeated_hit_probability and chance.random() < knobs.repeated_hit_probability:
        hits = [*hits[:-2], hits[-1], hits[-1]]
    if knobs.out_of_order and len(hits) > 1:
        hits = chance.sample(hits, len(hits))
    return hits
