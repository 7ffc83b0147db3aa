"""A portal's deals as they are now: the generated ones, and everything that was done to them since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hubspot_emulator.deals import DealSource, Properties, calculated
from hubspot_emulator.spec import PortalSpec
from hubspot_emulator.times import iso, now_ms

HistoryEntry = dict[str, str | None]


@dataclass(frozen=True)
class Version:
    """A deal at one moment; `changes` are the properties that differ from the generated ones."""

    number: int
    modified_ms: int
    changes: Properties = field(default_factory=dict)
    created_ms: int | None = None
    archived_ms: int | None = None
    merged_into: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether lists, searches and batch reads show it."""
        return self.archived_ms is None and self.merged_into is None


class Records:
    """The primary store: reads see every write at once. A number identifies a deal and gives its id."""

    def __init__(self, spec: PortalSpec, seed: int) -> None:
        self.source = DealSource(spec, seed)
        self.touched: dict[int, Version] = {}
        self.history: dict[int, dict[str, list[HistoryEntry]]] = {}
        self.count = spec.deals
        self._spec = spec

    def version(self, number: int) -> Version:
        """Return a deal's current version, archived or not."""
        return self.touched.get(number) or Version(number, self.source.modified_ms(number))

    def find(self, crm_id: str) -> Version | None:
        """Return the deal with an id, archived ones too; None when there never was one."""
        if not crm_id.isdigit():
            return None
        number = self.source.number(int(crm_id))
        if not 0 <= number < self.count or self.source.crm_id(number) != int(crm_id):
            return None
        return self.version(number)

    def with_value(self, name: str, value: str) -> Version | None:
        """Return the live deal that has a value of a property which somebody made unique: an edited deal."""
        return next((v for v in self.touched.values() if v.is_live and v.changes.get(name) == value), None)

    def survivor(self, version: Version) -> Version:
        """Return the deal that a merged one ended up in."""
        while version.merged_into is not None:
            version = self.version(version.merged_into)
        return version

    def above(self, crm_id: int, *, archived: bool = False) -> Iterator[Version]:
        """Yield the deals above an id in order of id: live ones, or those in the recycle bin."""
        first = self.source.lowest_number_above(crm_id)
        # Only what was touched can be in the recycle bin.
        numbers = sorted(n for n in self.touched if n >= first) if archived else range(first, self.count)
        for number in numbers:
            version = self.version(number)
            if version.archived_ms is not None if archived else version.is_live:
                yield version

    def live(self) -> Iterator[Version]:
        """Yield every live deal in order of id."""
        return self.above(0)

    def create(self, properties: Properties, at_ms: int | None = None) -> Version:
        """Add a deal."""
        number, when = self.count, at_ms or now_ms()
        self.count += 1
        return self._keep(Version(number, when, dict(properties), created_ms=when), properties)

    def update(
        self, version: Version, properties: Properties, at_ms: int | None = None, *, bump: bool = True
    ) -> Version:
        """Change properties of a deal; its modified time moves on and never back."""
        when = max(version.modified_ms, at_ms or now_ms()) if bump else version.modified_ms
        return self._keep(replace(version, changes=version.changes | properties, modified_ms=when), properties)

    def archive(self, version: Version) -> Version:
        """Put a deal into the recycle bin; its modified time stays."""
        return self._keep(replace(version, archived_ms=now_ms()))

    def restore(self, version: Version, *, bump: bool) -> Version:
        """Take a deal out of the recycle bin."""
        when = max(version.modified_ms, now_ms()) if bump else version.modified_ms
        return self._keep(replace(version, archived_ms=None, modified_ms=when))

    def merge(self, primary: Version, loser: Version, *, third: bool) -> Version:
        """Merge two deals: into the primary one, or both into a new one as HubSpot may do."""
        ids = [self.source.crm_id(v.number) for v in (primary, loser)]
        older = [v.changes.get("hs_merged_object_ids") for v in (primary, loser)]
        gone = ids if third else ids[1:]
        merged = ";".join([i for i in older if i] + [str(i) for i in gone])
        if third:
            kept = self.source.properties(primary.number) if primary.number < self.source.count else {}
            target = self.create(kept | primary.changes | {"hs_merged_object_ids": merged})
            self._keep(replace(primary, merged_into=target.number))
        else:
            target = self.update(primary, {"hs_merged_object_ids": merged})
        self._keep(replace(loser, merged_into=target.number))
        return target

    def properties(self, version: Version) -> Properties:
        """Return every property that has a value or could have one; absent ones are null."""
        number = version.number
        own = self.source.properties(number) if number < self.source.count else {}
        if version.changes:
            own |= version.changes
        created = version.created_ms or self.source.created_ms(number)
        own |= calculated(own, self._spec.currency, version.modified_ms, now_ms())
        own["hs_object_id"] = str(self.source.crm_id(number))
        own["createdate"] = version.changes.get("createdate") or iso(created)
        own["hs_lastmodifieddate"] = iso(version.modified_ms)
        return own

    def rendered(self, version: Version, wanted: tuple[str, ...]) -> dict[str, object]:
        """Return a deal as HubSpot answers it, with the wanted properties; those without a value are null."""
        own = self.properties(version)
        crm_id = own["hs_object_id"]
        record: dict[str, object] = {
            "id": crm_id,
            "properties": {name: own.get(name) for name in wanted},
            "createdAt": own["createdate"],
            "updatedAt": own["hs_lastmodifieddate"],
            "archived": version.archived_ms is not None,
            "url": f"https://app.hubspot.com/contacts/{self._spec.portal_id}/record/0-3/{crm_id}",
        }
        if version.archived_ms is not None:
            record["archivedAt"] = iso(version.archived_ms)
        return record

    def past(self, version: Version, name: str) -> list[HistoryEntry]:
        """Return the values that a property has had, the newest first."""
        entries = list(self.history.get(version.number, {}).get(name, ()))
        if version.number < self.source.count or not entries:
            original = self.properties(replace(version, changes={}))
            entries.append(
                {
                    "value": original.get(name) or "",
                    "timestamp": original["createdate"],
                    "sourceType": "CRM_UI",
                    "sourceId": "userId:5001",
                }
            )
        return entries

    def _keep(self, version: Version, changes: Properties | None = None) -> Version:
        self.touched[version.number] = version
        for name, value in (changes or {}).items():
            entry: HistoryEntry = {
                "value": value or "",
                "timestamp": iso(version.modified_ms),
                "sourceType": "API",
                "sourceId": "emulator",
            }
            self.history.setdefault(version.number, {}).setdefault(name, []).insert(0, entry)
        return version
