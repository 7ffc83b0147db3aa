"""A second app of the same account, which eats from the same limits at a steady rate."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass

from hubspot_emulator.limits import Limits

_TICK_SECONDS = 0.02


@dataclass
class OtherApp:
    """What the other app got so far."""

    calls: int = 0
    searches: int = 0
    refused: int = 0

    async def use(self, limits: Limits, *, calls_a_second: float, searches_a_second: float, seconds: float) -> None:
        """Call at these rates for so long; what is refused is not tried again."""
        started = time.monotonic()
        asked = {False: 0, True: 0}
        while (passed := time.monotonic() - started) < seconds:
            for is_search, rate in ((False, calls_a_second), (True, searches_a_second)):
                while asked[is_search] < rate * passed:
                    asked[is_search] += 1
                    self._call(limits, is_search=is_search)
            await asyncio.sleep(_TICK_SECONDS)

    def as_dict(self) -> dict[str, int]:
        """Return the figures."""
        return asdict(self)

    def _call(self, limits: Limits, *, is_search: bool) -> None:
        if not limits.admit_other(is_search=is_search):
            self.refused += 1
        elif is_search:
            self.searches += 1
        else:
            self.calls += 1
