"""What was asked of a portal."""

from __future__ import annotations

from collections import Counter
from typing import Any


class Stats:
    """Counts calls by operation and status."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()
        self.refused = 0
        self.bytes = 0
        self.busy_seconds = 0.0

    def called(self, operation: str, status: int, *, size: int, seconds: float) -> None:
        """Count one call."""
        self.calls[operation] += 1
        self.statuses[status] += 1
        self.bytes += size
        self.busy_seconds += seconds

    def as_dict(self) -> dict[str, Any]:
        """Return the figures; `refused` counts calls that broke a limit, not 429s that were asked for as faults."""
        return {
            "calls": sum(self.calls.values()),
            "by_operation": dict(self.calls),
            "statuses": {str(k): v for k, v in self.statuses.items()},
            "faults": {str(k): v for k, v in self.faults.items()},
            "refused": self.refused,
            "bytes": self.bytes,
            "busy_seconds": round(self.busy_seconds, 4),
        }
