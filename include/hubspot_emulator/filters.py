"""The filters of a search, tested on one record after the other where the index has no look-up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from hubspot_emulator.declaration import Properties
from hubspot_emulator.errors import invalid
from hubspot_emulator.times import milliseconds

Filter = Mapping[str, Any]
Group = list[Filter]
Definitions = Mapping[str, Mapping[str, Any]]
Comparable = tuple[int, float, str]

_LISTS = {"IN", "NOT_IN"}
_VALUELESS = {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}
_EXACT = {"enumeration", "bool"}
_FILTER_CLASS = "com.hubspot.inbounddb.publicobject.core.v3.search.Filter"


def checked(f: Any) -> Filter:
    """Return a filter whose operator is known and that has the values which its operator needs.

    :raises ApiError: 400
    """
    if not isinstance(f, dict) or not isinstance(f.get("propertyName"), str):
        raise _malformed("a filter requires a propertyName")
    operator = f.get("operator")
    if operator not in _COMPARISONS:
        raise _malformed(f"operator {operator} is unknown")
    if operator in _LISTS and not isinstance(f.get("values"), list):
        raise _malformed(f"operator {operator} requires values")
    if operator not in _LISTS | _VALUELESS and f.get("value") is None:
        raise _malformed(f"operator {operator} requires a value")
    if operator == "BETWEEN" and f.get("highValue") is None:
        raise _malformed("operator BETWEEN requires a highValue")
    return f


def test_of(filters: Group, definitions: Definitions) -> Callable[[Properties], bool]:
    """Return the test that all filters of a group make; without a value only NOT_HAS_PROPERTY holds."""
    tests = [(f["propertyName"], _test_of(f, definitions)) for f in filters]
    return lambda properties: all(test(properties.get(name)) for name, test in tests)


def _test_of(f: Filter, definitions: Definitions) -> Callable[[str | None], bool]:
    # Most properties that people filter by have few values.
    return lru_cache(maxsize=1024)(lambda value: _holds(f, value, definitions))


def comparable(value: str | None, kind: str) -> Comparable:
    """Return what values of a property type are ordered by: nothing first, then numbers and times, then text."""
    if not value:
        return (0, 0.0, "")
    if kind in {"date", "datetime"}:
        at = milliseconds(value)
        return (2, 0.0, value) if at is None else (1, float(at), "")
    if kind == "number":
        try:
            return (1, float(value), "")
        except ValueError:
            return (2, 0.0, value)
    # HubSpot ignores case, except in the values of enumerations.
    return (2, 0.0, value if kind in _EXACT else value.lower())


def mentions(properties: Properties, query: str, searched: tuple[str, ...]) -> bool:
    """Whether every word of a query begins a word of the properties that HubSpot searches by default."""
    words = _tokens(" ".join(properties.get(name) or "" for name in searched))
    return all(any(word.startswith(asked) for word in words) for asked in _tokens(query))


def _holds(f: Filter, value: str | None, definitions: Definitions) -> bool:
    if f["operator"] == "NOT_HAS_PROPERTY":
        return not value
    kind = str((definitions.get(f["propertyName"]) or {}).get("type", "string"))
    return bool(value) and _COMPARISONS[f["operator"]](value or "", f, kind)


def _within(value: str, f: Filter, kind: str) -> bool:
    low, high = comparable(str(f["value"]), kind), comparable(str(f["highValue"]), kind)
    return low <= comparable(value, kind) <= high


def _listed(value: str, f: Filter, kind: str) -> bool:
    # Only the stored value is lowered: HubSpot wants the values of IN in lower case.
    wanted = value if kind in _EXACT else value.lower()
    return wanted in {str(v) for v in f["values"]}


def _has_token(value: str, f: Filter, _: str) -> bool:
    words = _tokens(value) | set(value.lower().split())
    return all(any(fnmatchcase(word, asked) for word in words) for asked in str(f["value"]).lower().split())


def _tokens(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _order(value: str, f: Filter, kind: str) -> int | None:
    """Return -1, 0 or 1; None for what has no order, such as a number and a word."""
    mine, theirs = comparable(value, kind), comparable(str(f["value"]), kind)
    return None if mine[0] != theirs[0] else (mine > theirs) - (mine < theirs)


_COMPARISONS: dict[str, Callable[[str, Filter, str], bool]] = {
    "EQ": lambda v, f, kind: _order(v, f, kind) == 0,
    "NEQ": lambda v, f, kind: _order(v, f, kind) != 0,
    "LT": lambda v, f, kind: _order(v, f, kind) == -1,
    "LTE": lambda v, f, kind: _order(v, f, kind) in {-1, 0},
    "GT": lambda v, f, kind: _order(v, f, kind) == 1,
    "GTE": lambda v, f, kind: _order(v, f, kind) in {0, 1},
    "BETWEEN": _within,
    "IN": _listed,
    "NOT_IN": lambda v, f, kind: not _listed(v, f, kind),
    "CONTAINS_TOKEN": _has_token,
    "NOT_CONTAINS_TOKEN": lambda v, f, kind: not _has_token(v, f, kind),
    # Comparisons are made with values that are there, so nothing is left to be compared.
    "HAS_PROPERTY": lambda *_: True,
    "NOT_HAS_PROPERTY": lambda *_: False,
}


def _malformed(problem: str) -> Exception:
    return invalid(
        f"Invalid input JSON on line 1, column 1: Cannot construct instance of `{_FILTER_CLASS}`, problem: {problem}"
    )
