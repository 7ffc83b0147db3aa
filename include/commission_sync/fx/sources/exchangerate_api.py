"""ExchangeRate-API, version 6: from the US dollar, every day, with a key.

The key is part of the path. Days in the past are in the plans from Pro on; the others have the latest rates only, which
belong to the day of `time_last_update_unix`. Errors name themselves in `error-type`, whatever the status.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
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

URL = "https://v6.exchangerate-api.com/v6"


class NoSuchDay(Refused):
    """The provider's history has a hole: the days after it are there."""


_ERRORS: dict[str, tuple[type[FxError], str]] = {
    "invalid-key": (BadKey, "put a valid key into EXCHANGE_RATE_API_KEY"),
    "inactive-account": (BadKey, "confirm the account's e-mail address at exchangerate-api.com"),
    "quota-reached": (QuotaReached, "wait for the plan's next month or take a larger plan; missing days come by then"),
    "unsupported-code": (UnsupportedCurrency, "the provider no longer has this currency; use another source"),
    "plan-upgrade-required": (PlanTooSmall, "take a plan with history (Pro), or use ecb or openexchangerates"),
    "no-data-available": (NoSuchDay, "the provider has no rates of that day"),
}


class ExchangeRateApi:
    """Reads one day per request."""

    name = "exchangerate-api"
    pivot = "USD"
    catch_up_days: int | None = 30
    has_all_in_one = False
    holds = False

    def __init__(self, web: Web, key: str, url: str = URL) -> None:
        self._web = web
        self._prefix = f"{url.rstrip('/')}/{key}"

    def publishes(self, day: date) -> bool:  # noqa: ARG002 - every day has rates
        """Whether there can be rates of a day."""
        return True

    def read(self, days: Sequence[date], *, today: date) -> Iterator[Reading]:
        """Yield one reading per day; on a plan without history, the latest one in place of all."""
        for day in sorted(day for day in days if day < today):
            try:
                yield self._day(day)
            except NoSuchDay as error:
                yield Reading(remarks=[error.message])
            except PlanTooSmall as error:
                yield self._latest(f"{error.message}; took the latest rates in place of those from {day} on")
                return

    def _day(self, day: date) -> Reading:
        # Without leading zeros, as the provider documents it.
        answer = self._get(f"history/{self.pivot}/{day.year}/{day.month}/{day.day}")
        return self._reading(answer["conversion_rates"], day)

    def _latest(self, remark: str) -> Reading:
        answer = self._get(f"latest/{self.pivot}")
        updated = datetime.fromtimestamp(int(answer["time_last_update_unix"]), UTC)
        reading = self._reading(answer["conversion_rates"], updated.date())
        reading.remarks.append(remark)
        return reading

    def _reading(self, rates: dict[str, Decimal], day: date) -> Reading:
        reading = Reading()
        for currency, value in rates.items():
            reading.take(self.pivot, currency, day, value)
        return reading

    def _get(self, path: str) -> dict[str, Any]:
        answer = self._web.get(f"{self._prefix}/{path}")
        said = document(answer)
        if not isinstance(said, dict) or said.get("result") != "success":
            raise _refusal(said, answer)
        if not isinstance(said.get("conversion_rates"), dict):
            raise Refused(f"{answer.where} has no conversion_rates", hint="check EXCHANGE_RATE_URL")
        return said


def _refusal(said: Any, answer: Answer) -> FxError:
    name = str(said.get("error-type")) if isinstance(said, dict) else f"status {answer.status}"
    message = f"exchangerate-api refused {answer.where}: {name}"
    if name not in _ERRORS and answer.status == 429:
        return SourceUnavailable(message, hint="too many requests at once; it is tried again by itself")
    kind, hint = _ERRORS.get(name, (Refused, "see exchangerate-api.com/docs for this error"))
    return kind(message, hint=hint)
