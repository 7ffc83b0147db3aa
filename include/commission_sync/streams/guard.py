"""Stops a reconciliation that would mark suspiciously many rows as no longer alive."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_hubspot.client import HubSpotError
from commission_sync.streams.landing import Target


class TooManyArchived(HubSpotError):
    """A reconciliation would mark more of a company's rows as archived than its limit allows."""


@dataclass(frozen=True)
class Guard:
    """How many rows of a stream may be marked at once: a share of the live ones, and always some."""

    percent: float
    rows: int

    def check(self, target: Target, dying: int, live: int) -> None:
        """Refuse more marks than allowed.

        :raises TooManyArchived: before anything is marked.
        """
        if dying > max(self.rows, live * self.percent / 100):
            raise TooManyArchived(
                f"HubSpot no longer shows {dying:,} of the {live:,} live {target.stream.name} of company "
                f"{target.integration.company_id!r}, which is more than {self.percent:g} % and more than {self.rows}",
                hint="nothing was marked as archived; look into HubSpot, and if it is right, run hubspot_reconcile for "
                "this company with max_archived_percent=100",
            )
