"""Checks that tokens make a formula, and turns them into a tree.

The order of tokens is checked here, where the columns are known. What passes is written out as a Python expression of
placeholders (`_0 * _2`), so that Python's own grammar settles precedence; nothing of the formula's text gets there.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from dataclasses import dataclass, field

from commission_sync.mapping.formula.errors import FormulaError
from commission_sync.mapping.formula.tokens import Token, Type, tokenize

DEEPEST = 30

_OPERANDS = {Type.NUMBER, Type.NAME, Type.TEXT, Type.CONSTANT}
_BINARY = {"+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "and", "or"}


@dataclass(frozen=True)
class Parsed:
    """A formula whose grammar is right; `names` are all that it uses, known before anything is evaluated."""

    text: str
    tree: ast.expr
    names: frozenset[str]
    _tokens: list[Token]
    _starts: list[int]

    def token(self, node: ast.expr) -> Token:
        """Return the token at which a node of the tree begins."""
        return self._tokens[bisect_right(self._starts, node.col_offset) - 1]


def parse(formula: str) -> Parsed:
    """Return the formula's tree.

    :raises FormulaError: with the column of the first thing that is wrong.
    """
    tokens = tokenize(formula)
    _Grammar(tokens).check()
    starts, written = [], ""
    for number, token in enumerate(tokens):
        starts.append(len(written))
        written += (token.value if token.type in {Type.SIGN, Type.WORD} else f"_{number}") + " "
    python = written[: starts[-1]].rstrip()
    try:
        tree = ast.parse(python, mode="eval").body
    except SyntaxError as error:
        place = bisect_right(starts, (error.offset or 1) - 1) - 1
        raise FormulaError(f"{tokens[place].shown} cannot stand here", tokens[place].column) from None
    names = frozenset(t.value for t in tokens if t.type is Type.NAME)
    return Parsed(formula, tree, names, tokens, starts)


@dataclass
class _Grammar:
    tokens: list[Token]
    open: list[tuple[Token, bool]] = field(default_factory=list)
    previous: Token | None = None

    def check(self) -> None:
        wants_value = True
        for token in self.tokens[:-1]:
            wants_value = self._before_value(token) if wants_value else self._after_value(token)
            self.previous = token
        if wants_value:
            raise FormulaError("the formula ends where a value should follow", self.tokens[-1].column)
        if self.open:
            raise FormulaError("this '(' is never closed", self.open[-1][0].column)

    def _before_value(self, token: Token) -> bool:
        if token.type in _OPERANDS:
            return False
        if token.value == "(":
            is_call = self.previous is not None and self.previous.type is Type.FUNCTION
            self.open.append((token, is_call))
            if len(self.open) > DEEPEST:
                raise FormulaError(
                    f"parentheses nest at most {DEEPEST} deep; split it into several fields", token.column
                )
            return True
        if token.type is Type.FUNCTION or self._is_prefix(token):
            return True
        raise FormulaError(f"a value should stand before {token.shown}", token.column)

    def _is_prefix(self, token: Token) -> bool:
        follows = self.previous.value if self.previous is not None else "("
        if token.value == "not":
            if follows not in {"(", ",", "and", "or"}:
                raise FormulaError("put 'not ...' into parentheses here", token.column)
            return True
        if token.value in {"+", "-"} and self.previous is not None and self._signs_before():
            raise FormulaError("two signs in a row; use parentheses", token.column)
        return token.value in {"+", "-"}

    def _signs_before(self) -> bool:
        # One sign may follow an operator, as in a * -b, but not another sign: chains of them would nest without end.
        return self.previous is not None and self.previous.value in {"+", "-"}

    def _after_value(self, token: Token) -> bool:
        if token.value in _BINARY and token.type in {Type.SIGN, Type.WORD}:
            return True
        if token.type is Type.SIGN and token.value == ")":
            if not self.open:
                raise FormulaError("there is no '(' for this ')'", token.column)
            self.open.pop()
            return False
        if token.type is Type.SIGN and token.value == "," and self.open and self.open[-1][1]:
            return True
        if token.type is Type.SIGN and token.value == ",":
            raise FormulaError("a comma separates the values of a function only", token.column)
        raise FormulaError(f"an operator is missing before {token.shown}", token.column)
