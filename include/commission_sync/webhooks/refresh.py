"""Reads records afresh by their ids and lands them as they are now: changed, archived, restored, merged or gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from airflow_hubspot.client import HubSpotClient, HubSpotError, NotFound, Record
from commission_sync.gate import PortalCache
from commission_sync.store.clock import database_now
from commission_sync.store.integrations import Integration
from commission_sync.store.runs import RunCounts
from commission_sync.store.tombstones import Archived, Tombstones
from commission_sync.store.waiting import join_waiting_rows
from commission_sync.streams.activities import ACTIVITIES
from commission_sync.streams.catalogue import catalogue
from commission_sync.streams.deals import DEALS
from commission_sync.streams.landing import Derive, Landing, Target, nothing_follows, tell_of_merges
from commission_sync.streams.line_items import LINE_ITEMS
from commission_sync.streams.mapped import stored_row_builder
from commission_sync.streams.portal import verified
from commission_sync.streams.products import PRODUCTS
from commission_sync.streams.stream import Stream
from commission_sync.streams.values import instant

# By the name that a subscription has for the object; entities are called the same.
STREAMS = {stream.entity: stream for stream in (DEALS, LINE_ITEMS, PRODUCTS, *ACTIVITIES)}
_CATALOGUE_SECONDS = 300.0
# A record that is written by others as often as that while it is read is tried again later.
_READINGS = 3


class OutdatedReading(HubSpotError):
    """Others wrote the record while HubSpot was asked, each time; what was read is not used."""


@dataclass
class _Bench:
    """What is needed to read and land one stream's records; kept for as long as its list of properties is fresh."""

    stream: Stream
    landing: Landing
    tombstones: Tombstones
    properties: tuple[str, ...]
    made_at: float


