"""The account's currencies and exchange rates."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from hubspot_emulator.call import Answer, Call
from hubspot_emulator.currencies import CURRENCIES, NAMES, Rate
from hubspot_emulator.errors import invalid, not_found
from hubspot_emulator.portal import CREATED
from hubspot_emulator.times import iso, milliseconds

_MOST_LISTED = 100


def codes(call: Call) -> Answer:
    """List the account's currencies, the company's own first."""
    return Answer({"results": [_currency(code) for code in dict.fromkeys((call.portal.spec.currency, *CURRENCIES))]})


def company_currency(call: Call) -> Answer:
    """Tell which currency is the company's own."""
    return Answer({"id": call.portal.spec.currency, "createdAt": iso(milliseconds(CREATED) or 0)})


def current_rates(call: Call) -> Answer:
    """List the rate of each currency that holds now."""
    rates = call.portal.rates
    found = [rates.shown(rate) for rate in rates.current(call.portal.clock.now()) if _is_asked_for(call, rate)]
    return Answer({"results": found})


def list_rates(call: Call) -> Answer:
    """List all rates that there ever were, a page at a time."""
    rates, limit = call.portal.rates, call.number("limit", _MOST_LISTED, _MOST_LISTED)
    after = int(call.last("after") or 0) if (call.last("after") or "0").isdecimal() else 0
    found = [rate for rate in rates.all if rate.rate_id > after and _is_asked_for(call, rate)]
    body: dict[str, Any] = {"results": [rates.shown(rate) for rate in found[:limit]]}
    if len(found) > limit:
        body["paging"] = {"next": {"after": str(found[limit - 1].rate_id)}}
    return Answer(body)


def get_rate(call: Call) -> Answer:
    """Read one rate."""
    for rate in call.portal.rates.all:
        if str(rate.rate_id) == call.parameters["id"]:
            return Answer(call.portal.rates.shown(rate))
    raise not_found()


def create_rate(call: Call) -> Answer:
    """Add a rate into the company's currency."""
    body, now = call.body, call.portal.clock.now()
    code, effective = str(body.get("fromCurrencyCode")), str(body.get("effectiveAt") or now)
    if body.get("toCurrencyCode", call.portal.spec.currency) != call.portal.spec.currency or code not in CURRENCIES:
        raise invalid("Exchange rates lead from a currency of the account to the company's currency")
    effective_ms, rate = milliseconds(effective), _rate(body.get("conversionRate"))
    if effective_ms is None or rate is None:
        raise invalid("conversionRate must be a positive number with up to six decimals, effectiveAt a time")
    return Answer(call.portal.rates.shown(call.portal.rates.set(code, rate, effective_ms, now)))


def _rate(value: Any) -> Decimal | None:
    try:
        rate = Decimal(str(value))
    except InvalidOperation:
        return None
    return rate if rate.is_finite() and rate > 0 and rate == round(rate, 6) else None


def _is_asked_for(call: Call, rate: Rate) -> bool:
    home = call.portal.spec.currency
    return call.last("fromCurrencyCode", rate.code) == rate.code and call.last("toCurrencyCode", home) == home


def _currency(code: str) -> dict[str, Any]:
    return {"currencyCode": code, "currencyName": NAMES.get(code, code)}
