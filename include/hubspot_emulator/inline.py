"""The associations that lists and reads of one record give along with it."""

from __future__ import annotations

from typing import Any

from hubspot_emulator.call import Call
from hubspot_emulator.kinds import kind_of
from hubspot_emulator.records import Version

MOST_INLINE = 100


def associations_of(call: Call, version: Version) -> dict[str, Any] | None:
    """Return what a record is linked to of the types asked for; None when that is nothing."""
    found = {}
    for name in call.names("associations"):
        kind = kind_of(name)
        if entries := _entries(call, version.number, kind.name):
            # The key is the only place where HubSpot writes `line items` with a space.
            found[kind.name.replace("_", " ")] = _cut(call, entries, version)
    return found or None


def _entries(call: Call, number: int, to_type: str) -> list[dict[str, str]]:
    mine, theirs = call.collection.kind, call.portal.collections[to_type]
    links, side = call.portal.linked(mine.name, to_type)
    name = f"{mine.singular}_to_{theirs.kind.singular}"
    entries = []
    for other, labels in links.of(number, side).items():
        # A link with a label comes twice: once with it and once without.
        kinds = (name, f"{name}_unlabeled") if labels else (name,)
        entries += [{"id": theirs.crm_id(other), "type": kind} for kind in kinds]
    return entries


def _cut(call: Call, entries: list[dict[str, str]], version: Version) -> dict[str, Any]:
    body: dict[str, Any] = {"results": entries[:MOST_INLINE]}
    if len(entries) > MOST_INLINE:
        after = entries[MOST_INLINE - 1]["id"]
        crm_id = call.collection.crm_id(version.number)
        link = f"https://api.hubapi.com/crm/v4/objects/{call.collection.kind.name}/{crm_id}/associations?after={after}"
        body["paging"] = {"next": {"after": after, "link": link}}
    return body
