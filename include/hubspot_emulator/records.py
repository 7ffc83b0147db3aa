"""The records of one type as they are now: the generated ones, and everything that was done to them since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from hubspot_emulator.currencies import ExchangeRates
from hubspot_emulator.declaration import Moment, Properties
from hubspot_emulator.history import INTEGRATION, Entry, History
from hubspot_emulator.source import Source
from hubspot_emulator.times import DAY_MS, Clock, iso

# HubSpot, "Restore records": a deleted record can be restored for 90 days.
BIN_MS = 90 * DAY_MS
MERGED_IDS = "hs_merged_object_ids"


@dataclass(frozen=True)
class Version:
    """A record at one moment; `changes` are the properties that differ from the generated ones."""

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
    """The primary store of a type: reads see every write at once. A number identifies a record and gives its id.

    :param rolled_up: properties of a record that come from elsewhere in the portal
    """

    def __init__(
        self,
        source: Source,
        clock: Clock,
        rates: ExchangeRates,
        rolled_up: Callable[[int], Properties] = lambda _: {},
    ) -> None:
        self.source = source
        self.touched: dict[int, Version] = {}
        self.history = History(source)
        self.count = source.count
        self._clock = clock
        self._rates = rates
        self._rolled_up = rolled_up
        self._purged: set[int] = set()
        self._no_moment = Moment(source.spec.currency, 0, 0, rates.rate)

    def version(self, number: int) -> Version:
        """Return a record's current version, archived or not."""
        return self.touched.get(number) or self.untouched(number)

    def untouched(self, number: int) -> Version:
        """Return a generated record as it was before anybody edited it."""
        return Version(number, self.source.modified_ms(number))

    def find(self, crm_id: str) -> Version | None:
        """Return the record with an id, archived ones too; None when there never was one, or when it was purged."""
        if not crm_id.isdigit():
            return None
        number = self.source.number(int(crm_id))
        if not 0 <= number < self.count or self.source.crm_id(number) != int(crm_id):
            return None
        version = self.version(number)
        return None if version.archived_ms is not None and not self._is_in_bin(version) else version

    def with_value(self, name: str, value: str) -> Version | None:
        """Return the live record that has a value of a property which somebody made unique: an edited record."""
        return next((v for v in self.touched.values() if v.is_live and v.changes.get(name) == value), None)

    def survivor(self, version: Version) -> Version:
        """Return the record that a merged one ended up in."""
        while version.merged_into is not None:
            version = self.version(version.merged_into)
        return version

    def is_live(self, number: int) -> bool:
        """Whether a record is there, neither archived nor merged into another."""
        version = self.touched.get(number)
        return version.is_live if version is not None else 0 <= number < self.source.count

    def above(self, crm_id: int, *, archived: bool = False) -> Iterator[Version]:
        """Yield the records above an id in order of id: live ones, or those in the recycle bin."""
        first = self.source.lowest_number_above(crm_id)
        # Only what was touched can be in the recycle bin.
        numbers = sorted(n for n in self.touched if n >= first) if archived else range(first, self.count)
        for number in numbers:
            version = self.version(number)
            if self._is_in_bin(version) if archived else version.is_live:
                yield version

    def create(self, properties: Properties, at_ms: int | None = None) -> Version:
        """Add a record."""
        number, when = self.count, at_ms or self._clock.now()
        self.count += 1
        return self._keep(Version(number, when, dict(properties), created_ms=when), properties, when)

    def update(
        self,
        version: Version,
        properties: Properties,
        at_ms: int | None = None,
        *,
        bump: bool = True,
        source: str = INTEGRATION,
    ) -> Version:
        """Change properties of a record; its modified time moves on and never back.

        :param source: who changes them, as the property's history tells it
        """
        now = max(version.modified_ms, at_ms or self._clock.now())
        changed = replace(
            version, changes=version.changes | properties, modified_ms=now if bump else version.modified_ms
        )
        return self._keep(changed, properties, now, source)

    def archive(self, version: Version) -> Version:
        """Put a record into the recycle bin; its modified time stays."""
        return self._keep(replace(version, archived_ms=self._clock.now()))

    def restore(self, version: Version, *, bump: bool) -> Version:
        """Take a record out of the recycle bin."""
        when = max(version.modified_ms, self._clock.now()) if bump else version.modified_ms
        return self._keep(replace(version, archived_ms=None, modified_ms=when))

    def purge(self) -> int:
        """Empty the recycle bin, as the 90 days do, and return how many records are gone for good."""
        gone = [v.number for v in self.above(0, archived=True)]
        self._purged.update(gone)
        return len(gone)

    def merge(self, primary: Version, loser: Version, *, third: bool, carried: bool = True) -> Version:
        """Merge two records: into the primary one, or both into a new one as HubSpot may do.

        :param carried: whether the ids of earlier merges are told again
        """
        ids = [self.source.crm_id(v.number) for v in (primary, loser)]
        telling = [primary, loser] if carried else [] if third else [primary]
        older = [v.changes.get(MERGED_IDS) for v in telling]
        gone = ids if third else ids[1:]
        merged = ";".join([i for i in older if i] + [str(i) for i in gone])
        if third:
            kept = self.source.properties(primary.number) if primary.number < self.source.count else {}
            target = self.create(kept | primary.changes | {MERGED_IDS: merged})
            self._keep(replace(primary, merged_into=target.number))
        else:
            target = self.update(primary, {MERGED_IDS: merged})
        self._keep(replace(loser, merged_into=target.number))
        return target

    def properties(self, version: Version) -> Properties:
        """Return every property that has a value or could have one; absent ones are null."""
        number, kind = version.number, self.source.kind
        own = self.source.properties(number) if number < self.source.count else {}
        if version.changes:
            own |= version.changes
        created = version.created_ms or self.source.created_ms(number)
        own |= kind.calculate(own, self._moment(version)) | self._rolled_up(number)
        own["hs_object_id"] = str(self.source.crm_id(number))
        own[kind.created] = version.changes.get(kind.created) or iso(created)
        own[kind.modified] = iso(version.modified_ms)
        return own

    def steady_properties(self, number: int) -> Properties:
        """Return the properties of an untouched record that are its own or calculated from nothing else."""
        own = self.source.properties(number)
        return own | self.source.kind.calculate(own, self._no_moment)

    def rendered(self, version: Version, wanted: tuple[str, ...]) -> dict[str, object]:
        """Return a record as HubSpot answers it, with the wanted properties; those without a value are null."""
        own, kind = self.properties(version), self.source.kind
        crm_id = own["hs_object_id"]
        record: dict[str, object] = {
            "id": crm_id,
            "properties": {name: own.get(name) for name in wanted},
            "createdAt": own[kind.created],
            "updatedAt": own[kind.modified],
            "archived": version.archived_ms is not None,
            "url": f"https://app.hubspot.com/contacts/{self.source.spec.portal_id}/record/{kind.type_id}/{crm_id}",
        }
        if version.archived_ms is not None:
            record["archivedAt"] = iso(version.archived_ms)
        return record

    def past(self, version: Version, name: str) -> list[Entry]:
        """Return the values that a property has had, the newest first."""
        generated = version.number < self.source.count
        original = self.properties(self.untouched(version.number)) if generated else None
        return self.history.past(version.number, name, original)

    def _is_in_bin(self, version: Version) -> bool:
        archived = version.archived_ms
        return archived is not None and version.number not in self._purged and self._clock.now() - archived < BIN_MS

    def _moment(self, version: Version) -> Moment:
        return Moment(self.source.spec.currency, version.modified_ms, self._clock.now(), self._rates.rate)

    def _keep(
        self, version: Version, changes: Properties | None = None, at_ms: int = 0, source: str = INTEGRATION
    ) -> Version:
        self.touched[version.number] = version
        if changes:
            self.history.write(version.number, changes, at_ms, source)
        return version
