"""Records as a caller may see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hubspot_emulator.call import Call
from hubspot_emulator.records import Version
from hubspot_emulator.times import milliseconds


def shown(call: Call, version: Version, names: tuple[str, ...], history: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a record with properties and histories; what a scope guards is null for those who lack it."""
    records, hidden = call.collection.records, _hidden(call)
    record: dict[str, Any] = records.rendered(version, names)
    if call.portal.knobs.dates_as != "day":
        record["properties"] = _with_dates(call, record["properties"])
    if hidden:
        record["properties"] |= dict.fromkeys(hidden & record["properties"].keys())
    if history:
        record["propertiesWithHistory"] = {n: [] if n in hidden else records.past(version, n) for n in history}
    odd = call.portal.knobs.odd_records.get(record["id"])
    return _oddly(record, odd) if odd else record


def _oddly(record: dict[str, Any], odd: dict[str, Any]) -> dict[str, Any]:
    """Return a record as no document of HubSpot's describes it, but as portals were seen to answer."""
    properties = record["properties"] | odd.get("properties", {})
    changed = record | odd | {"properties": properties}
    return {name: value for name, value in changed.items() if value is not None}


def _with_dates(call: Call, properties: dict[str, str | None]) -> dict[str, str | None]:
    """Return the properties with the days of date properties written as the portal's knob says."""
    write, known = _DATES[call.portal.knobs.dates_as], call.collection.properties
    return {
        name: write(value) if value and known.get(name, {}).get("type") == "date" else value
        for name, value in properties.items()
    }


def _epoch(day: str) -> str:
    return str(milliseconds(f"{day}T00:00:00Z"))


_DATES: dict[str, Callable[[str], str]] = {"epoch": _epoch, "midnight": "{}T00:00:00Z".format}


def _hidden(call: Call) -> frozenset[str]:
    guarded = call.collection.kind.guarded
    return frozenset().union(*(names for scope, names in guarded.items() if scope not in call.scopes))
