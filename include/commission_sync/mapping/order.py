"""The order in which calculated fields can be calculated."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def in_order(uses: Mapping[str, Collection[str]]) -> tuple[list[str], list[str]]:
    """Return the fields so that each follows those it uses, and those that cannot be put in order.

    :param uses: for each field the names in its formula; names that are no such field need no order
    """
    waiting = {name: {used for used in names if used in uses} for name, names in uses.items()}
    ordered: list[str] = []
    while ready := sorted(name for name, left in waiting.items() if not left):
        ordered += ready
        for name in ready:
            del waiting[name]
        for left in waiting.values():
            left.difference_update(ready)
    return ordered, sorted(waiting)


def circle(name: str, uses: Mapping[str, Collection[str]]) -> list[str] | None:
    """Return a way from a field back to itself, such as `[a, b, a]`; None when it is only waiting for others."""
    ways, seen = [[name]], set()
    while ways:
        way = ways.pop(0)
        for used in sorted(set(uses[way[-1]]) & uses.keys()):
            if used == name:
                return [*way, name]
            if used not in seen:
                seen.add(used)
                ways.append([*way, used])
    return None
