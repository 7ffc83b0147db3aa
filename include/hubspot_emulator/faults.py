"""What goes wrong on demand: each fault with a probability, for the next calls, or by a schedule."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hubspot_emulator.errors import ApiError, error, expired, gateway, invalid, rate_limited


class Fault(StrEnum):
    """A way to fail."""

    RATE_LIMITED = "rate_limited"
    RATE_LIMITED_RETRY_AFTER = "rate_limited_retry_after"
    SERVER_ERROR_HTML = "server_error_html"
    RESET = "reset"
    RESET_AFTER_COMMIT = "reset_after_commit"
    TIMEOUT = "timeout"
    TRUNCATED_JSON = "truncated_json"
    LOCKED = "locked_423"
    MIGRATING = "migrating_477"
    BLOCKED = "blocked_403"
    VAGUE = "vague_400"
    ORIGIN_ERROR = "origin_error_530"
    EMPTY = "empty_200"
    ERROR_AS_SUCCESS = "error_200"
    EXPIRED_TOKEN = "expired_token_401"  # noqa: S105 - the name of a fault


@dataclass(frozen=True)
class Phase:
    """Faults from one time to another, by the clock that `Faults` goes by."""

    start: float
    end: float
    probabilities: dict[Fault, float]


@dataclass
class Faults:
    """The faults of one portal; `timeout_seconds` is how long a `timeout` keeps the caller waiting."""

    probabilities: dict[Fault, float] = field(default_factory=dict)
    schedule: list[Phase] = field(default_factory=list)
    upcoming: list[Fault] = field(default_factory=list)
    timeout_seconds: float = 30.0
    retry_after_seconds: float = 1.0
    chance: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - repeatable on purpose
    clock: Callable[[], float] = time.monotonic

    def set(self, wanted: dict[str, Any]) -> None:
        """Replace the faults: names to probabilities, `next` to a list of names, and the two durations.

        `schedule` is a list of phases, each with names to probabilities and with `after` and `seconds` from now on.
        While a phase lasts, its probabilities are the ones that hold.

        :raises ValueError: for a fault that there is not
        """
        settings = dict(wanted)
        self.timeout_seconds = float(settings.pop("timeout_seconds", 30.0))
        self.retry_after_seconds = float(settings.pop("retry_after_seconds", 1.0))
        self.upcoming = [Fault(name) for name in settings.pop("next", [])]
        self.schedule = [self._phase(dict(phase)) for phase in settings.pop("schedule", [])]
        self.probabilities = _probabilities(settings)

    def draw(self) -> Fault | None:
        """Return what goes wrong with this call, if anything."""
        if self.upcoming:
            return self.upcoming.pop(0)
        draw = self.chance.random()
        for fault, share in self._current().items():
            if draw < share:
                return fault
            draw -= share
        return None

    def _current(self) -> dict[Fault, float]:
        now = self.clock()
        return next((p.probabilities for p in self.schedule if p.start <= now < p.end), self.probabilities)

    def _phase(self, wanted: dict[str, Any]) -> Phase:
        start = self.clock() + float(wanted.pop("after", 0.0))
        return Phase(start, start + float(wanted.pop("seconds")), _probabilities(wanted))

    def answer(self, fault: Fault, *, is_search: bool) -> ApiError | None:
        """Return the error answer of a fault; None for those that break the connection instead."""
        policy = "SECONDLY" if is_search else "TEN_SECONDLY_ROLLING"
        match fault:
            case Fault.RATE_LIMITED:
                return rate_limited(policy)
            case Fault.RATE_LIMITED_RETRY_AFTER:
                return rate_limited(policy, self.retry_after_seconds)
            case Fault.SERVER_ERROR_HTML:
                return gateway(self.chance.choice((500, 502, 503, 504)))
            case Fault.LOCKED:
                return error(423, "The resource is locked.", "LOCKED")
            case Fault.MIGRATING:
                migrating = error(477, "This account is being moved between data centres.", "MIGRATION")
                migrating.headers["Retry-After"] = f"{self.retry_after_seconds:g}"
                return migrating
            case Fault.BLOCKED:
                return gateway(403)
            case Fault.ORIGIN_ERROR:
                return gateway(530)
            case Fault.VAGUE:
                return invalid("There was a problem with the request.")
            case Fault.EXPIRED_TOKEN:
                return expired("3 minute(s)", "2026-01-01T00:00:00Z")
            case _:
                return None


def _probabilities(wanted: dict[str, Any]) -> dict[Fault, float]:
    return {Fault(name): float(share) for name, share in wanted.items()}
