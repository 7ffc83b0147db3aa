"""A portal's own exchange rates, as its owner keeps them in HubSpot's settings: into the portal's currency.

Each portal is a source of its own, as each company sets its own rates. A rate holds until the next one of the pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from airflow_hubspot.client.currencies import Currencies
from commission_sync.fx.sources.source import Reading


def source_name(portal_id: int) -> str:
    """Return the name under which a portal's own rates are stored."""
    return f"hubspot:{portal_id}"


class HubSpotRates:
    """Reads every rate that a portal has or had.

    :param zone: the portal's, in which the moment when a rate takes effect becomes a day
    """

    catch_up_days: int | None = None
    has_all_in_one = True
    holds = True

    def __init__(self, currencies: Currencies, *, portal_id: int, currency: str, zone: ZoneInfo) -> None:
        self.name = source_name(portal_id)
        self.pivot = currency
        self._currencies = currencies
        self._zone = zone

    def publishes(self, day: date) -> bool:  # noqa: ARG002 - a rate may be set on any day
        """Whether there can be rates of a day."""
        return True

    def read(self, days: Sequence[date], *, today: date) -> Iterator[Reading]:  # noqa: ARG002 - all are read
        """Yield all rates; of several of one pair on one day, the one that came into force last.

        :raises HubSpotError: when HubSpot refuses or stays away.
        """
        reading = Reading()
        for rate in sorted(self._currencies.exchange_rates(), key=lambda rate: rate.effective_at):
            day = rate.effective_at.astimezone(self._zone).date()
            reading.take(rate.from_currency, rate.to_currency, day, rate.conversion_rate)
        yield reading
