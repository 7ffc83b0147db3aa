"""Feeds formulas of every sort to the engine: `python tests/support/formula_fuzz.py SECONDS` tells the slowest answer."""

from __future__ import annotations

import random
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal

from commission_sync.mapping.formula import Formula, FormulaError, Kind, Value, parse, typed

VALUES: dict[str, tuple[Kind, Value]] = {
    "amount": (Kind.NUMBER, Decimal("1234.56")),
    "huge": (Kind.NUMBER, Decimal("9" * 49)),
    "tiny": (Kind.NUMBER, Decimal("1e-49")),
    "zero": (Kind.NUMBER, Decimal(0)),
    "nothing": (Kind.NUMBER, None),
    "stage": (Kind.TEXT, "closedwon"),
    "won": (Kind.BOOLEAN, True),
    "start": (Kind.DATE, date(2024, 2, 29)),
    "closed at": (Kind.DATETIME, datetime(2026, 12, 31, 23, 59, tzinfo=UTC)),
    "first": (Kind.DATE, date.min),
    "last": (Kind.DATETIME, datetime.max.replace(tzinfo=UTC)),
}
# A misspelt name is compared with those of a whole portal.
PORTAL = {f"hs_v2_date_entered_{n}_of_a_property_with_a_long_name": Kind.DATE for n in range(1_000)}
KINDS = PORTAL | {name: kind for name, (kind, _) in VALUES.items()}
INPUTS = {name: value for name, (_, value) in VALUES.items()}

_SIGNS = "+ - * / × ÷ − ( ) ( ) , < <= > >= = == != <> ≤ ≥ ≠ and or not true false null"
_CALLS = "min( max( abs( round( coalesce( if( year( months_between( foo( eval( __import__("
_NUMBERS = "0 1 2 0.5 .5 1e9 99999999999999999999 007 1.2.3 0x10 1_000"
PIECES = [
    *VALUES,
    *_SIGNS.split(),
    *_CALLS.split(),
    *_NUMBERS.split(),
    "amuont",
    "hs_v2_date_entered_property_with_a_long_name",
    '"closed at"',
    "'2026-01-31'", "'it''s'", "'", '"', "**", "//", "%", "[", "{", "lambda", ":", ".", ";", "\\", "#", "@", "\n", "\t",
    "\x00", "\u202e", "é", "日本", "\ud800",
]  # fmt: skip


def answer(text: str) -> Value | FormulaError:
    """Return what the engine says: a value, or an error with its column."""
    try:
        formula: Formula = typed(parse(text), KINDS)
        return formula.evaluate(INPUTS)
    except FormulaError as error:
        return error


def is_sound(text: str, found: Value | FormulaError) -> bool:
    """Whether an answer is a finite value or an error that points into the text."""
    if isinstance(found, FormulaError):
        return 1 <= found.column <= len(text) + 1
    return not isinstance(found, Decimal) or found.is_finite()


def formulas(seed: int):
    """Yield texts without end: sentences of pieces, noise, and what hurts other evaluators."""
    chance = random.Random(seed)
    while True:
        match chance.randrange(6):
            case 0:
                yield "".join(
                    chr(chance.choice([chance.randrange(128), chance.randrange(0x110000)]))
                    for _ in range(chance.randrange(80))
                )
            case 1:
                piece = chance.choice(PIECES)
                yield piece * chance.choice([10, 100, 3_000 // (len(piece) or 1)])
            case 2:
                depth = chance.choice([5, 29, 31, 200, 1_500])
                opening = chance.choice(["(", "abs(", "min(1,", "-(", "not ("])
                yield opening * depth + "1" + ")" * depth
            case 3:
                yield _sum(chance)
            case _:
                yield chance.choice([" ", ""]).join(chance.choices(PIECES, k=chance.randrange(1, 120)))


def _sum(chance: random.Random) -> str:
    names = ["amount", "huge", "tiny", "zero", "nothing", "1", "0.1", "year(last)", "months_between(first, last)"]
    text = chance.choice(names)
    while chance.random() < 0.95 and len(text) < 2_100:
        text = f"{text} {chance.choice('+-*/')} {chance.choice(names)}"
    return text


def main(seconds: float) -> int:
    counts, slowest, worst = {"value": 0, "error": 0}, 0.0, ""
    until = time.monotonic() + seconds
    for text in formulas(seed=time.time_ns()):
        if time.monotonic() > until:
            break
        started = time.process_time()
        found = answer(text)
        took = time.process_time() - started
        if not is_sound(text, found):
            print(f"unsound: {text!r} -> {found!r}")  # noqa: T201
            return 1
        counts["error" if isinstance(found, FormulaError) else "value"] += 1
        if took > slowest:
            slowest, worst = took, text
    print(f"{counts} in {seconds:.0f} s; slowest {slowest * 1000:.1f} ms of CPU: {worst[:80]!r}")  # noqa: T201
    return 0 if slowest < 0.05 else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
