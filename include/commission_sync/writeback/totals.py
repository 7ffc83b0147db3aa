"""What a plan moves, in money, and the caps that stop one for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from commission_sync.writeback.company import WritebackSettings

NO_CURRENCY = "(no currency)"
_ZERO = Decimal(0)


@dataclass
class CurrencyTotal:
    """The rows of one currency: the sums of old and new amounts, and of how far each moves.

    `all` sums every commission of the company, also those that the plan leaves alone.
    """

    rows: int = 0
    old: Decimal = _ZERO
    new: Decimal = _ZERO
    moved: Decimal = _ZERO
    all: Decimal = _ZERO

    def document(self) -> dict[str, Any]:
        """Return it for jsonb, numbers as strings."""
        return {"rows": self.rows} | {n: format(getattr(self, n), "f") for n in ("old", "new", "moved", "all")}


@dataclass
class Totals:
    """The totals of a plan by currency, gathered commission by commission."""

    by_currency: dict[str, CurrencyTotal] = field(default_factory=dict)
    foreign: int = 0

    def commission(self, currency: str | None, amount: Decimal | None) -> None:
        """Count a commission of the company."""
        if amount is not None and amount.is_finite():
            self._of(currency).all += amount

    def row(self, currency: str | None, old: str | None, new: str | None, *, deal_currency: str | None) -> None:
        """Count a planned row."""
        total, before, after = self._of(currency), _number(old), _number(new)
        total.rows += 1
        total.old += before
        total.new += after
        total.moved += abs(after - before)
        self.foreign += bool(currency and deal_currency and currency != deal_currency)

    def document(self) -> dict[str, dict[str, Any]]:
        """Return them for jsonb."""
        return {currency: total.document() for currency, total in sorted(self.by_currency.items())}

    def _of(self, currency: str | None) -> CurrencyTotal:
        return self.by_currency.setdefault(currency or NO_CURRENCY, CurrencyTotal())


def exceeded_caps(
    settings: WritebackSettings,
    totals: Totals,
    last: Mapping[str, Mapping[str, Any]] | None,
    *,
    is_undo: bool = False,
) -> list[str]:
    """Return which caps a plan is over, in words, each currency by itself.

    A sum that is not zero and has nothing to be compared with is over a cap of per cent: a person has to look at it.

    :param last: the totals of the last plan that was applied
    :param is_undo: the plan takes back what a run wrote: its own rows are all that it changes of the last sum
    """
    found = []
    rows = sum(total.rows for total in totals.by_currency.values())
    if rows > settings.max_rows:
        found.append(f"{rows:,} rows are more than {settings.max_rows:,}")
    for currency, total in sorted(totals.by_currency.items()):
        if settings.max_moved is not None and total.moved > settings.max_moved:
            found.append(f"amounts move by {total.moved:,} {currency}, more than {settings.max_moved:,}")
        if settings.max_change_percent is not None:
            before = _number(((last or {}).get(currency) or {}).get("all"))
            now = before + total.new - total.old if is_undo else total.all
            found += _leap(currency, before, now, settings.max_change_percent)
    return found


def _leap(currency: str, before: Decimal, now: Decimal, most: Decimal) -> list[str]:
    if before == 0:
        nothing = f"the sum of all commissions in {currency} is {now:,}, and no applied plan had any to compare it with"
        return [nothing] if now != 0 else []
    percent = abs(now - before) / abs(before) * 100
    if percent <= most:
        return []
    return [
        f"the sum of all commissions in {currency} differs by {percent:.1f} % from that at the last run, "
        f"more than {most} %"
    ]


def _number(value: str | None) -> Decimal:
    try:
        number = Decimal(value or 0)
    except InvalidOperation:
        return _ZERO
    return number if number.is_finite() else _ZERO
