"""Open Exchange Rates: from the US dollar, every day, with an app id.

A day's file is final once the day is over in UTC, so today's is left for tomorrow. Errors name themselves in `message`,
with `status` as the HTTP status; `access_restricted` comes as 429 for over-use and as 403 for other reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from commission_sync.fx.errors import (
    BadKey,
    FxError,
    PlanTooSmall,
    QuotaReached,
    Refused,
    SourceUnavailable,
    UnsupportedCurrency,
)
from commission_sync.fx.sources.source import Reading, document
from commission_sync.fx.web import Answer, Web

URL = "https://openexchangerates.org/api"

_KEY = "put a valid app id into EXCHANGE_RATE_API_KEY"
_ERRORS: dict[str, tuple[type[FxError], str]] = {
    "missing_app_id": (BadKey, _KEY),
    "invalid_app_id": (BadKey, _KEY),
    "not_allowed": (PlanTooSmall, "take a plan that includes this, or use another source"),
    "access_restricted": (QuotaReached, "wait for the plan's next month or take a larger plan; missing days come then"),
    "invalid_base": (UnsupportedCurrency, "the provider no longer has this currency; use another source"),
}
# There is no file of the day: it lies before 1999, or the provider lost it.
_NO_SUCH_DAY = "not_available"


class OpenExchangeRates:
    """Reads one day per request."""

    name = "openexchangerates"
    pivot = "USD"
    catch_up_days: int | None = 30
    has_all_in_one = False
    holds = False

    def __init__(self, web: Web, app_id: str, url: str = URL) -> None:
        self._web = web
        self._app_id = app_id
        self._url = url.rstrip("/")

    def publishes(self, day: date) -> bool:  # noqa: ARG002 - every day has rates
        """Whether there can be rates of a day."""
        return True

    def read(self, days: Sequence[date], *, today: date) -> Iterator[Reading]:
        """Yield one reading per day."""
        for day in sorted(day for day in days if day < today):
            yield self._day(day)

    def _day(self, day: date) -> Reading:
        answer = self._web.get(f"{self._url}/historical/{day.isoformat()}.json", {"app_id": self._app_id})
        said = document(answer)
        if answer.status != 200 or not isinstance(said, dict) or said.get("error"):
            return _without(day, said, answer)
        rates = said.get("rates")
        if said.get("base") != self.pivot or not isinstance(rates, dict):
            raise Refused(f"{answer.where} has no rates from {self.pivot}", hint="check EXCHANGE_RATE_URL")
        reading = Reading()
        for currency, value in rates.items():
            reading.take(self.pivot, currency, day, value)
        return reading


def _without(day: date, said: Any, answer: Answer) -> Reading:
    facts = said if isinstance(said, dict) else {}
    name = str(facts.get("message") or f"status {answer.status}")
    if name == _NO_SUCH_DAY:
        return Reading(remarks=[f"openexchangerates has no rates of {day}"])
    message = f"openexchangerates refused {answer.where}: {name}: {facts.get('description', 'no description')}"
    if name not in _ERRORS and answer.status == 429:
        raise SourceUnavailable(message, hint="too many requests at once; it is tried again by itself")
    kind, hint = _ERRORS.get(name, (Refused, "see docs.openexchangerates.org for this error"))
    raise kind(message, hint=hint)
