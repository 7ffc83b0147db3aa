"""Reads the property catalogue of an object type, and adds to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_hubspot.client import answers
from airflow_hubspot.client.errors import Conflict, HubSpotError
from airflow_hubspot.client.paths import NUMBERED, path
from airflow_hubspot.client.sdk import Sdk

# HubSpot's documents of `PropertyCreate`: the release of 2026-09 has none of these.
_WITHOUT_DISPLAY = "2026-09"
_DISPLAY = frozenset({"currencyPropertyName", "numberDisplayHint", "showCurrencySymbol", "textDisplayHint"})
_CLOCKS = ("hs_time_in_", "hs_v2_time_in_", "hs_v2_latest_time_in_", "hs_v2_cumulative_time_in_")
_COUNTED_IN_DAYS = frozenset({"days_to_close", "hs_days_to_close_raw", "hs_days_since_last_activity"})


@dataclass(frozen=True)
class PropertyDefinition:
    """A property of an object type; `raw` is all that HubSpot says of it."""

    name: str
    label: str
    type: str
    field_type: str
    group_name: str
    calculated: bool
    read_only: bool
    archived: bool
    options: tuple[Mapping[str, Any], ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def is_clock_like(definition: PropertyDefinition) -> bool:
    """Whether the value differs at every read although nobody changed the record, as time in a stage does."""
    return definition.name.startswith(_CLOCKS) or (definition.calculated and definition.name in _COUNTED_IN_DAYS)


# Within the class below, `list` is the method.
Created = list[PropertyDefinition]


class Properties:
    """The property catalogue."""

    def __init__(self, sdk: Sdk, version: str) -> None:
        self._sdk = sdk
        self._version = version

    def list(self, object_type: str) -> list[PropertyDefinition]:
        """Return every property of an object type; HubSpot sends them all at once."""
        found: list[PropertyDefinition] = self._sdk.call(
            "GET", path("properties", self._version, type=object_type), read=_definitions
        )
        return found

    def create_group(self, object_type: str, name: str, label: str) -> bool:
        """Add a group of properties and return whether it is new."""
        try:
            url_path = path("property_groups", self._version, type=object_type)
            self._sdk.call("POST", url_path, body={"name": name, "label": label})
        except Conflict:
            return False
        return True

    def batch_create(self, object_type: str, definitions: Sequence[Mapping[str, Any]]) -> Created:
        """Add up to 100 properties and return those that are new; one that is there already is left as it is.

        The name of an archived property brings that one back, with its values.

        :raises HubSpotError: when HubSpot refuses a definition for another reason than that its name is taken.
        """
        try:
            url_path = path("properties_batch_create", self._version, type=object_type)
            inputs = [self._documented(definition) for definition in definitions]
            created, errors = self._sdk.call("POST", url_path, body={"inputs": inputs}, read=_created)
        except Conflict:
            # HubSpot does not document whether one that exists fails itself or the whole call.
            return self._create_each(object_type, definitions) if len(definitions) > 1 else []
        refused = [e for e in errors if e.get("category") != "OBJECT_ALREADY_EXISTS"]
        if refused:
            raise HubSpotError(f"HubSpot created properties of {object_type} in part: {refused[0].get('message')}")
        new: Created = created
        return new

    def _documented(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a definition without what the version of the API no longer takes: how a number or a text is shown."""
        if self._version == NUMBERED or self._version < _WITHOUT_DISPLAY:
            return definition
        return {name: value for name, value in definition.items() if name not in _DISPLAY}

    def _create_each(self, object_type: str, definitions: Sequence[Mapping[str, Any]]) -> Created:
        return [created for one in definitions for created in self.batch_create(object_type, [one])]


def _definitions(answer: Mapping[str, Any]) -> list[PropertyDefinition]:
    return [_definition(raw) for raw in answer["results"]]


def _created(answer: Mapping[str, Any]) -> tuple[list[PropertyDefinition], list[Mapping[str, Any]]]:
    return _definitions(answer), answers.errors_of(answer)


def _definition(raw: Mapping[str, Any]) -> PropertyDefinition:
    return PropertyDefinition(
        name=raw["name"],
        label=raw.get("label") or raw["name"],
        type=raw.get("type") or "string",
        field_type=raw.get("fieldType") or "text",
        group_name=raw.get("groupName") or "",
        calculated=bool(raw.get("calculated")),
        read_only=bool((raw.get("modificationMetadata") or {}).get("readOnlyValue")),
        archived=bool(raw.get("archived")),
        options=tuple(raw.get("options") or ()),
        raw=raw,
    )
