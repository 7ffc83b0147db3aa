"""What can be wrong with a mapping as a whole, as opposed to one deal's values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class IssueKind(StrEnum):
    """What is wrong."""

    INVALID = "invalid"
    FORMULA = "formula"
    DEPENDS = "depends"
    MISSING = "missing"
    ARCHIVED = "archived"
    TYPE = "type"
    TYPE_CHANGED = "type_changed"
    RENAMED = "renamed"
    OPTIONS = "options"


@dataclass(frozen=True)
class Issue:
    """Something wrong with one field; an error keeps a mapping from being saved, a warning only wants to be read.

    `part` says in which key of the entry (`property`, `field`, `type`, `default`, `values`, `formula`), where that is
    known, and `column` where in a formula.
    """

    field: str
    kind: IssueKind
    message: str
    property: str | None = None
    is_error: bool = True
    part: str | None = None
    column: int | None = None

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class InvalidMapping(ValueError):
    """A mapping cannot be saved; `issues` has every reason."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)
        super().__init__("this mapping cannot be used:\n" + "\n".join(f"  {issue}" for issue in issues))
