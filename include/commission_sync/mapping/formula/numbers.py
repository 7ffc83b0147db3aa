"""Exact decimal arithmetic within bounds."""

from __future__ import annotations

from collections.abc import Callable
from decimal import (
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)

from commission_sync.mapping.formula.errors import FormulaError

DIGITS = 50

# Sums of money are exact far below fifty digits; only a division that does not come out even is rounded there.
_CONTEXT = Context(
    prec=DIGITS,
    rounding=ROUND_HALF_EVEN,
    Emin=-DIGITS,
    Emax=DIGITS,
    traps=[DivisionByZero, InvalidOperation, Overflow],
)

ARITHMETIC: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "Add": _CONTEXT.add,
    "Sub": _CONTEXT.subtract,
    "Mult": _CONTEXT.multiply,
    "Div": _CONTEXT.divide,
}
negative: Callable[[Decimal], Decimal] = _CONTEXT.minus
absolute: Callable[[Decimal], Decimal] = _CONTEXT.abs


def rounded(number: Decimal, places: int = 0) -> Decimal:
    """Round half away from zero, as invoices do; negative places round to tens, hundreds and so on."""
    return number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=_CONTEXT)


def impossible(error: DecimalException, column: int) -> FormulaError:
    """Say why a calculation has no result."""
    if isinstance(error, ZeroDivisionError) or "DivisionUndefined" in repr(error):
        return FormulaError("division by zero", column)
    return FormulaError(f"the result has more than {DIGITS} digits", column)
