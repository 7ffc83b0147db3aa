"""What time it is: never by a worker's own clock, which may be hours off without anybody noticing.

A window that ends in the future reads nothing there and moves the cursor past what is still to come. So a time that
something is complete to is the smaller of the database's and HubSpot's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from airflow_hubspot.client import HubSpotClient
from airflow_hubspot.client.server_clock import GRAIN
from commission_sync.store.clock import database_now

# More than answers take on their way, less than any harm.
TOLERATED = timedelta(minutes=1)


@dataclass(frozen=True)
class Clocks:
    """One moment as three clocks show it; `hubspot` is None before any of its answers told the time."""

    worker: datetime
    database: datetime
    hubspot: datetime | None

    @property
    def now(self) -> datetime:
        """The time that both the database and HubSpot have reached."""
        return bounded(self.database, self.hubspot)

    @property
    def difference(self) -> str | None:
        """What the clocks show, in words; None while all agree."""
        shown = {"the worker": self.worker, "the database": self.database, "HubSpot": self.hubspot}
        known = {name: at for name, at in shown.items() if at is not None}
        if max(known.values()) - min(known.values()) <= TOLERATED:
            return None
        ahead = {name: (at - self.database).total_seconds() for name, at in known.items() if name != "the database"}
        return "; ".join(f"{name} is {abs(by):,.0f} s {_side(by)} the database" for name, by in ahead.items())


def bounded(database: datetime, hubspot: datetime | None) -> datetime:
    """Return the database's time unless HubSpot's, which is known to the second, has not reached it."""
    return database if hubspot is None or database < hubspot + GRAIN else hubspot


def clocks(conn: psycopg.Connection, client: HubSpotClient) -> Clocks:
    """Look at the three clocks."""
    database = database_now(conn)
    return Clocks(datetime.now(UTC), database, client.server_clock.now())


def now(conn: psycopg.Connection, client: HubSpotClient) -> datetime:
    """Return the time that both the database and HubSpot have reached."""
    return bounded(database_now(conn), client.server_clock.now())


def _side(by: float) -> str:
    return "ahead of" if by >= 0 else "behind"
