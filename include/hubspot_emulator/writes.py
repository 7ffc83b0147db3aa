"""CRM records: create, update, archive and merge, one by one and in batches."""

from __future__ import annotations

from typing import Any

from hubspot_emulator import batch
from hubspot_emulator.associations import attach
from hubspot_emulator.call import Answer, Call
from hubspot_emulator.declaration import Properties
from hubspot_emulator.errors import ApiError, invalid, invalid_property, not_found
from hubspot_emulator.records import Version
from hubspot_emulator.rendering import shown
from hubspot_emulator.values import appended


def create(call: Call) -> Answer:
    """Create a record, with links if it is to have some."""
    version = _created(call, call.collection.accepted(call.body))
    attach(call, version, call.body.get("associations") or ())
    return Answer(_shown(call, version), 201)


def update(call: Call) -> Answer:
    """Change a record; an id that was merged away changes the survivor."""
    version, properties = _live(call, call.parameters["id"]), call.collection.accepted(call.body)
    _check_requirement(call, version, properties)
    return Answer(_shown(call, _updated(call, version, properties)))


def archive(call: Call) -> Answer:
    """Put a record into the recycle bin; once more is no error."""
    version = call.collection.records.find(call.parameters["id"])
    if version is None:
        raise not_found()
    if version.is_live:
        call.collection.written(call.collection.records.archive(version))
    return Answer(None, 204)


def merge(call: Call) -> Answer:
    """Merge two records."""
    if not call.collection.kind.merges:
        raise invalid(f"Objects of type {call.collection.kind.name} cannot be merged")
    body = call.body
    primary, loser = _live(call, str(body.get("primaryObjectId"))), _live(call, str(body.get("objectIdToMerge")))
    if primary.number == loser.number:
        raise invalid("Cannot merge an object with itself")
    return Answer(_shown(call, call.portal.merge(call.collection.kind.name, primary, loser)))


def batch_create(call: Call) -> Answer:
    """Create up to 100 records; one bad input fails them all, unless every input has a trace id of its own."""
    inputs = batch.write_inputs_of(call)
    accepted: list[tuple[batch.Input, Properties]] = []
    errors = []
    for one in inputs:
        try:
            accepted.append((one, call.collection.accepted(one)))
        except ApiError as error:
            if not batch.all_traced(inputs):
                raise
            errors.append(batch.failed(one, error))
    results = []
    for one, properties in accepted:
        version = _created(call, properties)
        attach(call, version, one.get("associations") or ())
        results.append(batch.traced(_shown(call, version), one))
    # The one status that differs between versions.
    return batch.answer(call, results, errors, 200 if call.version == "2025-09" else 201)


def batch_update(call: Call) -> Answer:
    """Change up to 100 records; one bad value fails them all, a missing record only itself.

    Unlike an update of one record this does not follow an id that was merged away.
    """
    changes = [(one, call.collection.accepted(one)) for one in batch.write_inputs_of(call)]
    found, missing = [], []
    for one, properties in changes:
        version = call.collection.find(str(one.get("id")), one.get("idProperty"))
        if version is None or not version.is_live:
            missing.append(one)
        else:
            _check_requirement(call, version, properties)
            found.append((one, version, properties))
    results = [batch.traced(_shown(call, _updated(call, version, changed)), one) for one, version, changed in found]
    return batch.answer(call, results, batch.missing(call, missing))


def batch_upsert(call: Call) -> Answer:
    """Change or create up to 100 records, found by a property whose values are unique."""
    wanted = [(one, _upsert_properties(call, one)) for one in batch.write_inputs_of(call)]
    results = []
    for one, properties in wanted:
        known = call.collection.find(str(one.get("id")), one["idProperty"])
        version = _updated(call, known, properties) if known else _created(call, properties)
        results.append(batch.traced(_shown(call, version) | {"new": known is None}, one))
    return batch.answer(call, results, [])


def batch_archive(call: Call) -> Answer:
    """Put up to 100 records into the recycle bin; unknown ids are passed over."""
    for one in batch.write_inputs_of(call):
        version = call.collection.records.find(str(one.get("id")))
        if version is not None and version.is_live:
            call.collection.written(call.collection.records.archive(version))
    return Answer(None, 204)


def _upsert_properties(call: Call, one: batch.Input) -> Properties:
    name = one.get("idProperty")
    if not isinstance(name, str) or not call.collection.is_unique(name):
        raise invalid(f"idProperty {name} is not a unique property")
    return call.collection.accepted({"properties": {**(one.get("properties") or {}), name: one.get("id")}})


def _created(call: Call, properties: Properties) -> Version:
    return call.collection.written(call.collection.records.create(properties))


def _updated(call: Call, version: Version, properties: Properties) -> Version:
    before, definitions = call.collection.records.properties(version), call.collection.properties
    changes = {name: appended(value, before.get(name), definitions[name]) for name, value in properties.items()}
    return call.collection.written(call.collection.records.update(version, changes))


def _check_requirement(call: Call, version: Version, properties: Properties) -> None:
    rule = call.portal.knobs.conditional_requirement
    if rule is None or properties.get(rule["property"]) != rule["value"]:
        return
    if not (call.collection.records.properties(version) | properties).get(rule["requires"]):
        message = f"{rule['requires']} is required when {rule['property']} is {rule['value']}."
        code = "MISSING_CONDITIONAL_REQUIRED_PROPERTY"
        raise invalid_property(rule["requires"], code, message, call.portal.spec.portal_id)


def _live(call: Call, crm_id: str) -> Version:
    version = call.collection.records.find(crm_id)
    if version is not None:
        version = call.collection.records.survivor(version)
    if version is None or not version.is_live:
        raise not_found()
    return version


def _shown(call: Call, version: Version) -> dict[str, Any]:
    changed = tuple(n for n in version.changes if n in call.collection.properties)
    return shown(call, version, tuple(dict.fromkeys((*call.collection.defaults, *changed))))
