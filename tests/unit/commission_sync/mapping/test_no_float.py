"""Nothing between a property and a calculated field is ever a float: this fails when one appears."""

import ast
from pathlib import Path

import pytest

import commission_sync
from commission_sync.mapping.config import read_config
from commission_sync.store.mapping_versions import exact_json

PACKAGE = Path(commission_sync.__file__).parent
FILES = sorted(
    [
        # How alike two names are, which `errors` compares, is no sum of money.
        *(path for path in (PACKAGE / "mapping").rglob("*.py") if path.name != "errors.py"),
        *(PACKAGE / "store").glob("mapping_*.py"),
        PACKAGE / "store" / "property_gaps.py",
        PACKAGE / "streams" / "mapped.py",
        PACKAGE / "streams" / "backfill.py",
        PACKAGE / "streams" / "values.py",
        PACKAGE / "commands" / "mapping.py",
    ]
)


def floats(source):
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_on_the_way_has_a_float(path):
    assert floats(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("source", ["x = 0.1", "x = float('1')", "def f(x: float): ..."])
def test_a_float_would_be_found(source):
    assert floats(source)


def test_a_number_in_the_documents_keeps_its_digits():
    documents = exact_json(
        '{"p": {"field": "f", "default": 0.10000000000000000001, "values": {"a": 12345678901234567890}}}'
    )
    mapping = read_config(documents, {}).mappings["p"]
    assert (mapping.default, mapping.values) == ("0.10000000000000000001", {"a": "12345678901234567890"})


def test_a_float_in_the_documents_is_refused():
    assert "string" in read_config({"p": {"field": "f", "default": 0.1}}, {}).issues[0].message
