"""One object type in one portal: its records, its index and its properties."""

from __future__ import annotations

import random
from typing import Any

from hubspot_emulator import values
from hubspot_emulator.catalog import definitions, group
from hubspot_emulator.columns import Columns
from hubspot_emulator.declaration import Kind, Properties
from hubspot_emulator.errors import invalid
from hubspot_emulator.index import SearchIndex
from hubspot_emulator.records import Records, Version
from hubspot_emulator.spec import PortalSpec
from hubspot_emulator.times import Clock


class Collection:
    """Everything of one type."""

    def __init__(self, kind: Kind, spec: PortalSpec, seed: int, records: Records, clock: Clock) -> None:
        self.kind, self.spec = kind, spec
        self.records = records
        self.index = SearchIndex(self.records, random.Random(seed), clock)  # noqa: S311 - repeatable on purpose
        self.index.lag_ms = spec.search_lag_seconds * 1000
        self.columns = Columns(self.records)
        self.properties = definitions(kind)
        self.groups = {kind.group: group(kind)}

    @property
    def property_names(self) -> tuple[str, ...]:
        """The properties that exist."""
        return tuple(name for name, d in self.properties.items() if not d["archived"])

    @property
    def defaults(self) -> tuple[str, ...]:
        """The properties that are answered when none are asked for."""
        return (*self.kind.defaults, *self.kind.always)

    def known(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return those names that are properties; HubSpot drops the others without a word."""
        existing = self.properties
        return tuple(name for name in names if name in existing and not existing[name]["archived"])

    def wanted(self, asked: tuple[str, ...]) -> tuple[str, ...]:
        """Return the properties to be answered when some are asked for: those, and the ones that always come."""
        return self.known(tuple(dict.fromkeys(asked + self.kind.always)) if asked else self.defaults)

    def is_unique(self, name: str) -> bool:
        """Whether a property's values identify a record."""
        return bool((self.properties.get(name) or {}).get("hasUniqueValue"))

    def find(self, value: str, id_property: str | None = None) -> Version | None:
        """Return the record with an id, archived ones too, or the live one with a value of a unique property.

        :raises ApiError: 400 for a property whose values are not unique
        """
        if id_property in {None, "hs_object_id"}:
            return self.records.find(value)
        if not self.is_unique(str(id_property)):
            raise invalid(f"idProperty {id_property} is not a unique property")
        return self.records.with_value(str(id_property), value)

    def written(self, version: Version) -> Version:
        """Let the index know of a write."""
        self.index.changed(version)
        return version

    def accepted(self, body: Any) -> Properties:
        """Return the `properties` of a write as they will be read.

        :raises ApiError: 400, naming the property
        """
        return values.written(body, self.properties, self.spec.portal_id)

    def crm_id(self, number: int) -> str:
        """Return the id of a record."""
        return str(self.records.source.crm_id(number))
