"""Reads the exchange rates that a portal's owner keeps in its settings.

Scope `settings.currencies.read`. The official client library does not know these paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from airflow_hubspot.client.answers import next_after
from airflow_hubspot.client.paths import path
from airflow_hubspot.client.sdk import Sdk

_PAGE = "100"


@dataclass(frozen=True)
class ExchangeRate:
    """One unit of `from_currency` is `conversion_rate` units of `to_currency`, from `effective_at` on.

    `conversion_rate` is a decimal, digit by digit as HubSpot wrote it, or whatever else it gave in its place.
    """

    from_currency: str
    to_currency: str
    conversion_rate: Decimal | str
    effective_at: datetime


class Currencies:
    """The portal's currencies."""

    def __init__(self, sdk: Sdk, version: str) -> None:
        self._sdk = sdk
        self._version = version

    def exchange_rates(self) -> Iterator[ExchangeRate]:
        """Yield every exchange rate that the portal has or had, page by page."""
        after: str | None = None
        while True:
            query = [("limit", _PAGE), *([("after", after)] if after else [])]
            url_path = path("exchange_rates", self._version)
            rates, after = self._sdk.call("GET", url_path, query=query, read=_exchange_rates, exact=True)
            yield from rates
            if after is None:
                return


def _exchange_rates(answer: Mapping[str, Any]) -> tuple[list[ExchangeRate], str | None]:
    return [_exchange_rate(raw) for raw in answer["results"]], next_after(answer)


def _exchange_rate(raw: Mapping[str, Any]) -> ExchangeRate:
    value = raw.get("conversionRate")
    return ExchangeRate(
        from_currency=str(raw["fromCurrencyCode"]),
        to_currency=str(raw["toCurrencyCode"]),
        conversion_rate=value if isinstance(value, Decimal) else str(value),
        effective_at=datetime.fromisoformat(raw["effectiveAt"]),
    )
