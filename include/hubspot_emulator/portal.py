"""One portal: its records, its index, its catalogue, its limits and its faults."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from hubspot_emulator.catalog import deal_properties
from hubspot_emulator.deals import LOST_STAGES, OWNERS, STAGES, WON_STAGES, Properties
from hubspot_emulator.errors import invalid, invalid_property
from hubspot_emulator.faults import Faults
from hubspot_emulator.index import SearchIndex
from hubspot_emulator.limits import Limits
from hubspot_emulator.records import Records, Version
from hubspot_emulator.spec import TIERS, PortalSpec
from hubspot_emulator.stats import Stats

CREATED = "2023-01-01T00:00:00Z"


@dataclass
class Knobs:
    """How a portal behaves where HubSpot is not the same everywhere."""

    latency_ms: float = 0.0
    short_page_probability: float = 0.0
    out_of_order: bool = False
    merge_makes_third: bool = False
    restore_bumps: bool = False
    longest_url: int = 8_000


class Portal:
    """Everything that belongs to one HubSpot account."""

    def __init__(self, spec: PortalSpec, seed: int, *, limits: bool) -> None:
        self.spec = spec
        self.records = Records(spec, seed)
        self.index = SearchIndex(self.records)
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
        self.limits = Limits(TIERS[spec.tier], enforced=limits)
        self.faults = Faults()
        self.knobs = Knobs(latency_ms=spec.latency_ms)
        self.stats = Stats()
        self.chance = random.Random(seed)  # noqa: S311 - repeatable on purpose

    @property
    def property_names(self) -> tuple[str, ...]:
        """The properties that exist."""
        return tuple(name for name, d in self.properties.items() if not d["archived"])

    def written(self, version: Version) -> Version:
        """Let the index know of a write."""
        self.index.changed(version)
        return version

    def check(self, properties: Properties) -> None:
        """Refuse values that HubSpot would.

        :raises ApiError: naming the property
        """
        for name, value in properties.items():
            definition = self.properties.get(name)
            if definition is None or definition["archived"]:
                raise self._refusal(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
            if definition["calculated"] or definition["modificationMetadata"]["readOnlyValue"]:
                raise self._refusal(
                    name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.'
                )
            if value and definition["type"] == "number" and not _is_number(value):
                raise self._refusal(name, "INVALID_INTEGER", f"{value} was not a valid number.")
            allowed = {option["value"] for option in definition["options"]}
            if (
                value
                and allowed
                and definition["type"] in {"enumeration", "bool"}
                and not set(value.split(";")) <= allowed
            ):
                raise self._refusal(
                    name, "INVALID_OPTION", f"{value} was not one of the allowed options: {sorted(allowed)}"
                )

    def owners(self, *, archived: bool) -> list[dict[str, Any]]:
        """Return the owners; the last two have left."""
        return [_owner(n) for n in range(OWNERS) if (n >= OWNERS - 2) == archived]

    def pipelines(self) -> list[dict[str, Any]]:
        """Return the deal pipelines with their stages."""
        return [_pipeline(n, name, stages) for n, (name, stages) in enumerate(STAGES.items())]

    def account(self) -> dict[str, Any]:
        """Return the account's details."""
        return {
            "portalId": self.spec.portal_id,
            "accountType": "STANDARD",
            "timeZone": self.spec.time_zone,
            "companyCurrency": self.spec.currency,
            "additionalCurrencies": ["EUR", "GBP", "JPY", "KWD"],
            "utcOffset": "-05:00",
            "utcOffsetMilliseconds": -18_000_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }

    def _refusal(self, name: str, code: str, message: str) -> Exception:
        return invalid_property(name, code, message, self.spec.portal_id)


def checked_properties(body: Any) -> Properties:
    """Return the `properties` of a write as strings.

    :raises ApiError: when there are none
    """
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise invalid("Invalid input JSON: properties must be an object")
    return {name: None if value is None else str(value) for name, value in properties.items()}


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


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
