"""Search queries, held to HubSpot's caps before they are sent (HubSpot, "Search the CRM")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST_FILTERS = 6
MOST_HITS_A_PAGE = 200
MOST_HITS = 10_000


@dataclass(frozen=True)
class Filter:
    """One condition on a property; values are strings, times in epoch milliseconds."""

    property_name: str
    operator: str
    value: str | None = None
    high_value: str | None = None

    @classmethod
    def eq(cls, name: str, value: str) -> Filter:
        """Equal to `value`."""
        return cls(name, "EQ", value)

    @classmethod
    def gt(cls, name: str, value: str) -> Filter:
        """Above `value`."""
        return cls(name, "GT", value)

    @classmethod
    def lte(cls, name: str, value: str) -> Filter:
        """At most `value`."""
        return cls(name, "LTE", value)

    @classmethod
    def between(cls, name: str, low: str, high: str) -> Filter:
        """From `low` to `high`, both inclusive."""
        return cls(name, "BETWEEN", low, high)

    def body(self) -> dict[str, Any]:
        """Return the filter as HubSpot reads it."""
        values = {"value": self.value, "highValue": self.high_value}
        known = {k: v for k, v in values.items() if v is not None}
        return {"propertyName": self.property_name, "operator": self.operator, **known}


@dataclass(frozen=True)
class SearchQuery:
    """A query whose filters all have to hold; `sort` is a property and `ASCENDING` or `DESCENDING`.

    :raises ValueError: when HubSpot would refuse it
    """

    filters: tuple[Filter, ...] = ()
    sort: tuple[str, str] | None = None
    properties: tuple[str, ...] = ()
    limit: int = MOST_HITS_A_PAGE
    after: int = 0

    def __post_init__(self) -> None:
        if len(self.filters) > MOST_FILTERS:
            raise ValueError(f"a search takes at most {MOST_FILTERS} filters that all hold, not {len(self.filters)}")
        if not 1 <= self.limit <= MOST_HITS_A_PAGE:
            raise ValueError(f"a search page holds 1 to {MOST_HITS_A_PAGE} hits, not {self.limit}")
        if self.after + self.limit > MOST_HITS:
            raise ValueError(f"a search shows no hits past {MOST_HITS:,}; ask for a narrower query instead")

    def body(self) -> dict[str, Any]:
        """Return the query as HubSpot reads it."""
        body: dict[str, Any] = {"limit": self.limit, "properties": list(self.properties)}
        if self.filters:
            body["filterGroups"] = [{"filters": [f.body() for f in self.filters]}]
        if self.sort:
            body["sorts"] = [{"propertyName": self.sort[0], "direction": self.sort[1]}]
        if self.after:
            body["after"] = str(self.after)
        return body
