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
    """The part of one client's burst limit that its lists may use up; safe to use from several threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._limiter: InMemoryLimiter | None = None
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait until one more list leaves the rest to others; not at all while HubSpot has told no limit.

        :raises GivenUp: when calls are given up meanwhile.
        """
        with self._lock:
            if self._limiter is None and (limit := self._transport.told_burst_limit) is not None:
                self._limiter = InMemoryLimiter(burst_limit=most_lists(limit))
        if self._limiter is not None:
            self._limiter.settle(self._limiter.acquire(Policy.BURST, self._transport.pause), {})
