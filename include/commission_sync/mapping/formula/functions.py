"""The functions: what each takes, what kind it gives, and what it does with values that are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from commission_sync.mapping.formula.dates import day, months_between
from commission_sync.mapping.formula.errors import FormulaError
from commission_sync.mapping.formula.kinds import Kind
from commission_sync.mapping.formula.numbers import absolute, rounded

MOST_PLACES = 15
ANY_NUMBER = 100


@dataclass(frozen=True)
class Argument:
    """What an argument is known to be before anything is evaluated."""

    kind: Kind
    column: int
    # The value of a literal number; None where it depends on the deal.
    constant: Decimal | None = None


@dataclass(frozen=True)
class Function:
    """A function whose result is null as soon as one of its arguments is.

    `check` returns the kind of the result, or raises `FormulaError` for arguments that do not fit.
    """

    fewest: int
    most: int
    check: Callable[[str, Sequence[Argument]], Kind]
    make: Callable[[tzinfo], Callable[..., Any]]


def same_kind(name: str, arguments: Sequence[Argument]) -> Kind:
    """Return the one kind that all arguments have, nulls aside."""
    kind = Kind.NULL
    for argument in arguments:
        if Kind.NULL not in {kind, argument.kind} and argument.kind is not kind:
            raise FormulaError(
                f"{name} takes values of one kind: this is {argument.kind.described()}, before it came "
                f"{kind.described()}",
                argument.column,
            )
        kind = argument.kind if kind is Kind.NULL else kind
    return kind


def _ordered(name: str, arguments: Sequence[Argument]) -> Kind:
    kind = same_kind(name, arguments)
    if kind in {Kind.TEXT, Kind.BOOLEAN}:
        raise FormulaError(f"{name} takes numbers or dates, and this is {kind.described()}", arguments[0].column)
    return kind


def _numbers(name: str, arguments: Sequence[Argument]) -> Kind:
    for argument in arguments:
        if argument.kind not in {Kind.NUMBER, Kind.NULL}:
            raise FormulaError(f"{name} takes numbers, and this is {argument.kind.described()}", argument.column)
    return Kind.NUMBER


def _rounding(name: str, arguments: Sequence[Argument]) -> Kind:
    _numbers(name, arguments)
    if len(arguments) == 2:
        places = arguments[1].constant
        if places is None or places != places.to_integral_value() or abs(places) > MOST_PLACES:
            raise FormulaError(
                f"{name}'s second value is the places to keep: a whole number from -{MOST_PLACES} to {MOST_PLACES}",
                arguments[1].column,
            )
    return Kind.NUMBER


def _dates(name: str, arguments: Sequence[Argument]) -> Kind:
    for argument in arguments:
        if not argument.kind.is_time and argument.kind is not Kind.NULL:
            raise FormulaError(f"{name} takes dates, and this is {argument.kind.described()}", argument.column)
    return Kind.NUMBER


def _round(number: Decimal, places: Decimal = Decimal(0)) -> Decimal:
    return rounded(number, int(places))


FUNCTIONS: dict[str, Function] = {
    "min": Function(1, ANY_NUMBER, _ordered, lambda _: lambda *values: min(values)),
    "max": Function(1, ANY_NUMBER, _ordered, lambda _: lambda *values: max(values)),
    "abs": Function(1, 1, _numbers, lambda _: absolute),
    "round": Function(1, 2, _rounding, lambda _: _round),
    "year": Function(1, 1, _dates, lambda zone: lambda at: Decimal(day(at, zone).year)),
    "months_between": Function(
        2,
        2,
        _dates,
        lambda zone: lambda start, end: Decimal(months_between(day(start, zone), day(end, zone))),
    ),
}
# These two decide themselves what a null means, so the compiler treats them by name.
CONDITIONAL, FIRST_THERE_IS = "if", "coalesce"
NAMES = frozenset({*FUNCTIONS, CONDITIONAL, FIRST_THERE_IS})
