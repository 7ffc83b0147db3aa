"""The settings that the pages list are those that the code reads, with the defaults that it has."""

import ast
import re
from collections.abc import Iterator
from itertools import chain

import pytest
from pydantic import SecretStr

from commission_sync.settings import Settings
from handbook import ROOT, page

PACKAGE = ROOT / "include" / "commission_sync"
NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_+[A-Z0-9]+)*")
# Airflow reads the first two, `bin/install` and the Makefile the others.
READ_BY_OTHERS = {"AIRFLOW_CONN_SMTP_DEFAULT", "AIRFLOW__SECTION__KEY", "PYTHON", "TEST_WORKERS"}
# What the operating system sets.
OF_THE_SYSTEM = {"PATH"}
ARE_NO_LINES_OF_ENV = {"ONCE", "PYTHON", "TEST_WORKERS", "AIRFLOW__SECTION__KEY"}


def listed(name: str) -> dict[str, str]:
    """Return the variables of a page's tables with what stands under 'default'."""
    found = {}
    for first, default, *_ in (row for row in page(name).rows() if len(row) == 3):
        for variable in re.findall(r"`([^`]+)`", first):
            if NAME.fullmatch(variable):
                found[variable] = default
    return found


def declared() -> dict[str, object]:
    return {name.upper(): field.default for name, field in Settings.model_fields.items()}


def read_elsewhere() -> set[str]:
    """Return the variables that code asks the environment for by itself, which the local commands do before settings."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}
    constants = dict(chain.from_iterable(map(_constants, trees.values())))
    return set(chain.from_iterable(_asked_for(tree, constants) for tree in trees.values())) - OF_THE_SYSTEM


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))) if NAME.fullmatch(value):
                yield name, value


def _asked_for(tree: ast.Module, constants: dict[str, str]) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Call(func=ast.Attribute(value=source, attr="get"), args=[key, *_])
                | ast.Subscript(value=source, slice=key)
            ) if ast.unparse(source).endswith(("variables", "environ")):
                name = key.value if isinstance(key, ast.Constant) else constants.get(ast.unparse(key))
                if isinstance(name, str) and NAME.fullmatch(name):
                    yield name


def test_the_page_lists_what_is_read_and_nothing_else():
    assert set(listed("docs/settings.md")) == {*declared(), *read_elsewhere(), *READ_BY_OTHERS}


@pytest.mark.parametrize("name", ["docs/settings.md", "README.md"])
def test_the_defaults_are_those_of_the_code(name):
    told = {variable: default for variable, default in listed(name).items() if variable in declared()}
    assert told
    assert {variable: _value(default) for variable, default in told.items()} == {
        variable: _as_set(declared()[variable]) for variable in told
    }


def _value(told: str) -> str | None:
    """Return a default as it is written; one in words stands for nothing, or for what is made up where it runs."""
    quoted = re.fullmatch(r"`([^`]+)`", told)
    return quoted[1] if quoted else None


def _as_set(default: object) -> str | None:
    if isinstance(default, SecretStr) or default in (None, ""):
        return None
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_the_readme_names_none_that_the_page_lacks():
    assert set(listed("README.md")) <= set(listed("docs/settings.md"))


def test_the_example_file_has_every_setting_of_the_page():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    offered = {line[1:].partition("=")[0] for line in lines if re.match(r"#[A-Z][A-Z0-9_]*=", line)}
    assert offered == set(listed("docs/settings.md")) - ARE_NO_LINES_OF_ENV
