"""What a stream's extra steps are given to work with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg

from airflow_hubspot.client import HubSpotClient
from commission_sync.store.feed import DealFeed
from commission_sync.streams.clock import now
from commission_sync.streams.landing import Target


@dataclass(frozen=True)
class StepContext:
    """A run of a stream, as its extra steps see it: each step commits its own work."""

    client: HubSpotClient
    conn: psycopg.Connection
    target: Target

    def now(self) -> datetime:
        """Return the time that both the database and HubSpot have reached."""
        return now(self.conn, self.client)

    def feed(self, consumer: str) -> DealFeed:
        """Return the deals that changed since `consumer` last looked."""
        return DealFeed(self.conn, self.target.integration.id, consumer)

    def is_on(self, feature: str) -> bool:
        """Whether the company has not switched a feature off."""
        return self.target.integration.has_feature(feature)
