"""Reads a stream's links from the side of deals that changed, which shows what attaching and detaching left behind.

Neither has to move the modified time of the record that was attached or detached, so search may never show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from airflow_hubspot.client import HubSpotClient
from airflow_hubspot.client.associations import BATCH_LIMIT as DEALS_A_CALL
from airflow_hubspot.client.objects import BATCH_LIMIT as RECORDS_A_CALL
from commission_sync.store.clock import database_now
from commission_sync.store.feed import DealFeed
from commission_sync.store.links import Links
from commission_sync.streams.landing import Landing, Target
from commission_sync.streams.linking import DEALS


@dataclass(frozen=True)
class DealSide:
    """The links of one stream's records, read deal by deal."""

    client: HubSpotClient
    conn: psycopg.Connection
    target: Target
    landing: Landing
    properties: tuple[str, ...]

    @property
    def feed(self) -> DealFeed:
        """The deals that changed since this stream last looked."""
        return DealFeed(self.conn, self.target.integration.id, f"{self.target.stream.name}/deals")

    def begin(self, since: datetime) -> None:
        """Look at the deals that change from now on; the first full reading covers what was before."""
        with self.conn.transaction():
            self.feed.begin(since)

    def follow(self) -> None:
        """Settle the links of every deal that changed since the last time."""
        for deals in self.feed.pages(most=DEALS_A_CALL):
            self.settle(deals, "HubSpot names these deals since one of them changed")

    def settle(self, deals: Sequence[str], why: str) -> None:
        """Make the stored records of up to a thousand deals those that HubSpot names now, for each of them."""
        stream = self.target.stream
        read_at = database_now(self.conn)
        sets = self.client.associations.read(DEALS, stream.object_type, deals)
        with self.conn.transaction():
            unknown = Links(self.conn, stream.spec, self.target.writing).of_deals(sets, why, read_at=read_at)
        self.fetch(sorted(unknown, key=int))

    def fetch(self, crm_ids: Sequence[str]) -> set[str]:
        """Land records by their ids as alive, with all of their deals, and return the ids that HubSpot answered."""
        stream, answered = self.target.stream, set[str]()
        for some in _batches(crm_ids, DEALS_A_CALL):
            read_at = database_now(self.conn)
            links = self.client.associations.read(stream.object_type, DEALS, some) if stream.on_deals else {}
            for few in _batches(some, RECORDS_A_CALL):
                records = self.client.objects.batch_read(stream.object_type, few, self.properties).results
                own = {record["id"]: links[record["id"]] for record in records if record["id"] in links}
                self.landing.land_alive(records, own, read_at)
                answered.update(record["id"] for record in records)
        return answered


def _batches(ids: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
