"""Calls that take long: held before they are carried out, or after, so that the answer comes late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass
class Hold:
    """What happens to the next `times` calls of an operation, which may be a pattern such as `*.links.read`.

    :param before: how many seconds such a call waits before it is carried out
    :param after: how many seconds its answer waits
    """

    operation: str
    before: float = 0.0
    after: float = 0.0
    times: int = 1
    # How many calls wait now, by where they wait.
    waiting: dict[str, int] = field(default_factory=lambda: {"before": 0, "after": 0})
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, where: str) -> None:
        """Hold a call until the time is up or until it is released, even when its caller has gone away."""
        seconds = self.before if where == "before" else self.after
        if not seconds or self._released.is_set():
            return
        self.waiting[where] += 1
        try:
            async with asyncio.timeout(seconds):
                await self._released.wait()
        except TimeoutError:
            pass
        finally:
            self.waiting[where] -= 1

    def release(self) -> None:
        """Let every call go on."""
        self._released.set()


class Holds:
    """The holds of one portal."""

    def __init__(self) -> None:
        self._wanted: list[Hold] = []
        # Those that were replaced may still have calls that wait.
        self._all: list[Hold] = []

    def set(self, wanted: Iterable[dict[str, Any]]) -> None:
        """Replace what happens to calls that are still to come; those that wait go on waiting.

        :raises TypeError: for a hold without an operation, or with a key that there is not
        """
        self._wanted = [Hold(**one) for one in wanted]
        self._all = [hold for hold in self._all if any(hold.waiting.values())] + self._wanted

    def taken(self, operation: str) -> Hold:
        """Return the hold that this call falls under, and count it; without one, a hold that does not wait."""
        for hold in self._wanted:
            if hold.times > 0 and fnmatchcase(operation, hold.operation):
                hold.times -= 1
                return hold
        return Hold(operation)

    def waiting(self) -> dict[str, int]:
        """Return how many calls wait, by where they wait."""
        return {where: sum(hold.waiting[where] for hold in self._all) for where in ("before", "after")}

    def release(self) -> None:
        """Let every call go on, and hold no more."""
        for hold in self._all:
            hold.release()
        self._wanted, self._all = [], []
