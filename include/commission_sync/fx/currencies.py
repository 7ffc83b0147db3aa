"""The currencies of ISO 4217 and their exponents.

ISO's own list, not CLDR's: CLDR gives the digits that people write (0 for the Serbian dinar), ISO those that there are.
"""

from __future__ import annotations

import re
from functools import lru_cache

from iso4217 import Currency

_CODE = re.compile(r"[A-Z]{3}", re.ASCII)


@lru_cache(maxsize=1)
def exponents() -> dict[str, int]:
    """Return the number of decimals of every current currency; gold, test codes and the like have none."""
    return {c.code: c.exponent for c in Currency if c.exponent is not None}


def is_code(text: str) -> bool:
    """Whether a text has the form of a currency's code; it may be one that was given up, as sources go back decades."""
    return _CODE.fullmatch(text) is not None
