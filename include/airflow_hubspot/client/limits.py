"""HubSpot's rate limits, and the budget that every call is taken from.

Source: HubSpot, "API usage guidelines and limits": an app may make 100, 110, 190 or 250 calls in any ten seconds by the
account's edition; searches have a limit of their own, five a second per account, and their answers carry no headers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Protocol


class Policy(StrEnum):
    """A limit; a call counts against `BURST` or `SEARCH`, and in most accounts against the day as well."""

    BURST = "burst"
    SEARCH = "search"
    DAILY = "daily"


# HubSpot's names, as they stand in the body of a 429.
POLICIES = {"SECONDLY": Policy.SEARCH, "TEN_SECONDLY_ROLLING": Policy.BURST, "DAILY": Policy.DAILY}


class Lane(IntEnum):
    """Who calls; where a limit is short, a lower number goes first."""

    WEBHOOK = 0
    WRITEBACK = 1
    INCREMENTAL = 2
    BACKFILL = 3


@dataclass(frozen=True)
class Told:
    """What an answer's headers tell of the limits; None where they are silent, as they are on searches."""

    maximum: int | None = None
    remaining: int | None = None
    day: int | None = None
    day_remaining: int | None = None


def told(headers: Mapping[str, str]) -> Told:
    """Read the rate headers of an answer (lower-case names)."""
    maximum, remaining, day, day_remaining = (
        _count(headers, f"x-hubspot-ratelimit-{name}") for name in ("max", "remaining", "daily", "daily-remaining")
    )
    return Told(maximum or None, remaining, day or None, day_remaining)


def _count(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if value.isdigit() else None


@dataclass(eq=False)
class Permit:
    """Leave to make one call: after how long a wait, and until when the call may count against its limit."""

    policy: Policy
    waited: float
    counted_at: float


class Limiter(Protocol):
    """A budget of calls, shared by whoever shares the limiter; safe to use from several threads."""

    def acquire(self, policy: Policy, wait: Callable[[float], object] = time.sleep) -> Permit:
        """Wait, by `wait(seconds)`, until a call is allowed; every permit has to be settled.

        :raises RateLimited: when the wait would be longer than a task should hold its worker for.
        :raises CircuitOpen: when the portal is not called at present.
        """

    def settle(self, permit: Permit, headers: Mapping[str, str], failure: str | None = None) -> None:
        """Say that a permit's call is over: its answer's headers (lower-case names), or why it was not served."""

    def penalise(self, policy: Policy, retry_after: float, *, asked: bool) -> None:
        """Let no call pass for `retry_after` seconds, as HubSpot refused one; `asked` if it named the seconds."""


class InMemoryLimiter:
    """The budget of one process: rolling windows.

    HubSpot counts a call when it arrives, which is after it was sent and before it was answered. So a call counts here
    from its answer, or from a latest arrival after it was sent where the answer takes longer than that.
    """

    def __init__(
        self,
        burst_limit: int = 100,
        search_limit: int = 5,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Allow `burst_limit` calls in any ten seconds and `search_limit` searches in any second."""
        self._windows = {
            Policy.BURST: _Window(burst_limit, 10.0, latest_arrival=1.0),
            Policy.SEARCH: _Window(search_limit, 1.0, latest_arrival=0.25),
        }
        self._lock = threading.Lock()
        self._clock = clock

    def acquire(self, policy: Policy, wait: Callable[[float], object] = time.sleep) -> Permit:
        """Wait, by `wait(seconds)`, until a call is allowed; every permit has to be settled."""
        window = self._windows[policy]
        started = self._clock()
        while True:
            with self._lock:
                now = self._clock()
                delay = window.delay(now)
                if delay <= 0:
                    permit = Permit(policy, now - started, now + window.latest_arrival)
                    window.permits.append(permit)
                    return permit
            wait(delay)

    def settle(self, permit: Permit, headers: Mapping[str, str], failure: str | None = None) -> None:  # noqa: ARG002
        """Count the call from now if it may have arrived that late, and take over the limit that HubSpot tells."""
        maximum = told(headers).maximum
        with self._lock:
            permit.counted_at = min(permit.counted_at, self._clock())
            if permit.policy is Policy.BURST and maximum is not None:
                self._windows[Policy.BURST].limit = maximum

    def allow(self, policy: Policy, limit: int) -> None:
        """Allow so many calls in a window from now on, those of the last window counted."""
        with self._lock:
            self._windows[policy].limit = limit

    def penalise(self, policy: Policy, retry_after: float, *, asked: bool) -> None:  # noqa: ARG002
        """Let no call pass for `retry_after` seconds; a day's end is not waited for here."""
        if policy is Policy.DAILY:
            return
        with self._lock:
            window = self._windows[policy]
            window.closed_until = max(window.closed_until, self._clock() + retry_after)


class _Window:
    def __init__(self, limit: int, seconds: float, *, latest_arrival: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self.latest_arrival = latest_arrival
        self.permits: list[Permit] = []
        self.closed_until = float("-inf")

    def delay(self, now: float) -> float:
        """Return for how long no call may be sent."""
        self.permits = [p for p in self.permits if p.counted_at > now - self.seconds]
        surplus = len(self.permits) - self.limit
        full = sorted(p.counted_at for p in self.permits)[surplus] + self.seconds - now if surplus >= 0 else 0.0
        return max(full, self.closed_until - now)
