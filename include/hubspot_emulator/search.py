"""Searching CRM records: what the index knows, disturbed as HubSpot's answers are."""

from __future__ import annotations

from typing import Any

from hubspot_emulator.call import Answer, Call
from hubspot_emulator.filters import comparable
from hubspot_emulator.portal import Portal
from hubspot_emulator.query import CREATED, MODIFIED, OBJECT_ID, Search, parsed
from hubspot_emulator.records import Version

_DROPPED_FROM_A_SHORT_PAGE = 0.1


def search(call: Call) -> Answer:
    """Search the index; `total` is the true one also where paging ends at 10,000."""
    portal = call.portal
    wanted = parsed(call.body, portal.records.source, portal.properties)
    portal.index.catch_up()
    total, hits = _look_up(portal, wanted) if _is_look_up(wanted) else _scan(portal, wanted)
    names = portal.known(wanted.properties)
    shown = [portal.records.rendered(_served(portal, v), names) for v in _disturbed(portal, hits)]
    body: dict[str, Any] = {"total": total, "results": shown}
    following = wanted.after + wanted.limit
    if following < total:
        body["paging"] = {"next": {"after": str(following), "link": f"?after={following}"}}
    return Answer(body)


def _is_look_up(wanted: Search) -> bool:
    # Ids rise with the time of creation.
    return not wanted.tests and wanted.sort_by in {OBJECT_ID, CREATED, MODIFIED}


def _look_up(portal: Portal, wanted: Search) -> tuple[int, list[Version]]:
    by_time = wanted.sort_by == MODIFIED
    page = portal.index.page(wanted.look_up, wanted.after, wanted.limit, descending=wanted.descending, by_time=by_time)
    return portal.index.count(wanted.look_up), page


def _scan(portal: Portal, wanted: Search) -> tuple[int, list[Version]]:
    kind = str((portal.properties.get(wanted.sort_by) or {}).get("type", "string"))
    matching = []
    for number in portal.index.numbers(wanted.look_up):
        version = portal.index.version(number)
        properties = portal.records.properties(version)
        if all(test(properties) for test in wanted.tests):
            matching.append((comparable(properties.get(wanted.sort_by), kind), version))
    matching.sort(key=lambda pair: pair[0], reverse=wanted.descending)
    return len(matching), [v for _, v in matching[wanted.after : wanted.after + wanted.limit]]


def _served(portal: Portal, hit: Version) -> Version:
    """Return the state whose values are shown: the index's own or, as a knob, today's of the same deal."""
    if not portal.knobs.live_values:
        return hit
    now = portal.records.version(hit.number)
    return now if now.is_live else hit


def _disturbed(portal: Portal, hits: list[Version]) -> list[Version]:
    chance, knobs = portal.chance, portal.knobs
    if knobs.short_page_probability and chance.random() < knobs.short_page_probability:
        hits = [v for v in hits if chance.random() >= _DROPPED_FROM_A_SHORT_PAGE]
    if knobs.out_of_order and len(hits) > 1:
        hits = chance.sample(hits, len(hits))
    return hits
