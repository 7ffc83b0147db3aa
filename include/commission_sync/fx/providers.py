"""Makes the source that the settings name, and says which one counts for a company."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from commission_sync.fx.sources import ecb, exchangerate_api, openexchangerates
from commission_sync.fx.sources.hubspot import source_name
from commission_sync.fx.sources.source import RateSource
from commission_sync.fx.web import Web
from commission_sync.settings import ExchangeRateSource, Settings


@dataclass(frozen=True)
class Provider:
    """What conversion needs to know of a source: its name in `fx_rates`, its pivot, and whether its rates hold."""

    name: str
    pivot: str
    holds: bool


@contextmanager
def shared_source(settings: Settings) -> Iterator[RateSource | None]:
    """Yield the source that all companies share; None where each portal has rates of its own."""
    key = settings.exchange_rate_api_key.get_secret_value() if settings.exchange_rate_api_key else ""
    web = Web(secret=key or None)
    try:
        yield _source(settings, web, key)
    finally:
        web.close()


def _source(settings: Settings, web: Web, key: str) -> RateSource | None:
    url = settings.exchange_rate_url
    match settings.exchange_rate_source:
        case ExchangeRateSource.ECB:
            return ecb.Ecb(web, url or ecb.URL)
        case ExchangeRateSource.EXCHANGERATE_API:
            return exchangerate_api.ExchangeRateApi(web, key, url or exchangerate_api.URL)
        case ExchangeRateSource.OPENEXCHANGERATES:
            return openexchangerates.OpenExchangeRates(web, key, url or openexchangerates.URL)
        case ExchangeRateSource.HUBSPOT:
            return None


_SHARED: dict[
    ExchangeRateSource,
    type[ecb.Ecb] | type[exchangerate_api.ExchangeRateApi] | type[openexchangerates.OpenExchangeRates],
] = {
    ExchangeRateSource.ECB: ecb.Ecb,
    ExchangeRateSource.EXCHANGERATE_API: exchangerate_api.ExchangeRateApi,
    ExchangeRateSource.OPENEXCHANGERATES: openexchangerates.OpenExchangeRates,
}


def provider(settings: Settings, *, portal_id: int, portal_currency: str) -> Provider:
    """Return the source whose rates count for a company."""
    kind = _SHARED.get(settings.exchange_rate_source)
    if kind is None:
        return Provider(source_name(portal_id), portal_currency, holds=True)
    return Provider(kind.name, kind.pivot, kind.holds)
