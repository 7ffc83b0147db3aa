"""The rate limits of one portal, counted as HubSpot counts them, and the proof of how they were kept."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from hubspot_emulator.errors import ApiError, rate_limited
from hubspot_emulator.spec import Tier

BURST_SECONDS = 10.0
SEARCHES_A_SECOND = 5


@dataclass
class Rolling:
    """Calls within a rolling window."""

    limit: int
    seconds: float
    calls: deque[float] = field(default_factory=deque)
    most: int = 0

    def admit(self, now: float) -> bool:
        """Count a call and return whether it was allowed; refused ones do not fill the window."""
        while self.calls and self.calls[0] <= now - self.seconds:
            self.calls.popleft()
        if len(self.calls) >= self.limit:
            return False
        self.calls.append(now)
        self.most = max(self.most, len(self.calls))
        return True


class Limits:
    """One portal's limits.

    `others` calls of other apps may be put into the windows; `search_fills_burst` is what HubSpot does not document.
    """

    def __init__(self, tier: Tier, *, enforced: bool) -> None:
        self.enforced = enforced
        self.search_fills_burst = False
        self.sends_retry_after = False
        self.burst = Rolling(tier.burst, BURST_SECONDS)
        self.search = Rolling(SEARCHES_A_SECOND, 1.0)
        self.daily_limit = tier.daily
        self.used_today = 0

    def admit(self, *, is_search: bool) -> None:
        """Count a call.

        :raises ApiError: the 429 of the limit that it would break
        """
        if not self.enforced:
            return
        now = time.monotonic()
        if self.daily_limit is not None and self.used_today >= self.daily_limit:
            raise self._refusal("DAILY", 3600)
        if is_search and not self.search.admit(now):
            raise self._refusal("SECONDLY", 1)
        if (not is_search or self.search_fills_burst) and not self.burst.admit(now):
            raise self._refusal("TEN_SECONDLY_ROLLING", 10)
        self.used_today += 1

    def used_by_others(self, calls: int, searches: int) -> None:
        """Fill the windows as another app of the same account would."""
        now = time.monotonic()
        self.burst.calls.extend([now] * calls)
        self.search.calls.extend([now] * searches)

    def headers(self, *, is_search: bool) -> dict[str, str]:
        """Return the headers of an answer; searches have none."""
        if is_search:
            return {}
        headers = {
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(self.burst.limit),
            "X-HubSpot-RateLimit-Remaining": str(max(0, self.burst.limit - len(self.burst.calls))),
        }
        if self.daily_limit is not None:
            headers["X-HubSpot-RateLimit-Daily"] = str(self.daily_limit)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(0, self.daily_limit - self.used_today))
        return headers

    def _refusal(self, policy: str, seconds: float) -> ApiError:
        return rate_limited(policy, seconds if self.sends_retry_after else None)
