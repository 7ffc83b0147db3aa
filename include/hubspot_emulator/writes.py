"""CRM records: create, update, archive and merge, one by one and in batches."""

from __future__ import annotations

from typing import Any

from hubspot_emulator.call import Answer, Call
from hubspot_emulator.errors import invalid, not_found
from hubspot_emulator.objects import MOST_IN_BATCH, batch_answer
from hubspot_emulator.portal import checked_properties
from hubspot_emulator.query import DEFAULTS
from hubspot_emulator.records import Version


def create(call: Call) -> Answer:
    """Create a record."""
    return Answer(_shown(call, _created(call, call.body)), 201)


def update(call: Call) -> Answer:
    """Change a record; an id that was merged away changes the survivor."""
    version = _live(call, call.parameters["id"])
    properties = checked_properties(call.body)
    call.portal.check(properties)
    return Answer(_shown(call, call.portal.written(call.portal.records.update(version, properties))))


def archive(call: Call) -> Answer:
    """Put a record into the recycle bin; once more is no error."""
    version = call.portal.records.find(call.parameters["id"])
    if version is None:
        raise not_found()
    if version.is_live:
        call.portal.written(call.portal.records.archive(version))
    return Answer(None, 204)


def merge(call: Call) -> Answer:
    """Merge two records."""
    body, portal = call.body, call.portal
    primary, loser = _live(call, str(body.get("primaryObjectId"))), _live(call, str(body.get("objectIdToMerge")))
    if primary.number == loser.number:
        raise invalid("Cannot merge an object with itself")
    target = portal.records.merge(primary, loser, third=portal.knobs.merge_makes_third)
    for number in {primary.number, loser.number, target.number}:
        portal.written(portal.records.version(number))
    return Answer(_shown(call, target))


def batch_create(call: Call) -> Answer:
    """Create up to 100 records; one bad input fails them all."""
    inputs = _inputs(call)
    for one in inputs:
        call.portal.check(checked_properties(one))
    # The one status that differs between versions.
    status = 200 if call.version == "2025-09" else 201
    return batch_answer([_shown(call, _created(call, one)) for one in inputs], [], status)


def batch_update(call: Call) -> Answer:
    """Change up to 100 records; one bad value fails them all, a missing record only itself."""
    inputs = _inputs(call)
    for one in inputs:
        call.portal.check(checked_properties(one))
    results, missing = [], []
    for one in inputs:
        version = call.portal.records.find(str(one.get("id")))
        if version is None or not version.is_live:
            missing.append(str(one.get("id")))
            continue
        changed = call.portal.written(call.portal.records.update(version, checked_properties(one)))
        results.append(_shown(call, changed))
    return batch_answer(results, missing)


def batch_upsert(call: Call) -> Answer:
    """Change or create up to 100 records, found by a property whose values are unique."""
    results = []
    for one in _inputs(call):
        name = one.get("idProperty")
        if not name or not (call.portal.properties.get(name) or {}).get("hasUniqueValue"):
            raise invalid(f"idProperty {name} is not a unique property")
        properties = checked_properties(one) | {name: str(one.get("id"))}
        call.portal.check(properties)
        known = _by_value(call, name, str(one.get("id")))
        version = call.portal.records.update(known, properties) if known else call.portal.records.create(properties)
        results.append(_shown(call, call.portal.written(version)) | {"new": known is None})
    return batch_answer(results, [])


def batch_archive(call: Call) -> Answer:
    """Put up to 100 records into the recycle bin; unknown ids are passed over."""
    for one in _inputs(call):
        version = call.portal.records.find(str(one.get("id")))
        if version is not None and version.is_live:
            call.portal.written(call.portal.records.archive(version))
    return Answer(None, 204)


def _created(call: Call, body: Any) -> Version:
    properties = checked_properties(body)
    call.portal.check(properties)
    return call.portal.written(call.portal.records.create(properties))


def _by_value(call: Call, name: str, value: str) -> Version | None:
    # Only edited records can have a value of a property that somebody made unique.
    for version in call.portal.records.touched.values():
        if version.is_live and version.changes.get(name) == value:
            return version
    return None


def _live(call: Call, crm_id: str) -> Version:
    version = call.portal.records.find(crm_id)
    if version is not None:
        version = call.portal.records.survivor(version)
    if version is None or not version.is_live:
        raise not_found()
    return version


def _inputs(call: Call) -> list[dict[str, Any]]:
    body = call.body
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(inputs, list) or not inputs:
        raise invalid("Invalid input JSON: inputs must be a list that is not empty")
    if len(inputs) > MOST_IN_BATCH:
        raise invalid(f"The maximum number of inputs supported in a batch request is {MOST_IN_BATCH}.")
    ids = [i["id"] for i in inputs if "id" in i]
    if len(ids) != len(set(map(str, ids))):
        raise invalid("Duplicate IDs found in batch input")
    return inputs


def _shown(call: Call, version: Version) -> dict[str, Any]:
    changed = tuple(n for n in version.changes if n in call.portal.properties)
    return call.portal.records.rendered(version, tuple(dict.fromkeys((*DEFAULTS, *changed))))
