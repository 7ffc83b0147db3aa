"""How deals are split among owners."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hubspot_emulator.declaration import Properties
from hubspot_emulator.names import OWNERS, owner
from hubspot_emulator.source import Source

# One deal in eight is split when the portal starts.
_UNSPLIT = 7
_CUTS = (("0.5", "0.5"), ("0.7", "0.3"), ("0.33333333", "0.33333333", "0.33333334"), ("0.125", "0.875"))


@dataclass(frozen=True)
class Share:
    """What one owner gets of a deal; all shares of a deal add up to 1."""

    owner: str
    percentage: str


@dataclass(frozen=True)
class Split:
    """All shares of a deal, and since when."""

    shares: tuple[Share, ...]
    since_ms: int


class Shares:
    """The splits of a portal's deals: generated ones, and those set since. A deal is its number."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._set: dict[int, Split] = {}

    def of(self, deal: int) -> Split | None:
        """Return how a deal is split; None when it is not."""
        if deal in self._set:
            return self._set[deal]
        if deal >= self._source.count:
            return None
        noise = self._source.noise(deal, 6)
        if noise & _UNSPLIT:
            return None
        cuts = _CUTS[noise >> 3 & 3]
        first = noise >> 8 & 0xFF
        shares = tuple(Share(owner(first + n), cut) for n, cut in enumerate(cuts))
        return Split(shares, self._source.created_ms(deal))

    def properties(self, deal: int) -> Properties:
        """Return what a deal's own properties say of its split."""
        split = self.of(deal)
        owners = None if split is None else ";".join(share.owner for share in split.shares)
        return {"hs_is_deal_split": "false" if split is None else "true", "hs_all_deal_split_owner_ids": owners}

    def set(self, deal: int, shares: tuple[Share, ...], at_ms: int) -> Split:
        """Split a deal anew."""
        self._set[deal] = Split(shares, at_ms)
        return self._set[deal]

    def move(self, gone: int, kept: int) -> None:
        """Give the deal that a merged one ended up in the split of that one."""
        split = self.of(gone)
        if split is not None:
            self._set[kept] = split


def problem(shares: tuple[Share, ...]) -> str | None:
    """Return why HubSpot would not take a split; None when it would."""
    if not shares or len({share.owner for share in shares}) < len(shares):
        return "Each owner can have one split of a deal, and there has to be one"
    if not {share.owner for share in shares} <= {owner(n) for n in range(OWNERS)}:
        return "Splits need owners that exist"
    percentages = [Decimal(share.percentage) for share in shares]
    # HubSpot, "Deal splits": percentages add up to 1.0 and have eight decimals at most.
    if sum(percentages) != 1 or any(p != round(p, 8) or p < 0 for p in percentages):
        return "Deal split percentages must sum up to 1.0 and may have up to 8 decimal places"
    return None
