"""Reading CRM records from the primary store: list, get and batch read."""

from __future__ import annotations

from itertools import islice
from typing import Any
from urllib.parse import urlencode

from hubspot_emulator import batch
from hubspot_emulator.call import Answer, Call
from hubspot_emulator.errors import invalid, not_found
from hubspot_emulator.inline import associations_of
from hubspot_emulator.records import Version
from hubspot_emulator.rendering import shown

MOST_LISTED, MOST_LISTED_WITH_HISTORY = 100, 50


def list_page(call: Call) -> Answer:
    """List records above an id; `after` is the last id of the page before."""
    history = call.names("propertiesWithHistory")
    limit = call.number("limit", 10, MOST_LISTED_WITH_HISTORY if history else MOST_LISTED)
    after = call.last("after", "0")
    if not after.isdecimal():
        raise invalid("after must be the id that the previous page gave")
    collection = call.collection
    found = list(islice(collection.records.above(int(after), archived=call.flag("archived")), limit + 1))
    results = [_with_links(call, v) for v in found[:limit]]
    body: dict[str, Any] = {"results": results}
    if len(found) > limit:
        last = collection.crm_id(found[limit - 1].number)
        body["paging"] = {"next": {"after": last, "link": _next_link(call, last)}}
    return Answer(body)


def get(call: Call) -> Answer:
    """Read one record, by id or by a unique property; a merged one answers with the record that it ended up in."""
    crm_id, id_property = call.parameters["id"], call.last("idProperty") or None
    if id_property is None and not crm_id.isdecimal():
        raise not_found("Object not found.  objectId are usually numeric.")
    collection = call.collection
    version = collection.find(crm_id, id_property)
    if version is not None:
        version = collection.records.survivor(version)
    if version is None or (version.archived_ms is not None) != call.flag("archived"):
        raise not_found()
    return Answer(_with_links(call, version))


def batch_read(call: Call) -> Answer:
    """Read records by id; those that are not there are listed in a 207, merged ones are left out without a word."""
    body, collection = call.body, call.collection
    history = tuple(body.get("propertiesWithHistory") or ())
    names = collection.wanted(tuple(body.get("properties") or ()) + history)
    found: dict[int, Version] = {}
    missing = {}
    for one in batch.inputs_of(call, with_history=bool(history)):
        version = collection.find(str(one.get("id")), body.get("idProperty"))
        if version is None or (version.archived_ms is not None) != call.flag("archived"):
            missing[str(one.get("id"))] = one
        elif version.merged_into is None:
            found[version.number] = version
    # The order is the store's, not that of the inputs.
    results = [shown(call, found[number], names, history) for number in sorted(found)]
    return batch.answer(call, results, batch.missing(call, list(missing.values())))


def _next_link(call: Call, after: str) -> str:
    query = {**call.query, "after": [after]}
    return f"https://api.hubapi.com{call.path}?{urlencode(query, doseq=True)}"


def _with_links(call: Call, version: Version) -> dict[str, Any]:
    history = call.names("propertiesWithHistory")
    record = shown(call, version, call.collection.wanted(call.names("properties") + history), history)
    if (linked := associations_of(call, version)) is not None:
        record["associations"] = linked
    return record
