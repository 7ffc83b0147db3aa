"""Learns which records left HubSpot and how: archived, merged, purged, and which of them came back."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from airflow_hubspot.client import HubSpotClient, NotFound
from airflow_hubspot.client.objects import BATCH_LIMIT
from commission_sync.store.clock import database_now
from commission_sync.store.presence import Presence
from commission_sync.store.tombstones import Archived, Tombstones
from commission_sync.streams.deal_side import DealSide
from commission_sync.streams.landing import Target, tell_of_merges
from commission_sync.streams.values import instant

_log = logging.getLogger(__name__)

_IN_BIN = "HubSpot lists it as archived"
_GONE = "HubSpot neither lists it, nor answers its id, nor names a survivor of a merge"
_PURGED = "HubSpot answers neither its id nor lists it as archived any more"
_NAMED = "HubSpot names it among the records merged into the survivor"
_ANSWERED = "HubSpot answers its id with the survivor's record"


@dataclass(frozen=True)
class Departures:
    """What left and came back, for one stream of one company; `records` lands records by their ids."""

    client: HubSpotClient
    conn: psycopg.Connection
    target: Target
    records: DealSide

    @property
    def _marks(self) -> Tombstones:
        return Tombstones(self.conn, self.target.stream.spec, self.target.writing)

    def in_bin(self) -> dict[str, Archived]:
        """Return everything in the recycle bin; the whole list is read before any of it counts."""
        found: dict[str, Archived] = {}
        read_at = database_now(self.conn)
        after: str | None = None
        while True:
            page = self.client.objects.list_page(
                self.target.stream.object_type, after=after, properties=("hs_object_id",), archived=True
            )
            for record in page.results:
                at = instant(record.get("archivedAt")) or datetime.now(UTC)
                found[record["id"]] = Archived(at, _IN_BIN, read_at=read_at)
            if page.next_after is None or not page.results:
                return found
            after = page.next_after

    def archive(self, found: Mapping[str, Archived]) -> int:
        """Mark records, and return how many were not marked before."""
        with self.conn.transaction():
            return self._marks.archive(found)

    def take_back(self, in_bin: Collection[str]) -> int:
        """Restore what is marked but lies in the bin no longer; what HubSpot answers nowhere is purged for good.

        The list of the bin is as old as its first page: so each record is asked for again: alive, in the bin, by id.
        """
        spec, writing = self.target.stream.spec, self.target.writing
        asked = sorted(set(Presence(self.conn, spec, writing).marked()) - set(in_bin), key=int)
        back = 0
        for few in (asked[start : start + BATCH_LIMIT] for start in range(0, len(asked), BATCH_LIMIT)):
            read_at = database_now(self.conn)
            answered = self.records.fetch(few)
            back += len(answered)
            missing = self._nowhere(sorted(set(few) - answered, key=int))
            with self.conn.transaction():
                self._marks.archive({i: Archived(read_at, _PURGED, purged=True, read_at=read_at) for i in missing})
        return back

    def _nowhere(self, crm_ids: Sequence[str]) -> list[str]:
        """Return which of them the bin does not hold now, nor HubSpot answers by their ids."""
        if not crm_ids:
            return []
        binned = self.client.objects.batch_read(self.target.stream.object_type, crm_ids, (), archived=True).results
        in_bin = {record["id"] for record in binned}
        return [i for i in crm_ids if i not in in_bin and self._answered(i) is None]

    def merge_named(self) -> int:
        """Mark every record that a stored survivor names, chains followed, and return how many that were."""
        with self.conn.transaction():
            merged = self._marks.merge(self._marks.merges(), _NAMED)
        tell_of_merges(merged)
        return len(merged)

    def resolve(self, gone: Sequence[str], in_bin: Mapping[str, Archived]) -> int:
        """Find out what became of records that are stored as alive and were not listed, and mark them."""
        archived: dict[str, Archived] = {}
        survivors: dict[str, str] = {}
        for crm_id in gone:
            read_at = database_now(self.conn)
            if crm_id in in_bin:
                archived[crm_id] = in_bin[crm_id]
            elif (survivor := self._answered(crm_id)) is None:
                # Not marked as purged yet: it may be on its way into the bin, which the next night will show.
                archived[crm_id] = Archived(read_at, _GONE, read_at=read_at)
            elif survivor != crm_id:
                survivors[crm_id] = survivor
        self.records.fetch(sorted(set(survivors.values()), key=int))
        with self.conn.transaction():
            merged = self._marks.merge(survivors, _ANSWERED)
            count = self._marks.archive(archived)
        tell_of_merges(merged)
        return count + len(merged)

    def _answered(self, crm_id: str) -> str | None:
        try:
            return self.client.objects.get(self.target.stream.object_type, crm_id)["id"]
        except NotFound:
            return None
