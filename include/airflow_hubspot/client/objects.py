"""Reads CRM records by lists, searches and batch reads, and changes them in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from airflow_hubspot.client.errors import HubSpotError
from airflow_hubspot.client.paths import path
from airflow_hubspot.client.sdk import Sdk
from airflow_hubspot.client.search import SearchQuery

LIST_LIMIT = 100
BATCH_LIMIT = 100
HISTORY_BATCH_LIMIT = 50
# URLs of over 8,000 characters were refused with 414, one of 5,116 went through.
_LONGEST_QUERY = 5_000


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


class Objects:
    """CRM records of any type, such as `deals`."""

    def __init__(self, sdk: Sdk, version: str) -> None:
        self._sdk = sdk
        self._version = version

    def list_page(
        self,
        object_type: str,
        *,
        limit: int = LIST_LIMIT,
        after: str | None = None,
        properties: Sequence[str] = (),
        archived: bool = False,
    ) -> Page:
        """Return the records above the id `after`, in order of id, from HubSpot's primary store.

        More properties than a URL can name are filled in by a batch read, at the price of a second call.
        """
        query = [("limit", str(limit)), ("archived", str(archived).lower())]
        query += [("after", after)] if after not in {None, "0"} else []
        named = ",".join(properties)
        if len(named) <= _LONGEST_QUERY and properties:
            query.append(("properties", named))
        answer = self._sdk.call("GET", path("objects", self._version, type=object_type), query=query)
        results: list[Record] = answer["results"]
        if len(named) > _LONGEST_QUERY and results:
            results = self.batch_read(object_type, [r["id"] for r in results], properties).results
        return Page(results, _next_after(answer))

    def search_page(self, object_type: str, query: SearchQuery) -> SearchPage:
        """Return a page of hits from the search index, which lags seconds to minutes behind the records."""
        answer = self._sdk.call("POST", path("search", self._version, type=object_type), body=query.body())
        return SearchPage(int(answer["total"]), answer["results"], _next_after(answer))

    def get(self, object_type: str, crm_id: str, properties: Sequence[str] = ()) -> Record:
        """Return one record; a merged one's id answers with the survivor, whose id is another.

        :raises NotFound: when there is none, or it is archived.
        """
        query = [("properties", ",".join(properties))] if properties else []
        record: Record = self._sdk.call("GET", path("object", self._version, type=object_type, id=crm_id), query=query)
        return record

    def batch_read(
        self, object_type: str, ids: Sequence[str], properties: Sequence[str], *, archived: bool = False
    ) -> BatchResult:
        """Return up to 100 records by id, from HubSpot's primary store: live ones, or those in the recycle bin.

        :raises HubSpotError: when HubSpot answers any of them with something else than "not found".
        """
        return self._batch_read(object_type, ids, BATCH_LIMIT, {"properties": list(properties)}, archived=archived)

    def batch_read_history(
        self, object_type: str, ids: Sequence[str], properties: Sequence[str], *, also: Sequence[str] = ()
    ) -> BatchResult:
        """Return up to 50 records by id, with every value that the given properties ever had, newest first.

        :param also: properties of which the present value is enough
        """
        return self._batch_read(
            object_type,
            ids,
            HISTORY_BATCH_LIMIT,
            {"properties": [*properties, *also], "propertiesWithHistory": list(properties)},
        )

    def _batch_read(
        self, object_type: str, ids: Sequence[str], limit: int, asked: Mapping[str, Any], *, archived: bool = False
    ) -> BatchResult:
        if len(ids) > limit:
            raise ValueError(f"a batch read takes at most {limit} ids, not {len(ids)}")
        body = {"inputs": [{"id": i} for i in ids], **asked}
        query = [("archived", "true")] if archived else []
        answer = self._sdk.call("POST", path("batch_read", self._version, type=object_type), query=query, body=body)
        missing = [i for error in answer.get("errors") or () for i in _not_found(object_type, error)]
        return BatchResult(answer["results"], missing)

    def batch_upsert(self, object_type: str, inputs: Sequence[Mapping[str, Any]]) -> WriteResult:
        """Change or create up to 100 records, each found by a property whose values are unique.

        :param inputs: `{"id": ..., "idProperty": ..., "properties": {...}}`, each id once
        :raises Invalid: when HubSpot refuses the whole batch for one of them.
        """
        if len(inputs) > BATCH_LIMIT:
            raise ValueError(f"a batch takes at most {BATCH_LIMIT} inputs, not {len(inputs)}")
        answer = self._sdk.call(
            "POST", path("batch_upsert", self._version, type=object_type), body={"inputs": list(inputs)}
        )
        return WriteResult(answer.get("results") or [], answer.get("errors") or [])

    def batch_update(self, object_type: str, changes: Sequence[Change]) -> BatchWrite:
        """Change up to 100 different records; unlike `get` this does not follow an id that was merged away.

        It is sent once: after an answer that did not arrive, the caller has to read before it repeats.

        :raises Invalid: when HubSpot does not accept a value; then it has changed none of the records.
        :raises HubSpotError: when HubSpot refuses for another reason, or did not answer.
        """
        if len(changes) > BATCH_LIMIT:
            raise ValueError(f"a batch update takes at most {BATCH_LIMIT} records, not {len(changes)}")
        url_path = path("batch_update", self._version, type=object_type)
        answer = self._sdk.answer("POST", url_path, body={"inputs": list(changes)})
        failures = [_failure(error) for error in answer.document.get("errors") or ()]
        return BatchWrite(answer.document["results"], failures, answer.getheader("x-hubspot-correlation-id"))


def _failure(error: Mapping[str, Any]) -> WriteFailure:
    ids = (error.get("context") or {}).get("ids") or ([error["id"]] if error.get("id") else [])
    category, message = str(error.get("category") or ""), str(error.get("message") or "")
    return WriteFailure(tuple(map(str, ids)), category, message)


def _next_after(answer: Mapping[str, Any]) -> str | None:
    following = (answer.get("paging") or {}).get("next") or {}
    after = following.get("after")
    return None if after is None else str(after)


def _not_found(object_type: str, error: Mapping[str, Any]) -> list[str]:
    if error.get("category") != "OBJECT_NOT_FOUND":
        raise HubSpotError(
            f"HubSpot answered a batch read of {object_type} in part: {error.get('message')}", status=207
        )
    return [str(i) for i in (error.get("context") or {}).get("ids") or ()]
