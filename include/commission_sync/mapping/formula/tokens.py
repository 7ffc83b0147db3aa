"""Splits a formula into tokens that know their column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from commission_sync.mapping.formula.errors import FormulaError

LONGEST_FORMULA = 2_000
LONGEST_NAME = 100
MOST_TOKENS = 300
MOST_DIGITS = 40

_WORDS = {"and", "or", "not"}
_CONSTANTS = {"true", "false", "null"}
_SIGNS = {"×": "*", "÷": "/", "\u2212": "-", "=": "==", "<>": "!=", "≠": "!=", "≤": "<=", "≥": ">="}

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
  | (?P<name>[^\W\d]\w*)
  | "(?P<quoted>[^"]*)"
  | '(?P<text>(?:[^']|'')*)'
  | (?P<sign><=|>=|<>|!=|==|[-+*/()=<>,×÷−≠≤≥])
    """,
    re.VERBOSE,
)


class Type(Enum):
    """What a token is."""

    NUMBER = auto()
    NAME = auto()
    TEXT = auto()
    CONSTANT = auto()
    FUNCTION = auto()
    SIGN = auto()
    WORD = auto()
    END = auto()


@dataclass(frozen=True)
class Token:
    """A piece of a formula; `value` is normalised (`×` is `*`), `shown` is how it was written."""

    type: Type
    value: str
    column: int
    shown: str


def tokenize(formula: str) -> list[Token]:
    """Return the formula's tokens, with one of type `END` behind them.

    :raises FormulaError: at a character, name or number that cannot be one.
    """
    if len(formula) > LONGEST_FORMULA:
        raise FormulaError(
            f"a formula has at most {LONGEST_FORMULA:,} characters; split it into several fields", LONGEST_FORMULA + 1
        )
    tokens: list[Token] = []
    position = 0
    while position < len(formula):
        found = _TOKEN.match(formula, position)
        if found is None:
            raise _unreadable(formula, position)
        if found.lastgroup != "space":
            tokens.append(_token(found, formula))
        if len(tokens) > MOST_TOKENS:
            raise FormulaError(f"a formula has at most {MOST_TOKENS} parts; split it into several fields", position + 1)
        position = found.end()
    return [*tokens, Token(Type.END, "", len(formula) + 1, "the end")]


def _token(found: re.Match[str], formula: str) -> Token:
    column, shown = found.start() + 1, found.group()
    match found.lastgroup:
        case "number":
            return Token(Type.NUMBER, _number(shown, column), column, shown)
        case "name":
            return _word(shown, column, is_called=formula[found.end() :].lstrip()[:1] == "(")
        case "quoted":
            return Token(Type.NAME, _name(found["quoted"], column), column, shown)
        case "text":
            return Token(Type.TEXT, found["text"].replace("''", "'"), column, shown)
        case _:
            return Token(Type.SIGN, _SIGNS.get(shown, shown), column, shown)


def _word(shown: str, column: int, *, is_called: bool) -> Token:
    # Spreadsheets write IF and AND in capitals.
    lower = shown.lower()
    if lower in _WORDS:
        return Token(Type.WORD, lower, column, shown)
    if is_called:
        return Token(Type.FUNCTION, _name(lower, column), column, shown)
    if lower in _CONSTANTS:
        return Token(Type.CONSTANT, lower, column, shown)
    return Token(Type.NAME, _name(shown, column), column, shown)


def _name(name: str, column: int) -> str:
    if not name.strip():
        raise FormulaError("there is no name between these quotes", column)
    if len(name) > LONGEST_NAME:
        raise FormulaError(f"a name has at most {LONGEST_NAME} characters", column)
    return name


def _number(shown: str, column: int) -> str:
    if len(shown) > MOST_DIGITS:
        raise FormulaError(f"a number has at most {MOST_DIGITS} digits", column)
    # Also what is left of 1,000 behind its comma.
    if re.match(r"0[0-9]", shown):
        raise FormulaError(f"{shown} begins with a zero; write thousands without a comma", column)
    return shown


def _unreadable(formula: str, position: int) -> FormulaError:
    character = formula[position]
    if character in "\"'":
        what = "name" if character == '"' else "text"
        return FormulaError(f"the {what} that begins here has no closing {character}", position + 1)
    return FormulaError(f"{character!r} means nothing in a formula", position + 1)
