"""Keeps the lists of a full reading from using up the limit that they share with all other calls."""

from __future__ import annotations

import threading

from airflow_hubspot.client.limits import InMemoryLimiter, Policy
from airflow_hubspot.client.transport import Transport

# A call for links comes to ten lists. What search brings within ten seconds, by its own limit, takes ten more of them;
# without calls left they would wait for up to ten seconds, and so would the end of the reading.
LINKS_A_LIST = 0.1
OTHER_CALLS = 14


def most_lists(burst_limit: int) -> int:
    """Return how many lists in ten seconds leave enough of the limit to all other calls of a full reading."""
    return max(1, int((burst_limit - OTHER_CALLS) / (1 + LINKS_A_LIST)))


class ListsShare:
    """The part of one client's burst limit that its lists may use up, all of it until somebody wants room.

    Safe to use from several threads.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._limiter: InMemoryLimiter | None = None
        self._lock = threading.Lock()
        self._has_others = False

    def make_room(self) -> None:
        """Say that other calls go out for what the lists bring, for as long as the client lives."""
        self._has_others = True

    def wait(self) -> None:
        """Wait until one more list leaves the rest to others; not at all while HubSpot has told no limit.

        :raises GivenUp: when calls are given up meanwhile.
        """
        with self._lock:
            limiter = self._sized()
        if limiter is not None:
            limiter.settle(limiter.acquire(Policy.BURST, self._transport.pause), {})

    def _sized(self) -> InMemoryLimiter | None:
        limit = self._transport.told_burst_limit
        if limit is None:
            return None
        # Lists count from the first one on, so that whoever wants room later finds the window no fuller than it may be.
        self._limiter = self._limiter or InMemoryLimiter()
        self._limiter.allow(Policy.BURST, most_lists(limit) if self._has_others else limit)
        return self._limiter
