"""HubSpot's rate limits, and the budget that every call is taken from.

Source: HubSpot, "API usage guidelines and limits": an app may make 100, 110, 190 or 250 calls in any ten seconds by the
account's edition; searches have a limit of their own, five a second per account, and their answers carry no headers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Policy(StrEnum):
    """Which limit a call counts against."""

    BURST = "burst"
    SEARCH = "search"


def burst_limit(headers: Mapping[str, str]) -> int | None:
    """Return the calls per ten seconds that an answer's headers (lower-case names) tell of."""
    told = headers.get("x-hubspot-ratelimit-max", "")
    return int(told) if told.isdigit() and int(told) > 0 else None


@dataclass(eq=False)
class Permit:
    """Leave to make one call: after how long a wait, and until when the call may count against its limit."""

    policy: Policy
    waited: float
    counted_at: float


class Limiter(Protocol):
    """A budget of calls, shared by whoever shares the limiter; safe to use from several threads."""

    def acquire(self, policy: Policy, wait: Callable[[float], object] = time.sleep) -> Permit:
        """Wait, by `wait(seconds)`, until a call is allowed; every permit has to be settled."""

    def settle(self, permit: Permit, headers: Mapping[str, str]) -> None:
        """Say that a permit's call is over, with its answer's headers (lower-case names) to learn from, if any."""

    def penalise(self, policy: Policy, retry_after: float) -> None:
        """Let no call pass for `retry_after` seconds, as HubSpot refused one."""


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

    def settle(self, permit: Permit, headers: Mapping[str, str]) -> None:
        """Count the call from now if it may have arrived that late, and take over the limit that HubSpot tells."""
        told = burst_limit(headers)
        with self._lock:
            permit.counted_at = min(permit.counted_at, self._clock())
            if permit.policy is Policy.BURST and told is not None:
                self._windows[Policy.BURST].limit = told

    def penalise(self, policy: Policy, retry_after: float) -> None:
        """Let no call pass for `retry_after` seconds."""
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
