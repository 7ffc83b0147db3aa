"""The currencies that amounts can be in, with their exponents: ISO 4217's present list and those that left it.

ISO's own list, not CLDR's: CLDR gives the digits that people write (0 for the Serbian dinar), ISO those that there are.
A currency that left the list keeps its exponent here, whatever a newer library no longer knows: deals of its time are
in it for ever, and HubSpot still offers some of them (2026-09: ANG, BGN, CUC, HRK, SLL, VEF, ZWL).
"""

from __future__ import annotations

import re
from functools import lru_cache

from iso4217 import Currency

_CODE = re.compile(r"[A-Z]{3}", re.ASCII)

# ISO 4217, list three ("historic denominations"), as far as deals can be in them.
_WITHDRAWN = {
    **dict.fromkeys(("BEF", "BYR", "ESP", "GRD", "ITL", "LUF", "MGF", "PTE"), 0),
    **dict.fromkeys(
        (
            *("ANG", "ATS", "AZM", "BGN", "CSD", "CUC", "CYP", "DEM", "EEK", "FIM", "FRF", "GHC", "HRK", "IEP", "LTL"),
            *("LVL", "MRO", "MTL", "MZM", "NLG", "SDD", "SIT", "SKK", "SLL", "SRG", "STD", "TMM", "VEB", "VEF", "YUM"),
            *("ZMK", "ZWD", "ZWL"),
        ),
        2,
    ),
}
# Joined the list lately; a library that is older than they are does not know them.
_NEW = dict.fromkeys(("SLE", "VED", "VES", "XCG", "ZWG"), 2)


@lru_cache(maxsize=1)
def exponents() -> dict[str, int]:
    """Return the number of decimals of every currency; gold, test codes and the like have none."""
    return _WITHDRAWN | _NEW | {c.code: c.exponent for c in Currency if c.exponent is not None}


def is_code(text: str) -> bool:
    """Whether a text has the form of a currency's code; it may be one that was given up, as sources go back decades."""
    return _CODE.fullmatch(text) is not None
