"""Search requests: HubSpot's caps, and what of a request the index can look up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hubspot_emulator.call import Call
from hubspot_emulator.declaration import Properties
from hubspot_emulator.errors import invalid
from hubspot_emulator.filters import Filter, Group, checked, mentions, test_of
from hubspot_emulator.index import Range
from hubspot_emulator.kinds import kind_of
from hubspot_emulator.source import Source
from hubspot_emulator.times import milliseconds

OBJECT_ID = "hs_object_id"
MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL, MOST_HITS, MOST_A_PAGE, LONGEST_QUERY = 5, 6, 18, 10_000, 200, 3_000
_ANY_TIME = (-(2**62), 2**62)
_ANY_ID = (0, 2**62)
_LINKED = "associations."

Test = Callable[[Properties], bool]


@dataclass(frozen=True)
class Search:
    """A checked request: `look_up` is what the index answers, `tests` (all have to hold) decide on the rest.

    `tested` are the properties that the tests and the sort need; None: all.
    """

    look_up: Range
    tests: tuple[Test, ...]
    tested: frozenset[str] | None
    sort_by: str
    descending: bool
    limit: int
    after: int
    properties: tuple[str, ...]


def parsed(call: Call) -> Search:
    """Return the request.

    :raises ApiError: the 400 with which HubSpot refuses it
    """
    body, collection = call.body, call.collection
    kind, source = collection.kind, collection.records.source
    groups = [[_unlinked(call, f) for f in group] for group in _groups(body)]
    limit, after = _page(body)
    sort_by, descending = _sort(body.get("sorts") or [], kind.created)
    look_up, rest = _look_up(groups[0], source) if len(groups) == 1 else (_range(source), groups)
    tests = [_any_of([test_of(group, collection.properties) for group in rest])] if rest else []
    tested: frozenset[str] | None = frozenset({sort_by, *(f["propertyName"] for group in rest for f in group)})
    if query := _query(body):
        tested = None
        tests.append(lambda properties: mentions(properties, query, kind.searched))
    names = tuple(dict.fromkeys(body.get("properties") or ()))
    wanted = tuple(dict.fromkeys(names + kind.always)) if names else collection.defaults
    return Search(look_up, tuple(tests), tested, sort_by, descending, limit, after, wanted)


def _unlinked(call: Call, f: Filter) -> Filter:
    """Return a filter by `associations.deal` as one by the ids of the records that are linked to these deals."""
    name = f["propertyName"]
    if not name.startswith(_LINKED):
        return f
    if f["operator"] not in {"EQ", "IN"}:
        raise invalid(f"{name} can be searched with EQ and IN only")
    mine, theirs = call.collection, call.portal.collections[kind_of(name.removeprefix(_LINKED)).name]
    links, side = call.portal.linked(theirs.kind.name, mine.kind.name)
    asked = f["values"] if f["operator"] == "IN" else [f["value"]]
    numbers = _numbers(asked, theirs.records.source)
    found = {n for number in numbers for n in links.indexed(number, side, mine.index.lag_ms)}
    return {"propertyName": OBJECT_ID, "operator": "IN", "values": [mine.crm_id(n) for n in found]}


def _groups(body: Mapping[str, Any]) -> list[Group]:
    """Return the filter groups that are not empty; `filters` beside them is short for one group."""
    groups = body.get("filterGroups") or ([{"filters": body["filters"]}] if body.get("filters") else [])
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise invalid("Invalid input JSON: filterGroups must be a list of objects")
    filters = [[checked(f) for f in group.get("filters") or ()] for group in groups]
    # HubSpot, "Search the CRM": five groups, six filters in each, eighteen in all.
    if len(groups) > MOST_GROUPS or sum(map(len, filters)) > MOST_IN_ALL or any(len(g) > MOST_FILTERS for g in filters):
        raise invalid(
            f"A search takes at most {MOST_GROUPS} filter groups, {MOST_FILTERS} in each, {MOST_IN_ALL} in all."
        )
    return [group for group in filters if group]


def _page(body: Mapping[str, Any]) -> tuple[int, int]:
    limit, after = _whole(body.get("limit", 10), "limit"), _whole(body.get("after") or 0, "after")
    if not 1 <= limit <= MOST_A_PAGE:
        raise invalid(f"limit must be between 1 and {MOST_A_PAGE}")
    if after + limit > MOST_HITS:
        raise invalid(
            f"The number of results requested is too high: paging is possible through {MOST_HITS} results only."
        )
    return limit, after


def _query(body: Mapping[str, Any]) -> str:
    query = str(body.get("query") or "")
    if len(query) > LONGEST_QUERY:
        raise invalid(f"The query is longer than {LONGEST_QUERY} characters.")
    return query


def _any_of(tests: list[Test]) -> Test:
    return lambda properties: any(test(properties) for test in tests)


def _look_up(filters: Group, source: Source) -> tuple[Range, list[Group]]:
    """Return what the index can answer of a group, and the group of what it cannot."""
    modified = source.kind.modified
    bounds = {modified: _ANY_TIME, OBJECT_ID: _ANY_ID}
    only: frozenset[int] | None = None
    rest = []
    for f in filters:
        name = f["propertyName"]
        if name == OBJECT_ID and f["operator"] == "IN":
            some = _numbers(f["values"], source)
            only = some if only is None else only & some
        elif name in bounds and (found := _interval(f)) is not None:
            low, high = bounds[name]
            bounds[name] = (max(low, found[0]), min(high, found[1]))
        else:
            rest.append(f)
    return _range(source, bounds[modified], bounds[OBJECT_ID], only), [rest] if rest else []


def _range(
    source: Source,
    modified: tuple[int, int] = _ANY_TIME,
    ids: tuple[int, int] = _ANY_ID,
    only: frozenset[int] | None = None,
) -> Range:
    numbers = (source.lowest_number_above(ids[0] - 1), source.lowest_number_above(ids[1]) - 1)
    return Range(None if modified == _ANY_TIME else modified, numbers, only)


def _numbers(ids: list[Any], source: Source) -> frozenset[int]:
    numbers = {source.number(int(i)): int(i) for i in map(str, ids) if i.isdecimal()}
    return frozenset(n for n, crm_id in numbers.items() if n >= 0 and source.crm_id(n) == crm_id)


def _interval(f: Filter) -> tuple[int, int] | None:
    """Return the bounds that a filter sets; None when it sets none."""
    if f["operator"] not in {"EQ", "GT", "GTE", "LT", "LTE", "BETWEEN"}:
        return None
    value, high = milliseconds(str(f["value"])), milliseconds(str(f.get("highValue", f["value"])))
    if value is None or high is None:
        raise invalid(f"{f['propertyName']} cannot be compared with {f['value']}: use milliseconds since 1970")
    return {
        "EQ": (value, value),
        "GT": (value + 1, _ANY_TIME[1]),
        "GTE": (value, _ANY_TIME[1]),
        "LT": (_ANY_TIME[0], value - 1),
        "LTE": (_ANY_TIME[0], value),
        "BETWEEN": (value, high),
    }[f["operator"]]


def _sort(sorts: Any, otherwise: str) -> tuple[str, bool]:
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise invalid("Only one sort is allowed.")
    if not sorts:
        return otherwise, False
    if isinstance(sorts[0], str):
        return sorts[0].lstrip("-"), sorts[0].startswith("-")
    if not isinstance(sorts[0], dict) or not sorts[0].get("propertyName"):
        raise invalid("A sort needs a propertyName.")
    return sorts[0]["propertyName"], sorts[0].get("direction") == "DESCENDING"


def _whole(value: Any, name: str) -> int:
    if not str(value).isdecimal():
        raise invalid(f"{name} must be an integer")
    return int(value)
