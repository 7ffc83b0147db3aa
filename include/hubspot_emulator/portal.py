"""One portal: its records, its index, its catalogue, its limits and its faults."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hubspot_emulator.collection import Collection
from hubspot_emulator.currencies import CURRENCIES, ExchangeRates
from hubspot_emulator.errors import invalid
from hubspot_emulator.faults import Faults
from hubspot_emulator.holds import Holds
from hubspot_emulator.kinds import KINDS
from hubspot_emulator.kinds.deals import DEALS, LOST_STAGES, STAGES, WON_STAGES
from hubspot_emulator.limits import Limits
from hubspot_emulator.links import Links
from hubspot_emulator.names import OWNERS
from hubspot_emulator.pairs import PAIRS
from hubspot_emulator.records import Records, Version
from hubspot_emulator.shares import Share, Shares, Split
from hubspot_emulator.source import Source
from hubspot_emulator.spec import PortalSpec
from hubspot_emulator.stats import Stats
from hubspot_emulator.times import Clock

CREATED = "2023-01-01T00:00:00Z"


@dataclass
class Knobs:
    """How a portal behaves where HubSpot is not the same everywhere."""

    latency_ms: float = 0.0
    short_page_probability: float = 0.0
    out_of_order: bool = False
    repeated_hit_probability: float = 0.0
    # By record id: what is shown in place of what the record has; `properties` are merged, null at the top leaves out.
    odd_records: dict[str, dict[str, Any]] = field(default_factory=dict)
    # How days are written: "day" (2026-04-01), "epoch" (1775001600000) or "midnight" (2026-04-01T00:00:00Z).
    dates_as: str = "day"
    live_values: bool = False
    merge_makes_third: bool = False
    merged_ids_are_carried: bool = True
    restore_bumps: bool = False
    links_bump: bool = False
    dated_ids_are_text: bool = True
    email_needs_scope: bool = False
    empty_splits: bool = True
    splits_bump: bool = True
    longest_url: int = 8_000
    # {"property", "value", "requires"}: a deal gets this value only if the other property has one.
    conditional_requirement: dict[str, str] | None = None


class Portal:
    """Everything that belongs to one HubSpot account."""

    def __init__(self, spec: PortalSpec, seed: int, *, limits: bool) -> None:
        self.spec = spec
        self.clock = Clock()
        self.rates = ExchangeRates(spec.currency)
        sources = {kind.name: Source(kind, spec, seed) for kind in KINDS}
        self.shares = Shares(sources[DEALS.name])
        self.collections = {kind.name: self._collection(sources[kind.name], seed) for kind in KINDS}
        self.links = tuple(Links(p, self.records(p.one), self.records(p.other), self.clock) for p in PAIRS)
        self.limits = Limits(spec, enforced=limits)
        self.faults = Faults()
        self.holds = Holds()
        self.knobs = Knobs(latency_ms=spec.latency_ms)
        self.stats = Stats()
        self.chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        # Called with the type, the two that were merged, and the one that they ended up in.
        self.merge_listeners: list[Callable[[str, Version, Version, Version], None]] = []

    def records(self, name: str) -> Records:
        """Return the records of an object type."""
        return self.collections[name].records

    def linked(self, from_type: str, to_type: str) -> tuple[Links, int]:
        """Return the links between two types and the side of the first.

        :raises ApiError: 400 for types that HubSpot does not link
        """
        for links in self.links:
            if (links.pair.one, links.pair.other) == (from_type, to_type):
                return links, 0
            if (links.pair.other, links.pair.one) == (from_type, to_type):
                return links, 1
        raise invalid(f"No association types exist between {from_type} and {to_type}")

    def linked_by(self, from_type: str, type_ids: Iterable[Any]) -> str:
        """Return the object type to which association types lead from another.

        :raises ApiError: 400 when there is none
        """
        wanted = {str(type_id) for type_id in type_ids}
        for links in self.links:
            if from_type in {links.pair.one, links.pair.other}:
                side = 0 if from_type == links.pair.one else 1
                if wanted & {str(t["typeId"]) for t in links.every_type(side)}:
                    return links.pair.one if side else links.pair.other
        raise invalid(f"No association type from {from_type} has one of the ids {', '.join(sorted(wanted))}")

    def split(self, deal: Version, shares: tuple[Share, ...]) -> Split:
        """Split a deal anew."""
        if self.knobs.splits_bump:
            collection = self.collections["deals"]
            collection.written(collection.records.update(deal, {}))
        return self.shares.set(deal.number, shares, self.clock.now())

    def merge(self, kind: str, primary: Version, loser: Version, *, third: bool | None = None) -> Version:
        """Merge two records; what they were linked to hangs on the one that stays.

        :param third: whether that is a new one; by default the knob says so
        """
        collection = self.collections[kind]
        makes_third = self.knobs.merge_makes_third if third is None else third
        carried = self.knobs.merged_ids_are_carried
        target = collection.records.merge(primary, loser, third=makes_third, carried=carried)
        if kind == "deals":
            self.shares.move(primary.number, target.number)
        numbers = {primary.number, loser.number, target.number}
        for links in self.links:
            if kind in {links.pair.one, links.pair.other}:
                side = 0 if links.pair.one == kind else 1
                for gone in sorted(numbers - {target.number}):
                    links.move(gone, target.number, side)
        for number in sorted(numbers):
            collection.written(collection.records.version(number))
        for listener in self.merge_listeners:
            listener(kind, primary, loser, target)
        return target

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
            "additionalCurrencies": [c for c in CURRENCIES if c != self.spec.currency],
            "utcOffset": f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
            "utcOffsetMilliseconds": minutes * 60_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }

    def _collection(self, source: Source, seed: int) -> Collection:
        more = (self.shares.properties,) if source.kind is DEALS else ()
        records = Records(source, self.clock, self.rates, *more)
        return Collection(source.kind, self.spec, seed, records, self.clock)


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
