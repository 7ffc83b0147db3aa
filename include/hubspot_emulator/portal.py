"""One portal: its records, its index, its catalogue, its limits and its faults."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hubspot_emulator import values
from hubspot_emulator.catalog import deal_properties
from hubspot_emulator.deals import LOST_STAGES, OWNERS, RATES, STAGES, WON_STAGES, Properties
from hubspot_emulator.errors import invalid
from hubspot_emulator.faults import Faults
from hubspot_emulator.index import SearchIndex
from hubspot_emulator.limits import Limits
from hubspot_emulator.records import Records, Version
from hubspot_emulator.spec import PortalSpec
from hubspot_emulator.stats import Stats

CREATED = "2023-01-01T00:00:00Z"


@dataclass
class Knobs:
    """How a portal behaves where HubSpot is not the same everywhere."""

    latency_ms: float = 0.0
    short_page_probability: float = 0.0
    out_of_order: bool = False
    live_values: bool = False
    merge_makes_third: bool = False
    restore_bumps: bool = False
    longest_url: int = 8_000
    # {"property", "value", "requires"}: a deal gets this value only if the other property has one.
    conditional_requirement: dict[str, str] | None = None


class Portal:
    """Everything that belongs to one HubSpot account."""

    def __init__(self, spec: PortalSpec, seed: int, *, limits: bool) -> None:
        self.spec = spec
        self.records = Records(spec, seed)
        self.index = SearchIndex(self.records, random.Random(seed))  # noqa: S311 - repeatable on purpose
        self.index.lag_ms = spec.search_lag_seconds * 1000
        self.properties = deal_properties()
        self.groups: dict[str, dict[str, Any]] = {
            "dealinformation": {
                "name": "dealinformation",
                "label": "Deal information",
                "displayOrder": 0,
                "archived": False,
            }
        }
        self.limits = Limits(spec, enforced=limits)
        self.faults = Faults()
        self.knobs = Knobs(latency_ms=spec.latency_ms)
        self.stats = Stats()
        self.chance = random.Random(seed)  # noqa: S311 - repeatable on purpose

    @property
    def property_names(self) -> tuple[str, ...]:
        """The properties that exist."""
        return tuple(name for name, d in self.properties.items() if not d["archived"])

    def known(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return those names that are properties; HubSpot drops the others without a word."""
        existing = self.properties
        return tuple(name for name in names if name in existing and not existing[name]["archived"])

    def is_unique(self, name: str) -> bool:
        """Whether a property's values identify a deal."""
        return bool((self.properties.get(name) or {}).get("hasUniqueValue"))

    def find(self, value: str, id_property: str | None = None) -> Version | None:
        """Return the deal with an id, archived ones too, or the live one with a value of a unique property.

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

    def owners(self, *, archived: bool) -> list[dict[str, Any]]:
        """Return the owners; the last two have left."""
        return [_owner(n) for n in range(OWNERS) if (n >= OWNERS - 2) == archived]

    def pipelines(self) -> list[dict[str, Any]]:
        """Return the deal pipelines with their stages."""
        return [_pipeline(n, name, stages) for n, (name, stages) in enumerate(STAGES.items())]

    def account(self) -> dict[str, Any]:
        """Return the account's details."""
        offset = datetime.now(ZoneInfo(self.spec.time_zone)).utcoffset() or timedelta()
        minutes = int(offset.total_seconds()) // 60
        return {
            "portalId": self.spec.portal_id,
            "accountType": "STANDARD",
            "timeZone": self.spec.time_zone,
            "companyCurrency": self.spec.currency,
            "additionalCurrencies": [c for c in RATES if c != self.spec.currency],
            "utcOffset": f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
            "utcOffsetMilliseconds": minutes * 60_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }


def _owner(number: int) -> dict[str, Any]:
    archived = number >= OWNERS - 2
    return {
        "id": str(70_001 + number),
        "email": f"rep{number}@example.com",
        "type": "PERSON",
        "firstName": ("Ana", "Björn", "Chloé", "Đorđe")[number % 4],
        "lastName": f"Rep{number}",
        "userId": None if archived else 5_000 + number,
        "userIdIncludingInactive": 5_000 + number,
        "teams": [],
        "createdAt": CREATED,
        "updatedAt": CREATED,
        "archived": archived,
    }


def _pipeline(number: int, name: str, stages: tuple[str, ...]) -> dict[str, Any]:
    return {
        "id": name,
        "label": f"Pipeline {number + 1}",
        "displayOrder": number,
        "archived": False,
        "createdAt": CREATED,
        "updatedAt": CREATED,
        "stages": [_stage(n, stage) for n, stage in enumerate(stages)],
    }


def _stage(number: int, stage: str) -> dict[str, Any]:
    won, lost = stage in WON_STAGES, stage in LOST_STAGES
    return {
        "id": stage,
        "label": stage.title(),
        "displayOrder": number,
        "metadata": {"isClosed": str(won or lost).lower(), "probability": "1.0" if won else "0.0" if lost else "0.4"},
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        "archived": False,
        "createdAt": CREATED,
        "updatedAt": CREATED,
    }
