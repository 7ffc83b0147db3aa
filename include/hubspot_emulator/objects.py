"""CRM records: list, get, search and batch read."""

from __future__ import annotations

from itertools import islice
from typing import Any

from hubspot_emulator.call import Answer, Call
from hubspot_emulator.errors import invalid, not_found
from hubspot_emulator.portal import Portal
from hubspot_emulator.query import DEFAULTS, MODIFIED, OBJECT_ID, Search, parsed
from hubspot_emulator.records import Version
from hubspot_emulator.times import iso, now_ms

MOST_LISTED, MOST_LISTED_WITH_HISTORY = 100, 50
MOST_IN_BATCH, MOST_IN_BATCH_WITH_HISTORY = 100, 50
ALWAYS = ("createdate", MODIFIED, OBJECT_ID)


def list_page(call: Call) -> Answer:
    """List records above an id, from the primary store."""
    history = call.names("propertiesWithHistory")
    limit = call.number("limit", 10, MOST_LISTED_WITH_HISTORY if history else MOST_LISTED)
    after = call.query.get("after", ["0"])[-1]
    if not after.isdigit():
        raise invalid("after must be the id that the previous page gave")
    records = call.portal.records
    found = list(islice(records.above(int(after), archived=call.flag("archived")), limit + 1))
    body: dict[str, Any] = {"results": [_rendered(call, v, history) for v in found[:limit]]}
    if len(found) > limit:
        last = str(records.source.crm_id(found[limit - 1].number))
        body["paging"] = {"next": {"after": last, "link": f"https://api.hubapi.com?after={last}"}}
    return Answer(body)


def get(call: Call) -> Answer:
    """Read one record; a merged one answers with the record that it ended up in."""
    version = call.portal.records.find(call.parameters["id"])
    if version is not None:
        version = call.portal.records.survivor(version)
    if version is None or (version.archived_ms is not None) != call.flag("archived"):
        raise not_found()
    return Answer(_rendered(call, version, call.names("propertiesWithHistory")))


def batch_read(call: Call) -> Answer:
    """Read records by id; those that are not there are listed in a 207, merged ones are left out without a word."""
    body = call.body
    inputs, history = body.get("inputs") or [], tuple(body.get("propertiesWithHistory") or ())
    most = MOST_IN_BATCH_WITH_HISTORY if history else MOST_IN_BATCH
    if len(inputs) > most:
        raise invalid(f"The maximum number of inputs supported in a batch request is {most}.")
    wanted = _wanted(call.portal, tuple(body.get("properties") or ()))
    results, missing = [], []
    for asked in dict.fromkeys(str(i.get("id")) for i in inputs):
        version = call.portal.records.find(asked)
        if version is None or (version.archived_ms is not None) != call.flag("archived"):
            missing.append(asked)
        elif version.merged_into is None:
            record = call.portal.records.rendered(version, wanted)
            results.append(record | _history(call.portal, version, history))
    return batch_answer(results, missing)


def batch_answer(results: list[dict[str, Any]], missing: list[str], status: int = 200) -> Answer:
    """Return the answer of a batch, with its missing ids in one error entry."""
    now = iso(now_ms())
    body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if missing:
        message = "Could not get some DEAL objects, they may be deleted or not exist. Check that ids are valid."
        entry = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": {"ids": missing}}
        body |= {"numErrors": 1, "errors": [entry]}
    return Answer(body, 207 if missing else status)


def search(call: Call) -> Answer:
    """Search the index."""
    portal = call.portal
    wanted = parsed(call.body, portal.records.source)
    portal.index.catch_up()
    total, hits = _look_up(portal, wanted) if _is_look_up(wanted) else _scan(portal, wanted)
    shown = _disturbed(portal, hits)
    names = _known(portal, wanted.properties)
    body: dict[str, Any] = {"total": total, "results": [portal.records.rendered(v, names) for v in shown]}
    following = wanted.after + wanted.limit
    if following < total:
        body["paging"] = {"next": {"after": str(following), "link": f"?after={following}"}}
    return Answer(body)


def _is_look_up(wanted: Search) -> bool:
    return not wanted.tests and wanted.sort_by == OBJECT_ID


def _look_up(portal: Portal, wanted: Search) -> tuple[int, list[Version]]:
    numbers = portal.index.numbers(wanted.look_up, descending=wanted.descending)
    page = islice(numbers, wanted.after, wanted.after + wanted.limit)
    return portal.index.count(wanted.look_up), [portal.index.version(n) for n in page]


def _scan(portal: Portal, wanted: Search) -> tuple[int, list[Version]]:
    matching: list[tuple[Any, Version]] = []
    for number in portal.index.numbers(wanted.look_up):
        version = portal.index.version(number)
        properties = portal.records.properties(version)
        if not wanted.tests or any(test(properties) for test in wanted.tests):
            matching.append((_sort_key(properties.get(wanted.sort_by)), version))
    matching.sort(key=lambda pair: pair[0], reverse=wanted.descending)
    return len(matching), [v for _, v in matching[wanted.after : wanted.after + wanted.limit]]


def _sort_key(value: str | None) -> tuple[int, float, str]:
    try:
        return (1, float(value), "") if value else (0, 0.0, "")
    except ValueError:
        return (2, 0.0, value or "")


def _disturbed(portal: Portal, hits: list[Version]) -> list[Version]:
    chance, knobs = portal.chance, portal.knobs
    if knobs.short_page_probability and chance.random() < knobs.short_page_probability:
        hits = [v for v in hits if chance.random() >= 0.1]
    if knobs.out_of_order and len(hits) > 1:
        hits = chance.sample(hits, len(hits))
    return hits


def _rendered(call: Call, version: Version, history: tuple[str, ...]) -> dict[str, Any]:
    asked = call.names("properties")
    names = _wanted(call.portal, asked + history if history else asked)
    return call.portal.records.rendered(version, names) | _history(call.portal, version, history)


def _history(portal: Portal, version: Version, names: tuple[str, ...]) -> dict[str, Any]:
    if not names:
        return {}
    kept, current = portal.records.history.get(version.number, {}), portal.records.properties(version)
    first = {
        "timestamp": current["createdate"],
        "sourceType": "CRM_UI",
        "sourceId": "userId:5001",
        "updatedByUserId": 5001,
    }
    return {
        "propertiesWithHistory": {
            name: [*kept.get(name, []), *([] if kept.get(name) else [{"value": current.get(name) or "", **first}])]
            for name in names
        }
    }


def _wanted(portal: Portal, asked: tuple[str, ...]) -> tuple[str, ...]:
    return _known(portal, tuple(dict.fromkeys(asked + ALWAYS)) if asked else DEFAULTS)


def _known(portal: Portal, names: tuple[str, ...]) -> tuple[str, ...]:
    existing = portal.properties
    return tuple(name for name in names if name in existing and not existing[name]["archived"])