class Records:
    """The records of one company, read afresh on demand.

    :param conn: a connection of this worker's own, autocommit off
    :param sync_run_id: the run that rows, rejects and audit entries name
    :param derive: what follows each merge of a stream, in its transaction
    :param hold: called first in each transaction that writes; raises when another worker has come meanwhile
    """

    def __init__(
        self,
        client: HubSpotClient,
        conn: psycopg.Connection,
        integration: Integration,
        *,
        sync_run_id: UUID,
        derive: Derive = nothing_follows,
        hold: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._conn = conn
        self._integration = integration
        self._sync_run_id = sync_run_id
        self._derive = derive
        self._hold = hold
        self._benches: dict[str, _Bench] = {}
        self._counted = RunCounts()

    @property
    def counts(self) -> RunCounts:
        """What was read and written so far."""
        return sum((bench.landing.counts for bench in self._benches.values()), self._counted)

    def handles(self, object_type: str) -> bool:
        """Whether a stream reads records of this type and the company has not switched it off."""
        stream = STREAMS.get(object_type)
        return stream is not None and self._integration.has_feature(stream.feature)

    def refresh(self, object_type: str, crm_ids: Sequence[str]) -> Mapping[str, str]:
        """Land up to a hundred records as they are now, and return why single ones could not be stored, by id.

        What somebody else wrote while it was read is read again.

        :raises HubSpotError: when HubSpot refuses or stays away; then nothing is taken for gone.
        :raises OutdatedReading: when a record was written anew each time before its reading arrived.
        """
        bench = self._bench(STREAMS[object_type])
        rejected: dict[str, str] = {}
        wanted: Sequence[str] = sorted(set(crm_ids), key=int)
        for _ in range(_READINGS):
            newer, why = self._refresh_once(bench, wanted)
            rejected |= why
            if not newer:
                return {i: rejected[i] for i in crm_ids if i in rejected}
            wanted = sorted(newer, key=int)
        raise OutdatedReading(f"{object_type} {', '.join(wanted[:5])}: written by others while HubSpot was read")

    def _refresh_once(self, bench: _Bench, crm_ids: Sequence[str]) -> tuple[set[str], dict[str, str]]:
        """Return what was written by others since it was asked for, and why others could not be stored."""
        read_at = database_now(self._conn)
        found = self._read(bench, crm_ids)
        known = {record["id"] for record in found}
        survivors, newer = self._settle_missing(bench, sorted(set(crm_ids) - known, key=int), read_at)
        outdated, rejected = self._land(bench, found, read_at)
        newer |= outdated
        if survivors:
            read_at = database_now(self._conn)
            wanted = sorted(set(survivors.values()) - known, key=int)
            outdated, why = self._land(bench, self._read(bench, wanted), read_at)
            rejected |= why
            newer |= {loser for loser, survivor in survivors.items() if survivor in outdated}
            with self._conn.transaction():
                self._hold()
                moved = bench.tombstones.merge(survivors, "HubSpot answers its id with the survivor's record")
            tell_of_merges(moved)
        # An id that was merged away is bad when the record that it ended up in is.
        return newer, {i: rejected[r] for i in crm_ids if (r := survivors.get(i, i)) in rejected}

    def _read(self, bench: _Bench, crm_ids: Sequence[str]) -> list[Record]:
        if not crm_ids:
            return []
        return self._client.objects.batch_read(bench.stream.object_type, crm_ids, bench.properties).results

    def _land(self, bench: _Bench, records: Sequence[Record], read_at: datetime) -> tuple[set[str], dict[str, str]]:
        if not records:
            return set(), {}
        stream, ids = bench.stream, [record["id"] for record in records]
        links = self._client.associations.read(stream.object_type, DEALS.object_type, ids) if stream.on_deals else {}
        before = bench.landing.counts.inserted
        with self._conn.transaction():
            self._hold()
            landed = bench.landing.land_alive(records, {i: links[i] for i in ids if i in links}, read_at)
            if stream is DEALS and bench.landing.counts.inserted > before:
                join_waiting_rows(self._conn, self._integration.id, self._sync_run_id)
        return landed.newer, {reject.crm_id: reject.reason for reject in landed.rejects}

    def _settle_missing(
        self, bench: _Bench, crm_ids: Sequence[str], read_at: datetime
    ) -> tuple[dict[str, str], set[str]]:
        """Mark what is archived or gone; return the survivors by their losers' ids, and what was written since."""
        if not crm_ids:
            return {}, set()
        object_type = bench.stream.object_type
        binned = self._client.objects.batch_read(object_type, crm_ids, (), archived=True).results
        gone = {r["id"]: Archived(_archived_at(r, read_at), "HubSpot has it in the recycle bin") for r in binned}
        survivors = {}
        for crm_id in (i for i in crm_ids if i not in gone):
            try:
                # A merged record's id answers with the survivor; only this call tells.
                survivors[crm_id] = self._client.objects.get(object_type, crm_id)["id"]
            except NotFound:
                why = "HubSpot knows it neither as alive nor in the recycle bin"
                gone[crm_id] = Archived(read_at, why, purged=True)
        with self._conn.transaction():
            self._hold()
            newer = bench.tombstones.newer_than(read_at, crm_ids)
            bench.tombstones.archive({i: mark for i, mark in gone.items() if i not in newer})
        return {loser: survivor for loser, survivor in survivors.items() if loser not in newer}, newer

    def _bench(self, stream: Stream) -> _Bench:
        bench = self._benches.get(stream.entity)
        if bench is None or time.monotonic() - bench.made_at > _CATALOGUE_SECONDS:
            if bench is not None:
                self._counted += bench.landing.counts
            bench = self._benches[stream.entity] = self._made(stream)
        return bench

    def _made(self, stream: Stream) -> _Bench:
        cache = PortalCache(self._conn, self._client, self._integration.id)
        integration = self._integration = verified(self._client, self._conn, self._integration, cache)
        known = catalogue(self._client, self._conn, integration, stream.object_type, cache, goes_on=True)
        target = Target(
            stream,
            integration,
            self._sync_run_id,
            str(self._sync_run_id),
            moves_cursor=False,
            path="webhook",
            derivations=self._derive(stream),
        )
        landing = Landing(self._conn, target, stored_row_builder(self._conn, integration, stream, known.clock_like))
        tombstones = Tombstones(self._conn, stream.spec, target.writing)
        return _Bench(stream, landing, tombstones, known.names, time.monotonic())


def _archived_at(record: Record, otherwise: datetime) -> datetime:
    return instant(record.get("archivedAt")) or otherwise
