"""Money and rates are decimal from the first byte to the last column: this fails if a float appears."""

import ast
import io
import tokenize
from datetime import date
from pathlib import Path

import pytest

import commission_sync
from commission_sync.fx.errors import Unreadable
from commission_sync.fx.sources.source import Reading, document
from commission_sync.fx.web import Answer

PACKAGE = Path(commission_sync.__file__).parent
FILES = sorted(
    [
        *(PACKAGE / "fx").rglob("*.py"),
        PACKAGE / "store" / "rates.py",
        PACKAGE / "store" / "conversion.py",
        PACKAGE / "streams" / "values.py",
        PACKAGE.parent / "airflow_hubspot" / "client" / "currencies.py",
    ]
)
SQL_FLOATS = ("double precision", "float", "::real")


def floats(source: str) -> list[str]:
    """Name every float in a Python source: literals, the type, and the types of SQL in its strings."""
    found = [
        f"line {node.lineno}: {ast.unparse(node)[:60]}"
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    return found + [
        f"line {token.start[0]}: {token.string[:60]}"
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.STRING and any(name in token.string.lower() for name in SQL_FLOATS)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE.parent)))
def test_no_module_that_handles_money_has_a_float(path):
    assert floats(path.read_text()) == []


@pytest.mark.parametrize(
    "source", ["x = 0.1", "x = float('1')", "def f(x: float): ...", 'S = "SELECT 1::double precision"']
)
def test_a_float_would_be_found(source):
    assert floats(source)


def test_a_documents_numbers_keep_every_digit():
    body = b'{"a": 0.1000000000000000055511151231257827, "b": 1, "c": 1e-7, "d": 1.10}'
    parsed = document(Answer(200, body, "somewhere"))
    assert [str(parsed[name]) for name in "abcd"] == ["0.1000000000000000055511151231257827", "1", "1E-7", "1.10"]


def test_not_a_number_is_no_number():
    reading = Reading()
    for quote, value in document(Answer(200, b'{"USD": NaN, "GBP": Infinity, "CHF": true}', "x")).items():
        reading.take("EUR", quote, date(2026, 1, 1), value)
    assert [bad.reason for bad in reading.rejected] == [
        "'NaN' is not a number",
        "'Infinity' is not a number",
        "'True' is not a number",
    ]
    with pytest.raises(Unreadable):
        document(Answer(200, b'{"USD": 1.1', "x"))
