"""HubSpot's rate limits, and the budget that every call is taken from.

Source: HubSpot, "API usage guidelines and limits": an app may make 100, 110, 190 or 250 calls in any ten seconds by the
account's edition; searches have a limit of their own, five a second per account, and their answers carry no headers.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
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


class Limiter(Protocol):
    """A budget of calls, shared by whoever shares the limiter; safe to use from several threads."""

    def acquire(self, policy: Policy) -> float:
        """Wait until a call is allowed and return the seconds waited."""

    def observe(self, policy: Policy, headers: Mapping[str, str]) -> None:
        """Learn from an answer's headers (lower-case names)."""

    def penalise(self, policy: Policy, retry_after: float) -> None:
        """Let no call pass for `retry_after` seconds, as HubSpot refused one."""


class InMemoryLimiter:
    """The budget of one process: exact rolling windows.

    A call counts from when it is sent until a window after it was sent, plus `margin`: HubSpot counts it when it
    arrives, and two calls may be delayed differently on the way.
    """

    def __init__(
        self,
        burst_limit: int = 100,
        search_limit: int = 5,
        *,
        margin: float = 0.05,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Allow `burst_limit` calls in any ten seconds and `search_limit` searches in any second."""
        self._windows = {
            Policy.BURST: _Window(burst_limit, 10.0 + margin),
            Policy.SEARCH: _Window(search_limit, 1.0 + margin),
        }
        self._lock = threading.Lock()
        self._clock = clock
        self._sleep = sleep

    def acquire(self, policy: Policy) -> float:
        """Wait until a call is allowed and return the seconds waited."""
        window = self._windows[policy]
        started = self._clock()
        while True:
            with self._lock:
                now = self._clock()
                delay = window.delay(now)
                if delay <= 0:
                    window.sent.append(now)
                    return now - started
            self._sleep(delay)

    def observe(self, policy: Policy, headers: Mapping[str, str]) -> None:
        """Take over the account's own limit, as `X-HubSpot-RateLimit-Max` tells it."""
        told = burst_limit(headers)
        if policy is Policy.BURST and told is not None:
            with self._lock:
                self._windows[policy].limit = told

    def penalise(self, policy: Policy, retry_after: float) -> None:
        """Let no call pass for `retry_after` seconds."""
        with self._lock:
            window = self._windows[policy]
            window.closed_until = max(window.closed_until, self._clock() + retry_after)


class _Window:
    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self.sent: deque[float] = deque()
        self.closed_until = float("-inf")

    def delay(self, now: float) -> float:
        """Return for how long no call may be sent."""
        while self.sent and self.sent[0] <= now - self.seconds:
            self.sent.popleft()
        full = self.sent[len(self.sent) - self.limit] + self.seconds - now if len(self.sent) >= self.limit else 0.0
        return max(full, self.closed_until - now)
