"""The rate limits of one portal, counted as HubSpot counts them, and the proof of how they were kept."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hubspot_emulator.errors import ApiError, rate_limited
from hubspot_emulator.spec import TIERS, PortalSpec

BURST_SECONDS = 10.0
# HubSpot, "Search the CRM": five requests per second and account, all apps together.
SEARCHES_A_SECOND = 5


@dataclass
class Rolling:
    """Calls within a rolling window; `most` is the highest number that was ever allowed in one."""

    limit: int
    seconds: float
    calls: deque[float] = field(default_factory=deque)
    most: int = 0

    def admit(self, now: float, *, count_refused: bool = False) -> bool:
        """Count a call and return whether it was allowed."""
        allowed = self.used(now) < self.limit
        if allowed or count_refused:
            self.calls.append(now)
        if allowed:
            self.most = max(self.most, len(self.calls))
        return allowed

    def used(self, now: float) -> int:
        """Return how many calls the window that ends now holds."""
        while self.calls and self.calls[0] <= now - self.seconds:
            self.calls.popleft()
        return len(self.calls)


class Limits:
    """One portal's limits.

    HubSpot documents neither whether searches fill the ten seconds (`search_fills_burst`) nor whether refused calls
    fill a window (`refused_count`); both are off to begin with. Its pages contradict each other on batch reads of
    associations (`links_fill_burst`), so these count.
    """

    def __init__(self, spec: PortalSpec, *, enforced: bool) -> None:
        tier = TIERS[spec.tier]
        self.enforced = enforced
        self.search_fills_burst = False
        self.links_fill_burst = True
        self.refused_count = False
        self.sends_retry_after = False
        self.burst = Rolling(tier.burst, BURST_SECONDS)
        self.search = Rolling(SEARCHES_A_SECOND, 1.0)
        self.daily_limit = tier.daily
        self._portal_id = spec.portal_id
        self._zone = ZoneInfo(spec.time_zone)
        self._day = self._today()
        self._used_today = 0

    @property
    def used_today(self) -> int:
        """How many calls were made since midnight in the portal's time zone."""
        if self._day != self._today():
            self._day, self._used_today = self._today(), 0
        return self._used_today

    @used_today.setter
    def used_today(self, calls: int) -> None:
        self._day, self._used_today = self._today(), calls

    @property
    def resets_at(self) -> datetime:
        """The portal's next midnight."""
        tomorrow = self._today() + timedelta(days=1)
        return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=self._zone)

    def admit(self, *, is_search: bool, is_links_read: bool = False) -> None:
        """Count a call.

        :raises ApiError: the 429 of the limit that it would break
        """
        if not self.enforced:
            return
        now = time.monotonic()
        if self.daily_limit is not None and self.used_today >= self.daily_limit:
            raise self._refusal("DAILY", (self.resets_at - datetime.now(UTC)).total_seconds())
        if is_search and not self.search.admit(now, count_refused=self.refused_count):
            raise self._refusal("SECONDLY", 1)
        exempt = (is_search and not self.search_fills_burst) or (is_links_read and not self.links_fill_burst)
        if not exempt:
            self._admit_to_burst(now)
        self.used_today += 1

    def used_by_others(self, calls: int, searches: int) -> None:
        """Fill the windows as another app of the same account would."""
        now = time.monotonic()
        self.burst.calls.extend([now] * calls)
        self.search.calls.extend([now] * searches)
        self.used_today += calls + searches

    def headers(self, *, is_search: bool) -> dict[str, str]:
        """Return the headers of an answer; searches have none, OAuth apps have none on the day."""
        if is_search:
            return {}
        left = max(0, self.burst.limit - self.burst.used(time.monotonic()))
        headers = {
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(self.burst.limit),
            "X-HubSpot-RateLimit-Remaining": str(left),
            # Deprecated, and still sent.
            "X-HubSpot-RateLimit-Secondly": str(self.burst.limit // 10),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(min(left, self.burst.limit // 10)),
        }
        if self.daily_limit is not None:
            headers["X-HubSpot-RateLimit-Daily"] = str(self.daily_limit)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(0, self.daily_limit - self.used_today))
        return headers

    def _admit_to_burst(self, now: float) -> None:
        if not self.burst.admit(now, count_refused=self.refused_count):
            raise self._refusal("TEN_SECONDLY_ROLLING", BURST_SECONDS)

    def _refusal(self, policy: str, seconds: float) -> ApiError:
        return rate_limited(policy, seconds if self.sends_retry_after else None, self._portal_id)

    def _today(self) -> date:
        return datetime.now(self._zone).date()
