"""Which deals the generated records hang on, found both ways without a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Offsets = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Spread:
    """Things laid out evenly along the deals, and from there moved by chance.

    Thing `n` starts at deal `n * deals // things` and hangs on the deals that are as far away as its offsets say, one
    of `offsets`. So the things of a deal are among those that start at the few deals before it. `crowd` more things,
    numbered after the others, hang on the one deal in the middle.
    """

    deals: int
    things: int
    offsets: Offsets
    noise: Callable[[int], int]
    crowd: int = 0

    def deals_of(self, thing: int) -> list[int]:
        """Return the deals that a thing hangs on."""
        if not self.deals or thing >= self.things + self.crowd:
            return []
        if thing >= self.things:
            return [self.crowded]
        start = thing * self.deals // self.things
        return sorted({(start + offset) % self.deals for offset in self._drawn(thing)})

    def things_of(self, deal: int) -> list[int]:
        """Return the things that hang on a deal."""
        if not 0 <= deal < self.deals:
            return []
        found = {thing for offset in range(self._reach) for thing in self._starting(deal, offset)}
        if self.crowd and deal == self.crowded:
            found.update(range(self.things, self.things + self.crowd))
        return sorted(found)

    @property
    def crowded(self) -> int:
        """The deal on which the crowd hangs."""
        return self.deals // 2

    @property
    def _reach(self) -> int:
        return 1 + max((offset for drawn in self.offsets for offset in drawn), default=-1)

    def _starting(self, deal: int, offset: int) -> list[int]:
        start = (deal - offset) % self.deals
        first, end = self._first(start), self._first(start + 1)
        return [thing for thing in range(first, end) if offset in self._drawn(thing)]

    def _first(self, deal: int) -> int:
        return -(-deal * self.things // self.deals)

    def _drawn(self, thing: int) -> tuple[int, ...]:
        return self.offsets[self.noise(thing) % len(self.offsets)]
