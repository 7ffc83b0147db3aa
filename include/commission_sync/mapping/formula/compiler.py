"""Gives a parsed formula its kinds and makes it ready to be evaluated, once per mapping and not once per deal."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal, DecimalException
from typing import Any

from commission_sync.mapping.formula import functions
from commission_sync.mapping.formula.dates import day, literal
from commission_sync.mapping.formula.errors import FormulaError, suggestion
from commission_sync.mapping.formula.functions import FUNCTIONS, Argument
from commission_sync.mapping.formula.kinds import Kind, Value
from commission_sync.mapping.formula.logic import both, either, negation
from commission_sync.mapping.formula.numbers import ARITHMETIC, impossible, negative
from commission_sync.mapping.formula.syntax import Parsed
from commission_sync.mapping.formula.tokens import Type

Run = Callable[[Mapping[str, Value]], Any]

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_CONSTANTS: dict[str, tuple[Kind, Value]] = {
    "true": (Kind.BOOLEAN, True),
    "false": (Kind.BOOLEAN, False),
    "null": (Kind.NULL, None),
}


@dataclass(frozen=True)
class Formula:
    """A formula that is ready: `kind` is what it gives, `names` all that it uses."""

    text: str
    kind: Kind
    names: frozenset[str]
    _run: Run

    def evaluate(self, values: Mapping[str, Value]) -> Value:
        """Return the formula's value; `values` has each of `names`.

        :raises FormulaError: when there is none: division by zero, or a number beyond all bounds.
        """
        value: Value = self._run(values)
        return value


def typed(parsed: Parsed, kinds: Mapping[str, Kind], zone: tzinfo = UTC) -> Formula:
    """Return a parsed formula made ready for values of the given kinds.

    :param zone: where days are counted, the portal's time zone
    :raises FormulaError: for an unknown name or function, and for values of kinds that do not go together.
    """
    node = _Compiler(parsed, kinds, zone).compile(parsed.tree)
    return Formula(parsed.text, node.kind, parsed.names, node.run)


@dataclass(frozen=True)
class _Node:
    kind: Kind
    run: Run
    column: int
    constant: Value = None

    def is_a(self, kind: Kind) -> bool:
        return self.kind in {kind, Kind.NULL}


@dataclass(frozen=True)
class _Compiler:
    parsed: Parsed
    kinds: Mapping[str, Kind]
    zone: tzinfo

    def compile(self, tree: ast.expr) -> _Node:
        match tree:
            case ast.Name():
                return self._operand(tree)
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(self.compile(left), type(op).__name__, self.compile(right))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self._condition(self.compile(operand), "not")
                return _Node(Kind.BOOLEAN, negation(inner.run), self._column(tree))
            case ast.UnaryOp(op=op, operand=operand):
                return self._signed(self.compile(operand), self._column(tree), is_minus=isinstance(op, ast.USub))
            case ast.BoolOp(op=op, values=values):
                return self._joined(isinstance(op, ast.And), [self.compile(value) for value in values])
            case ast.Compare():
                return self._comparison(tree)
            case ast.Call():
                return self._call(tree)
            case _:
                raise FormulaError("this cannot be calculated", self._column(tree))

    def _column(self, tree: ast.expr) -> int:
        return self.parsed.token(tree).column

    def _operand(self, tree: ast.Name) -> _Node:
        token = self.parsed.token(tree)
        if token.type is Type.NAME:
            return self._name(token.value, token.column, is_quoted=token.shown.startswith('"'))
        if token.type is Type.NUMBER:
            return _constant(Kind.NUMBER, Decimal(token.value), token.column)
        if token.type is Type.TEXT:
            return _constant(Kind.TEXT, token.value, token.column)
        return _constant(*_CONSTANTS[token.value], token.column)

    def _name(self, name: str, column: int, *, is_quoted: bool) -> _Node:
        if name not in self.kinds:
            hint = suggestion(name, self.kinds)
            if is_quoted and not hint:
                hint = f"; text is written in single quotes: '{name}'"
            raise FormulaError(f"there is no {name!r}{hint}", column)
        return _Node(self.kinds[name], operator.itemgetter(name), column)

    def _arithmetic(self, left: _Node, op: str, right: _Node) -> _Node:
        for side in (left, right):
            if not side.is_a(Kind.NUMBER):
                hint = "; months_between counts the months between two dates" if side.kind.is_time else ""
                raise FormulaError(
                    f"only numbers can be calculated with, and this is {side.kind.described()}{hint}", side.column
                )
        calculate, column = ARITHMETIC[op], right.column
        one, other = left.run, right.run

        def run(values: Mapping[str, Value]) -> Decimal | None:
            a, b = one(values), other(values)
            if a is None or b is None:
                return None
            try:
                return calculate(a, b)
            except DecimalException as error:
                raise impossible(error, column) from None

        return _Node(Kind.NUMBER, run, left.column)

    def _signed(self, operand: _Node, column: int, *, is_minus: bool) -> _Node:
        if not operand.is_a(Kind.NUMBER):
            raise FormulaError(f"only a number has a sign, and this is {operand.kind.described()}", operand.column)
        if not is_minus:
            return operand
        if isinstance(operand.constant, Decimal):
            return _constant(Kind.NUMBER, negative(operand.constant), column)
        return _Node(Kind.NUMBER, _guarded(negative, [operand.run], column), column)

    def _condition(self, node: _Node, word: str) -> _Node:
        if not node.is_a(Kind.BOOLEAN):
            raise FormulaError(
                f"{word} takes something true or false, and this is {node.kind.described()}", node.column
            )
        return node

    def _joined(self, is_and: bool, nodes: list[_Node]) -> _Node:
        runs = [self._condition(node, "and" if is_and else "or").run for node in nodes]
        return _Node(Kind.BOOLEAN, both(runs) if is_and else either(runs), nodes[0].column)

    def _comparison(self, tree: ast.Compare) -> _Node:
        if len(tree.ops) > 1:
            raise FormulaError(
                "compare two values at a time, and join the results with and", self._column(tree.comparators[1])
            )
        left, right = self._comparable(self.compile(tree.left), self.compile(tree.comparators[0]))
        if left.kind in {Kind.TEXT, Kind.BOOLEAN} and not isinstance(tree.ops[0], ast.Eq | ast.NotEq):
            raise FormulaError(f"{left.kind.described()} can be equal or not, but has no order", left.column)
        compare, one, other = _COMPARISONS[type(tree.ops[0])], left.run, right.run

        def run(values: Mapping[str, Value]) -> bool | None:
            a, b = one(values), other(values)
            return None if a is None or b is None else compare(a, b)

        return _Node(Kind.BOOLEAN, run, left.column)

    def _comparable(self, left: _Node, right: _Node) -> tuple[_Node, _Node]:
        left, right = self._read_as(left, right.kind), self._read_as(right, left.kind)
        if {left.kind, right.kind} == {Kind.DATE, Kind.DATETIME}:
            return self._as_day(left), self._as_day(right)
        if left.kind is not right.kind and Kind.NULL not in {left.kind, right.kind}:
            raise FormulaError(
                f"{left.kind.described()} cannot be compared with {right.kind.described()}", right.column
            )
        return left, right

    def _read_as(self, node: _Node, kind: Kind) -> _Node:
        if kind.is_time and isinstance(node.constant, str):
            return _constant(kind, literal(node.constant, kind, self.zone, node.column), node.column)
        return node

    def _as_day(self, node: _Node) -> _Node:
        inner, zone = node.run, self.zone

        def run(values: Mapping[str, Value]) -> Value:
            moment = inner(values)
            return None if moment is None else day(moment, zone)

        return _Node(Kind.DATE, run, node.column)

    def _call(self, tree: ast.Call) -> _Node:
        token = self.parsed.token(tree)
        arguments = [self.compile(argument) for argument in tree.args]
        if token.value == functions.CONDITIONAL:
            return self._choice(token.column, arguments)
        if token.value == functions.FIRST_THERE_IS:
            kind = functions.same_kind(token.value, [_argument(a) for a in arguments])
            return _Node(kind, _first([a.run for a in arguments]), token.column)
        function = FUNCTIONS.get(token.value)
        if function is None:
            raise FormulaError(
                f"there is no function {token.value!r}{suggestion(token.value, functions.NAMES)}", token.column
            )
        _count(token.value, arguments, function.fewest, function.most, token.column)
        kind = function.check(token.value, [_argument(a) for a in arguments])
        return _Node(kind, _guarded(function.make(self.zone), [a.run for a in arguments], token.column), token.column)

    def _choice(self, column: int, arguments: list[_Node]) -> _Node:
        _count("if", arguments, 3, 3, column)
        condition, then, otherwise = arguments
        test, yes, no = self._condition(condition, "if").run, then.run, otherwise.run
        kind = functions.same_kind("if", [_argument(then), _argument(otherwise)])

        def run(values: Mapping[str, Value]) -> Value:
            outcome = test(values)
            return None if outcome is None else (yes if outcome else no)(values)

        return _Node(kind, run, column)


def _constant(kind: Kind, value: Value, column: int) -> _Node:
    return _Node(kind, lambda _: value, column, value)


def _argument(node: _Node) -> Argument:
    return Argument(node.kind, node.column, node.constant if isinstance(node.constant, Decimal) else None)


def _count(name: str, arguments: list[_Node], fewest: int, most: int, column: int) -> None:
    if not fewest <= len(arguments) <= most:
        wanted = (
            str(fewest) if fewest == most else f"{fewest} or {most}" if most == fewest + 1 else f"{fewest} to {most}"
        )
        raise FormulaError(f"{name} takes {wanted} value{'s' * (most > 1)}, not {len(arguments)}", column)


def _guarded(function: Callable[..., Any], runs: list[Run], column: int) -> Run:
    def run(values: Mapping[str, Value]) -> Any:
        arguments = [r(values) for r in runs]
        if None in arguments:
            return None
        try:
            return function(*arguments)
        except DecimalException as error:
            raise impossible(error, column) from None

    return run


def _first(runs: list[Run]) -> Run:
    def run(values: Mapping[str, Value]) -> Value:
        return next((found for r in runs if (found := r(values)) is not None), None)

    return run
