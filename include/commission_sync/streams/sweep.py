"""Compares a range of ids record by record with HubSpot's primary store, and lands what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from airflow_hubspot.client import HubSpotClient, Record
from airflow_hubspot.client.intervals import IdInterval
from airflow_hubspot.client.windows import IncompleteRead
from commission_sync.store.clock import database_now
from commission_sync.store.presence import LiveIds, Presence
from commission_sync.streams.landing import Landing
from commission_sync.streams.linking import DEALS, GATHERED_RECORDS, Links
from commission_sync.streams.rows import RowBuilder
from commission_sync.streams.stream import Stream


@dataclass
class Compared:
    """What a sweep saw: `gone` are stored as alive and were not listed, `silent` changed without a new version."""

    records: int = 0
    silent: int = 0
    gone: list[str] = field(default_factory=list)
    sums: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)


@dataclass(frozen=True)
class Sweep:
    """Reads ranges of one stream by its list endpoint, which lags behind nothing."""

    client: HubSpotClient
    stream: Stream
    builder: RowBuilder
    properties: tuple[str, ...]
    landing: Landing
    presence: Presence
    compared: Compared = field(default_factory=Compared)

    def run(self, interval: IdInterval, live: LiveIds, most: int | None = None) -> int:
        """Compare the records of a range, at most about `most` of them, and return the last id that was compared."""
        seen: list[Record] = []
        start, compared = interval.after, 0
        read_at = database_now(self.landing.conn)
        for records, reached in self._pages(interval):
            seen += records
            compared += len(records)
            enough = most is not None and compared >= most
            if len(seen) >= GATHERED_RECORDS or reached >= interval.upto or enough:
                self._compare(seen, live, start, reached, read_at)
                seen, start, read_at = [], reached, database_now(self.landing.conn)
            if enough:
                break
        return start

    def _pages(self, interval: IdInterval) -> Iterator[tuple[list[Record], int]]:
        """Yield pages with the id up to which, by their chain, nothing was left out."""
        after = interval.after
        while after < interval.upto:
            page = self.client.objects.list_page(self.stream.object_type, after=str(after), properties=self.properties)
            highest = max((int(record["id"]) for record in page.results), default=after)
            if page.next_after is not None and highest <= after:
                raise IncompleteRead(f"HubSpot's list names the page after id {after} as its own next page")
            reached = interval.upto if page.next_after is None else min(highest, interval.upto)
            yield [r for r in page.results if int(r["id"]) <= interval.upto], reached
            after = reached

    def _compare(self, records: Sequence[Record], live: LiveIds, after: int, upto: int, read_at: datetime) -> None:
        listed = {record["id"] for record in records}
        self.compared.gone += [str(i) for i in live.between(after, upto) if str(i) not in listed]
        self.compared.records += len(records)
        rows = self.builder.build(records).rows
        self.compared.silent += self.presence.silent(rows)
        if self.stream.sums is not None:
            self._add_sums(*self.stream.sums, rows)
        self.landing.land_alive(records, self._links_of_new(listed, live), read_at)

    def _links_of_new(self, listed: set[str], live: LiveIds) -> Links:
        """Read the deals of records without a live row; the links of others are compared from the deals' side."""
        new = listed.difference(live.alive(listed)) if self.stream.on_deals else ()
        return self.client.associations.read(self.stream.object_type, DEALS, new) if new else {}

    def _add_sums(self, group: str, amount: str, rows: Sequence[tuple[object, ...]]) -> None:
        names = [column.name for column in self.stream.spec.columns]
        at_group, at_amount = names.index(group), names.index(amount)
        ours = self.presence.sums(group, amount, [str(row[0]) for row in rows])
        theirs: dict[str, Decimal] = {}
        for row in rows:
            value = row[at_amount]
            key = str(row[at_group] or "")
            theirs[key] = theirs.get(key, Decimal()) + (value if isinstance(value, Decimal) else Decimal())
        for key in theirs.keys() | ours.keys():
            hubspot, stored = self.compared.sums.get(key, (Decimal(), Decimal()))
            added = ours.get(key, (0, Decimal()))[1]
            self.compared.sums[key] = (hubspot + theirs.get(key, Decimal()), stored + added)
