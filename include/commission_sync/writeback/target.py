"""A row of a plan beside the record that it goes to, as HubSpot was read to have it."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_hubspot.client import Record
from commission_sync.store.commissions import Values
from commission_sync.store.writebacks import Outcome, PendingRow
from commission_sync.streams.values import instant
from commission_sync.writeback.difference import Comparison

MODIFIED = "hs_lastmodifieddate"


@dataclass
class Target:
    """A row and the record that it goes to, as HubSpot has that now."""

    row: PendingRow
    record: Record
    comparison: Comparison = field(default_factory=lambda: Comparison((), ()))

    @property
    def now(self) -> Values:
        """What HubSpot has of the row's properties."""
        return {name: self.record["properties"].get(name) for name in self.row.properties}


def outcome(target: Target, state: str, *, record: Record | None = None, error: str | None = None) -> Outcome:
    """Return an outcome of the row that rests on its record as it was read, or as an answer shows it."""
    seen = record or target.record
    at = instant(seen["properties"].get(MODIFIED) or seen["updatedAt"])
    return Outcome(target.row.id, state, target.record["id"], observed=target.now, at=at, error=error)
