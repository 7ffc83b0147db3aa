"""And, or and not over true, false and unknown (null), as SQL has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Condition = Callable[[Mapping[str, Any]], bool | None]


def both(conditions: Sequence[Condition]) -> Condition:
    """Return their conjunction: false as soon as one is false, even next to an unknown one."""
    return _joined(conditions, decisive=False)


def either(conditions: Sequence[Condition]) -> Condition:
    """Return their disjunction: true as soon as one is true, even next to an unknown one."""
    return _joined(conditions, decisive=True)


def negation(condition: Condition) -> Condition:
    """Return the opposite; unknown stays unknown."""

    def run(values: Mapping[str, Any]) -> bool | None:
        outcome = condition(values)
        return None if outcome is None else not outcome

    return run


def _joined(conditions: Sequence[Condition], *, decisive: bool) -> Condition:
    def run(values: Mapping[str, Any]) -> bool | None:
        is_known = True
        for condition in conditions:
            outcome = condition(values)
            if outcome is decisive:
                return decisive
            is_known = is_known and outcome is not None
        return not decisive if is_known else None

    return run
