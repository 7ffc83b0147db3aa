"""The kinds of values that formulas know."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

Value = Decimal | str | bool | date | datetime | None


class Kind(StrEnum):
    """What a value is; `NULL` is the kind of the word null alone, which goes with every other."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    NULL = "null"

    @property
    def is_time(self) -> bool:
        """Whether it is a day or an instant."""
        return self in {Kind.DATE, Kind.DATETIME}

    def described(self) -> str:
        """Return it with its article, for messages."""
        return "null" if self is Kind.NULL else "text" if self is Kind.TEXT else f"a {self}"
