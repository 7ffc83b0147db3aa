"""What a source of exchange rates is, and how a figure it gives becomes a rate."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from commission_sync.fx.currencies import is_code
from commission_sync.fx.errors import Refused, Unreadable
from commission_sync.fx.web import Answer
from commission_sync.store.rates import BadRate, Rate

_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,60})?([eE][+-]?\d{1,2})?", re.ASCII)

# A bitcoin is some 10^9 dong; what lies a thousand times further out is a mistake of the source.
_LEAST, _MOST = Decimal("1e-12"), Decimal("1e12")


@dataclass
class Reading:
    """What a source published: rates, what cannot be one, and remarks for the log."""

    rates: list[Rate] = field(default_factory=list)
    rejected: list[BadRate] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def take(self, base: str, quote: str, day: date, value: object) -> None:
        """Add a figure: as a rate, or with the reason why it is none. A currency in itself says nothing."""
        if base == quote:
            return
        reason = _fault(base, quote, value)
        if reason is None:
            self.rates.append(Rate(base, quote, day, Decimal(str(value))))
        else:
            self.rejected.append(BadRate(base, quote, day, str(value)[:200], reason))


class RateSource(Protocol):
    """A provider of exchange rates.

    `name` is what `fx_rates.source` holds, `pivot` the currency that all its rates are from or into. `catch_up_days` is
    how far back a run looks for missing days by itself; None: as far as they go. `has_all_in_one` says that everything
    it ever published costs no more than a day, `holds` that a rate is in force until the next one, however old.
    """

    name: str
    pivot: str
    catch_up_days: int | None
    has_all_in_one: bool
    holds: bool

    def publishes(self, day: date) -> bool:
        """Whether there can be rates of a day."""

    def read(self, days: Sequence[date], *, today: date) -> Iterator[Reading]:
        """Yield what the source published of the given days, in pieces that may be kept one by one.

        No day means all there are. What a source publishes of other days along the way is yielded as well.

        :raises FxError: when the source refuses, stays away or sends half an answer.
        """


def document(answer: Answer) -> Any:
    """Return a JSON document whose numbers are decimals, digit by digit as they were written.

    :raises Unreadable: when it is not whole.
    :raises Refused: when it is an error page.
    """
    try:
        return json.loads(answer.body, parse_float=Decimal, parse_int=Decimal, parse_constant=str)
    except (ValueError, RecursionError) as error:
        if answer.status != 200:
            raise Refused(f"{answer.where} answers {answer.status}", hint="check EXCHANGE_RATE_URL") from None
        raise Unreadable(
            f"{answer.where} is not whole JSON: {len(answer.body)} bytes, {error}",
            hint="nothing of it was taken; it is tried again by itself",
        ) from None


def _fault(base: str, quote: str, value: object) -> str | None:
    unknown = next((code for code in (base, quote) if not is_code(code)), None)
    if unknown is not None:
        return f"{unknown[:20]!r} is not the code of a currency"
    if isinstance(value, bool) or not isinstance(value, str | Decimal) or not _NUMBER.fullmatch(str(value)):
        return f"{str(value)[:80]!r} is not a number"
    rate = Decimal(str(value))
    if rate <= 0:
        return f"{str(value)[:80]} is not above 0"
    return None if _LEAST <= rate <= _MOST else f"{str(value)[:80]} is beyond any exchange rate there ever was in use"
