"""Properties, owners, pipelines and the account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hubspot_emulator import batch
from hubspot_emulator.call import Answer, Call
from hubspot_emulator.catalog import completed
from hubspot_emulator.errors import ApiError, error, expired, invalid, not_found
from hubspot_emulator.times import iso

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_REQUIRED = ("name", "label", "type", "fieldType", "groupName")
_OWNER_PAGE = 500


def list_properties(call: Call) -> Answer:
    """List every property at once."""
    archived = call.flag("archived")
    return Answer({"results": [d for d in call.collection.properties.values() if d["archived"] == archived]})


def get_property(call: Call) -> Answer:
    """Read one property."""
    return Answer(_property(call, archived=call.flag("archived")))


def create_property(call: Call) -> Answer:
    """Create a property; the name of an archived one brings that one back."""
    return Answer(_created(call, call.body), 201)


def batch_create_properties(call: Call) -> Answer:
    """Create up to 100 properties; those whose name is taken are listed in a 207."""
    results, errors = [], []
    for wanted in batch.inputs_of(call):
        try:
            results.append(_created(call, wanted))
        except ApiError as refused:
            if refused.status != 409:
                raise
            errors.append({k: v for k, v in refused.body.items() if k != "correlationId"})
    # The release of 2026-09 answers 200 where the older ones answer 201.
    return batch.answer(call, results, errors, 200 if call.version >= "2026-09" and not call.is_numbered else 201)


def update_property(call: Call) -> Answer:
    """Change a property's definition; its name and type stay."""
    known = _property(call, archived=False)
    fixed = {"name", "type", "hasUniqueValue"}
    known.update({k: v for k, v in call.body.items() if k not in fixed} | {"updatedAt": iso(call.portal.clock.now())})
    return Answer(known)


def archive_property(call: Call) -> Answer:
    """Archive a property; values stay with the records."""
    known = _property(call, archived=False)
    if not known["modificationMetadata"]["archivable"]:
        raise invalid("Properties that HubSpot defines cannot be archived")
    known.update(archived=True, archivedAt=iso(call.portal.clock.now()))
    return Answer(None, 204)


def list_groups(call: Call) -> Answer:
    """List the property groups."""
    return Answer({"results": list(call.collection.groups.values())})


def create_group(call: Call) -> Answer:
    """Create a property group."""
    wanted = call.body
    if wanted.get("name") in call.collection.groups:
        raise error(409, f"A property group named '{wanted['name']}' already exists.", "OBJECT_ALREADY_EXISTS")
    group = {"displayOrder": -1, "archived": False, **wanted}
    call.collection.groups[wanted["name"]] = group
    return Answer(group, 201)


def list_owners(call: Call) -> Answer:
    """List the owners; those who left with `archived=true`."""
    limit, after = call.number("limit", 100, _OWNER_PAGE), int(call.query.get("after", ["0"])[-1])
    found = [o for o in call.portal.owners(archived=call.flag("archived")) if int(o["id"]) > after]
    found = [o for o in found if o["email"] in call.query.get("email", [o["email"]])]
    body: dict[str, Any] = {"results": found[:limit]}
    if len(found) > limit:
        body["paging"] = {"next": {"after": found[limit - 1]["id"]}}
    return Answer(body)


def get_owner(call: Call) -> Answer:
    """Read one owner, by id or by user id."""
    key = "userIdIncludingInactive" if call.query.get("idProperty") == ["userId"] else "id"
    for owner in call.portal.owners(archived=call.flag("archived")):
        if str(owner[key]) == call.parameters["id"]:
            return Answer(owner)
    raise not_found()


def list_pipelines(call: Call) -> Answer:
    """List the pipelines with their stages; only deals have some here."""
    return Answer({"results": call.portal.pipelines() if call.collection.kind.name == "deals" else []})


def get_pipeline(call: Call) -> Answer:
    """Read one pipeline."""
    for pipeline in call.portal.pipelines():
        if pipeline["id"] == call.parameters["id"]:
            return Answer(pipeline)
    raise not_found()


def account(call: Call) -> Answer:
    """Tell who the account is."""
    return Answer(call.portal.account())


def daily_usage(call: Call) -> Answer:
    """Tell how much of the day's calls is used."""
    limits = call.portal.limits
    if limits.daily_limit is None:
        return Answer({"results": []})
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": limits.daily_limit,
        "currentUsage": limits.used_today,
        "fetchStatus": "SUCCESS",
        "collectedAt": iso(call.portal.clock.now()),
        "resetsAt": iso(round(limits.resets_at.timestamp() * 1000)),
    }
    return Answer({"results": [usage]})


def token_info(call: Call) -> Answer:
    """Tell what a private app's token may do."""
    if call.body.get("tokenKey") != call.portal.spec.token:
        raise expired("20543 day(s)", "1970-01-01T00:00:00Z")
    spec = call.portal.spec
    return Answer({"userId": 5001, "hubId": spec.portal_id, "appId": 1, "scopes": list(spec.scopes)})


def _property(call: Call, *, archived: bool) -> dict[str, Any]:
    known = call.collection.properties.get(call.parameters["name"])
    if known is None or known["archived"] != archived:
        raise not_found(f"No property named {call.parameters['name']} exists")
    return known


def _created(call: Call, wanted: Mapping[str, Any]) -> dict[str, Any]:
    if lacking := [name for name in _REQUIRED if not wanted.get(name)]:
        raise invalid(f"Some required fields were not set: {lacking}")
    if not _NAME.fullmatch(wanted["name"]):
        raise invalid("Property names must be lower-case letters, digits and underscores", subCategory="INVALID_NAME")
    if wanted["groupName"] not in call.collection.groups:
        raise invalid(f"Property group {wanted['groupName']} does not exist")
    known = call.collection.properties.get(wanted["name"])
    if known and not known["archived"]:
        message = f"A property named '{wanted['name']}' already exists."
        raise error(409, message, "OBJECT_ALREADY_EXISTS", subCategory="Properties.PROPERTY_WITH_NAME_EXISTS")
    now = iso(call.portal.clock.now())
    call.collection.properties[wanted["name"]] = completed({**wanted, "createdAt": now, "updatedAt": now})
    return call.collection.properties[wanted["name"]]
