"""CRM records and pages of them, as the rest of the client hands them on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict


class PastValue(TypedDict):
    """A value that a property has or had, since when, and where it came from."""

    value: str
    timestamp: str
    sourceType: str
    sourceId: NotRequired[str]
    sourceLabel: NotRequired[str]
    updatedByUserId: NotRequired[int]


class Record(TypedDict):
    """A CRM record as HubSpot sends it; every property value is a string or null.

    `propertiesWithHistory` has the newest value first.
    """

    id: str
    properties: dict[str, str | None]
    createdAt: str
    updatedAt: str
    archived: bool
    archivedAt: NotRequired[str]
    propertiesWithHistory: NotRequired[dict[str, list[PastValue]]]


class Change(TypedDict):
    """New values for some properties of one record; an empty string clears a value."""

    id: str
    properties: dict[str, str]


@dataclass(frozen=True)
class Page:
    """A page of a list; `next_after` is None on the last one."""

    results: list[Record]
    next_after: str | None


@dataclass(frozen=True)
class SearchPage:
    """A page of hits; `total` counts all that the query matches, also past the 10,000 that it shows."""

    total: int
    results: list[Record]
    next_after: str | None


@dataclass(frozen=True)
class BatchResult:
    """What a batch read found, and the ids that it did not."""

    results: list[Record]
    missing: list[str]


@dataclass(frozen=True)
class WriteResult:
    """What a batch write did, and HubSpot's entries on the inputs that it refused."""

    results: list[dict[str, Any]]
    errors: list[dict[str, Any]]


@dataclass(frozen=True)
class WriteFailure:
    """Why HubSpot left some records of a batch as they were."""

    ids: tuple[str, ...]
    category: str
    message: str


@dataclass(frozen=True)
class BatchWrite:
    """What a batch update changed, as HubSpot now has it, and what it did not."""

    results: list[Record]
    failures: list[WriteFailure]
    correlation_id: str | None
