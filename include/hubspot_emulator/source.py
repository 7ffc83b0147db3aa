"""Records as a pure function of seed, portal, type and number: a million cost nothing until they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from hubspot_emulator.declaration import Kind, Properties
from hubspot_emulator.spec import PortalSpec
from hubspot_emulator.spread import Spread
from hubspot_emulator.times import DAY_MS

# Fixed, not "now": a restarted emulator has to show the same past.
FIRST_CREATED_MS = 1_672_531_200_000  # 2023-01-01
LAST_CREATED_MS = 1_767_225_600_000  # 2026-01-01
LAST_MODIFIED_MS = 1_782_777_600_000  # 2026-06-30
ID_GAP = 977

_LONGEST_MS = 180 * DAY_MS
_MASK = (1 << 64) - 1


class Source:
    """The records of a type before anybody edited them; numbers count from 0.

    All types share one sequence of ids. HubSpot promises unique ids within a type only, so whoever mixes types up
    finds another record here, not none.
    """

    def __init__(self, kind: Kind, spec: PortalSpec, seed: int) -> None:
        self.kind, self.spec = kind, spec
        self.count = kind.count(spec)
        self._ids = mixed(seed * 1_000_003 + spec.portal_id)
        self._seed = self._ids ^ (kind.salt * 0x9E3779B97F4A7C15 & _MASK)
        self._first_id = 10_000_000_000 + (spec.portal_id % 80_000) * 1_000_000_000
        self._step = max(1, (LAST_CREATED_MS - FIRST_CREATED_MS) // max(1, self.count))

    def crm_id(self, number: int) -> int:
        """Return the id of a record, also of one that is created later; ids rise with numbers, with gaps."""
        return self._first_id + number * ID_GAP + mixed(self._ids ^ (number << 1)) % ID_GAP

    def number(self, crm_id: int) -> int:
        """Return the number that `crm_id` could have; whether it has is for the caller to check."""
        return (crm_id - self._first_id) // ID_GAP

    def lowest_number_above(self, crm_id: int) -> int:
        """Return the number of the first record whose id is above `crm_id`."""
        number = max(0, self.number(crm_id))
        return number if self.crm_id(number) > crm_id else number + 1

    def created_ms(self, number: int) -> int:
        """Return when a record was created."""
        return FIRST_CREATED_MS + number * self._step + (self.noise(number, 1) % self._step)

    def modified_ms(self, number: int) -> int:
        """Return when a record was last modified; every tenth time has no millisecond part."""
        noise = self.noise(number, 2)
        modified = min(self.created_ms(number) + noise % (_LONGEST_MS), LAST_MODIFIED_MS - noise % DAY_MS)
        return modified - modified % 1000 if noise % 10 == 0 else modified

    def every_modified_ms(self) -> Iterator[int]:
        """Yield `modified_ms` of every record in turn; `mixed` is written out, which halves the time for a million."""
        step, seed, mask = self._step, self._seed, _MASK
        for number in range(self.count):
            a = (seed + number * 8 + 1 + 0x9E3779B97F4A7C15) & mask
            a = ((a ^ (a >> 30)) * 0xBF58476D1CE4E5B9) & mask
            a = ((a ^ (a >> 27)) * 0x94D049BB133111EB) & mask
            b = (seed + number * 8 + 2 + 0x9E3779B97F4A7C15) & mask
            b = ((b ^ (b >> 30)) * 0xBF58476D1CE4E5B9) & mask
            b = ((b ^ (b >> 27)) * 0x94D049BB133111EB) & mask
            noise = b ^ (b >> 31)
            created = FIRST_CREATED_MS + number * step + (a ^ (a >> 31)) % step
            modified = min(created + noise % _LONGEST_MS, LAST_MODIFIED_MS - noise % DAY_MS)
            yield modified - modified % 1000 if noise % 10 == 0 else modified

    def properties(self, number: int) -> Properties:
        """Return a record's own properties; calculated ones and nulls are added by whoever reads it."""
        return self.kind.generate(self, number)

    @cached_property
    def spread(self) -> Spread:
        """Which deals the records hang on."""
        crowd = self.kind.crowd(self.spec)
        return Spread(
            self.spec.deals, self.count - crowd, self.kind.offsets, lambda number: self.noise(number, 6), crowd
        )

    def noise(self, number: int, salt: int) -> int:
        """Return 64 bits that depend on nothing but seed, portal, type, number and salt."""
        return mixed(self._seed + number * 8 + salt)

    def deal_noise(self, deal: int, salt: int) -> int:
        """Return the noise of a deal, for what has to agree with its deal."""
        return mixed(self._ids + deal * 8 + salt)


def mixed(value: int) -> int:
    """Return well-spread bits of a number (the finaliser of the SplitMix64 generator)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
