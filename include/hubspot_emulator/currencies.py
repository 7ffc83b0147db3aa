"""A portal's exchange rates and when each of them began to hold."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hubspot_emulator.times import iso

# What one unit is worth in US dollars.
_WORTH = {"USD": "1.0", "EUR": "1.0842", "GBP": "1.2701", "JPY": "0.0066", "KWD": "3.2512"}
CURRENCIES = tuple(_WORTH)
NAMES = {"USD": "US Dollar", "EUR": "Euro", "GBP": "British Pound", "JPY": "Japanese Yen", "KWD": "Kuwaiti Dinar"}
# HubSpot keeps six decimals of a rate.
_DECIMALS = Decimal("0.000001")
# In thousandths of the last rate, one for each quarter before it.
_QUARTERS = (972, 1013, 991, 1034, 966, 1008, 1021, 983, 1017, 995, 1006, 989, 1011, 1000)


@dataclass(frozen=True)
class Rate:
    """One unit of `code` is worth `rate` in the company's currency from `effective_ms` on."""

    rate_id: int
    code: str
    rate: str
    effective_ms: int
    created_ms: int


class ExchangeRates:
    """The table of rates into the company's currency: a generated one for each quarter, and those set since."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.all: list[Rate] = []
        self._by_code: dict[str, list[Rate]] = {}
        for code in CURRENCIES:
            if code != home:
                self._generate(code)

    def rate(self, code: str, at_ms: int) -> str | None:
        """Return the rate that held at a time; before the first one that is the first one."""
        known = self._by_code.get(code)
        if not known:
            return None
        return known[max(0, bisect_right(known, at_ms, key=lambda r: r.effective_ms) - 1)].rate

    def current(self, at_ms: int) -> list[Rate]:
        """Return the rate of each currency that holds at a time."""
        found = (self._held(known, at_ms) for known in self._by_code.values())
        return [rate for rate in found if rate is not None]

    def set(self, code: str, rate: Decimal, effective_ms: int, now_ms: int) -> Rate:
        """Add a rate; deals that are open follow it, without a new modified time."""
        added = Rate(len(self.all) + 1, code, _written(rate), effective_ms, now_ms)
        self.all.append(added)
        known = self._by_code.setdefault(code, [])
        known.insert(bisect_right(known, effective_ms, key=lambda r: r.effective_ms), added)
        return added

    def shown(self, rate: Rate) -> dict[str, Any]:
        """Return a rate as HubSpot answers it."""
        return {
            "id": str(rate.rate_id),
            "fromCurrencyCode": rate.code,
            "toCurrencyCode": self.home,
            "conversionRate": float(rate.rate),
            "effectiveAt": iso(rate.effective_ms),
            "visibleInUI": True,
            "createdAt": iso(rate.created_ms),
            "updatedAt": iso(rate.created_ms),
        }

    def _generate(self, code: str) -> None:
        last = Decimal(_WORTH[code]) / Decimal(_WORTH.get(self.home, "1.0"))
        for quarter, thousandths in enumerate(_QUARTERS):
            began = datetime(2023 + quarter // 4, quarter % 4 * 3 + 1, 1, tzinfo=UTC)
            since = round(began.timestamp() * 1000)
            self.set(code, last * thousandths / 1000, since, since)

    def _held(self, known: list[Rate], at_ms: int) -> Rate | None:
        place = bisect_right(known, at_ms, key=lambda r: r.effective_ms)
        return known[place - 1] if place else None


def _written(rate: Decimal) -> str:
    return f"{rate.quantize(_DECIMALS).normalize():f}"
