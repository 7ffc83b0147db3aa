"""What calls cost: how many, how long they waited, how long HubSpot took."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class CallSnapshot:
    """What the calls so far cost."""

    calls: int
    retries: int
    waited_seconds: float
    http_seconds: float
    by_operation: Mapping[str, int]


class CallStats:
    """Counts calls; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._retries = 0
        self._waited = self._http = 0.0

    def called(self, operation: str, *, waited: float, http: float) -> None:
        """Count one call, refused or not."""
        with self._lock:
            self._calls[operation] += 1
            self._waited += waited
            self._http += http

    def retried(self) -> None:
        """Count one retry."""
        with self._lock:
            self._retries += 1

    def snapshot(self) -> CallSnapshot:
        """Return the figures so far."""
        with self._lock:
            return CallSnapshot(self._calls.total(), self._retries, self._waited, self._http, dict(self._calls))
