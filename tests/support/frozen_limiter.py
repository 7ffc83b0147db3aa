"""A limiter at whose permit for a write the process stops, as a machine does that is suspended at the worst moment."""

import os
import signal
from typing import Any

from airflow_hubspot.client import InMemoryLimiter, Permit


class FreezesBeforeWriting(InMemoryLimiter):
    """Stops its own process once, when the call after the first reading is admitted: read, and not sent yet."""

    def __init__(self) -> None:
        super().__init__(burst_limit=100_000, search_limit=100_000)
        self.calls = int(os.environ.get("FREEZE_AT_CALL", "0"))

    def acquire(self, *how: Any) -> Permit:
        """Return a permit, after a freeze if this is the call."""
        self.calls -= 1
        if self.calls == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        return super().acquire(*how)
