"""Search requests: HubSpot's caps, and what of a request the index can look up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hubspot_emulator.deals import DealSource, Properties
from hubspot_emulator.errors import invalid
from hubspot_emulator.index import Range
from hubspot_emulator.times import milliseconds

MODIFIED = "hs_lastmodifieddate"
OBJECT_ID = "hs_object_id"
DEFAULTS = ("dealname", "amount", "closedate", "pipeline", "dealstage", "createdate", MODIFIED, OBJECT_ID)
MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL, MOST_HITS, MOST_A_PAGE = 5, 6, 18, 10_000, 200
EVERYTHING = (-(2**62), 2**62)

Test = Callable[[Properties], bool]


@dataclass(frozen=True)
class Search:
    """A checked request: `look_up` is what the index answers, `tests` (any of which may hold) decide on the rest."""

    look_up: Range
    tests: tuple[Test, ...]
    sort_by: str
    descending: bool
    limit: int
    after: int
    properties: tuple[str, ...]


def parsed(body: Mapping[str, Any], source: DealSource) -> Search:
    """Return the request.

    :raises ApiError: the 400 with which HubSpot refuses it
    """
    groups = body.get("filterGroups") or ([{"filters": body["filters"]}] if body.get("filters") else [])
    filters = [list(group.get("filters") or ()) for group in groups]
    _check_caps(filters)
    limit, after = _whole(body.get("limit", 10), "limit"), _whole(body.get("after") or 0, "after")
    if not 1 <= limit <= MOST_A_PAGE:
        raise invalid(f"limit must be between 1 and {MOST_A_PAGE}")
    if after + limit > MOST_HITS:
        raise invalid(
            f"The number of results requested is too high: paging is possible through {MOST_HITS} results only."
        )
    sort_by, descending = _sort(body.get("sorts") or [])
    modified, ids, rest = EVERYTHING, (0, 2**62), filters
    if len(filters) == 1:
        modified, ids, rest = _bounds(filters[0])
    window = None if modified == EVERYTHING else modified
    numbers = (source.lowest_number_above(ids[0] - 1), source.lowest_number_above(ids[1]) - 1)
    return Search(
        look_up=Range(window, numbers),
        tests=tuple(_group_test(group) for group in rest if group),
        sort_by=sort_by,
        descending=descending,
        limit=limit,
        after=after,
        properties=_wanted(body.get("properties") or ()),
    )


def _check_caps(groups: list[list[Mapping[str, Any]]]) -> None:
    if len(groups) > MOST_GROUPS or sum(map(len, groups)) > MOST_IN_ALL or any(len(g) > MOST_FILTERS for g in groups):
        raise invalid(
            f"A search takes at most {MOST_GROUPS} filter groups, {MOST_FILTERS} in each, {MOST_IN_ALL} in all."
        )
    for group in groups:
        for f in group:
            if f.get("operator") == "BETWEEN" and f.get("highValue") is None:
                raise invalid(
                    "Invalid input JSON on line 1, column 1: Cannot construct instance of "
                    "`com.hubspot.inbounddb.publicobject.core.v3.search.Filter`, problem: operator "
                    "BETWEEN requires a highValue"
                )


def _bounds(
    filters: list[Mapping[str, Any]],
) -> tuple[tuple[int, int], tuple[int, int], list[list[Mapping[str, Any]]]]:
    bounds = {MODIFIED: EVERYTHING, OBJECT_ID: (0, 2**62)}
    rest = []
    for f in filters:
        found = _interval(f) if f.get("propertyName") in bounds else None
        if found is None:
            rest.append(f)
            continue
        low, high = bounds[f["propertyName"]]
        bounds[f["propertyName"]] = (max(low, found[0]), min(high, found[1]))
    return bounds[MODIFIED], bounds[OBJECT_ID], [rest]


def _interval(f: Mapping[str, Any]) -> tuple[int, int] | None:
    value = milliseconds(str(f.get("value")))
    if value is None:
        return None
    high = milliseconds(str(f.get("highValue")))
    return {
        "EQ": (value, value),
        "GT": (value + 1, 2**62),
        "GTE": (value, 2**62),
        "LT": (-(2**62), value - 1),
        "LTE": (-(2**62), value),
        "BETWEEN": (value, high if high is not None else value),
    }.get(str(f.get("operator")))


def _sort(sorts: list[Any]) -> tuple[str, bool]:
    if len(sorts) > 1:
        raise invalid("Only one sort is allowed.")
    if not sorts:
        return OBJECT_ID, False
    if isinstance(sorts[0], str):
        return sorts[0].lstrip("-"), sorts[0].startswith("-")
    return sorts[0].get("propertyName", OBJECT_ID), sorts[0].get("direction") == "DESCENDING"


def _wanted(asked: Any) -> tuple[str, ...]:
    names = dict.fromkeys(asked)
    return tuple(names | dict.fromkeys(("createdate", MODIFIED, OBJECT_ID))) if names else DEFAULTS


def _whole(value: Any, name: str) -> int:
    if not str(value).isdigit():
        raise invalid(f"{name} must be an integer")
    return int(value)


def _group_test(filters: list[Mapping[str, Any]]) -> Test:
    tests = [_filter_test(f) for f in filters]
    return lambda properties: all(test(properties) for test in tests)


def _filter_test(f: Mapping[str, Any]) -> Test:
    name, operator = f.get("propertyName", ""), str(f.get("operator"))
    compare = _COMPARISONS.get(operator)
    if compare is None:
        raise invalid(f"Unknown operator {operator}")
    return lambda properties: compare(properties.get(name), f)


def _number(value: str | None) -> float:
    try:
        return float(value or "nan")
    except ValueError:
        instant = milliseconds(value or "")
        return float("nan") if instant is None else float(instant)


def _same(value: str | None, other: Any) -> bool:
    return value is not None and value.lower() == str(other).lower()


def _values(f: Mapping[str, Any]) -> set[str]:
    return {str(v).lower() for v in f.get("values") or ()}


def _holds_token(value: str | None, f: Mapping[str, Any]) -> bool:
    return value is not None and str(f.get("value", "")).strip("*").lower() in value.lower()


_COMPARISONS: dict[str, Callable[[str | None, Mapping[str, Any]], bool]] = {
    "EQ": lambda v, f: _same(v, f.get("value")),
    "NEQ": lambda v, f: v is not None and not _same(v, f.get("value")),
    "LT": lambda v, f: _number(v) < _number(str(f.get("value"))),
    "LTE": lambda v, f: _number(v) <= _number(str(f.get("value"))),
    "GT": lambda v, f: _number(v) > _number(str(f.get("value"))),
    "GTE": lambda v, f: _number(v) >= _number(str(f.get("value"))),
    "BETWEEN": lambda v, f: _number(str(f.get("value"))) <= _number(v) <= _number(str(f.get("highValue"))),
    "IN": lambda v, f: v is not None and v.lower() in _values(f),
    "NOT_IN": lambda v, f: v is not None and v.lower() not in _values(f),
    "HAS_PROPERTY": lambda v, _: v is not None,
    "NOT_HAS_PROPERTY": lambda v, _: v is None,
    "CONTAINS_TOKEN": _holds_token,
    "NOT_CONTAINS_TOKEN": lambda v, f: v is not None and not _holds_token(v, f),
}
