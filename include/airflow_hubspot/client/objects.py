"""Reads CRM records by lists, searches and batch reads, and changes them in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airflow_hubspot.client import answers
from airflow_hubspot.client.errors import HubSpotError
from airflow_hubspot.client.paths import path
from airflow_hubspot.client.records import BatchResult, BatchWrite, Change, Page, Record, SearchPage, WriteResult
from airflow_hubspot.client.sdk import Sdk
from airflow_hubspot.client.search import SearchQuery

LIST_LIMIT = 100
BATCH_LIMIT = 100
HISTORY_BATCH_LIMIT = 50
# URLs of over 8,000 characters were refused with 414, one of 5,116 went through.
_LONGEST_QUERY = 5_000


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
        url_path = path("objects", self._version, type=object_type)
        page: Page = self._sdk.call("GET", url_path, query=query, read=answers.list_page)
        if len(named) <= _LONGEST_QUERY or not page.results:
            return page
        whole = self.batch_read(object_type, [r["id"] for r in page.results], properties)
        return Page(whole.results, page.next_after)

    def search_page(self, object_type: str, query: SearchQuery) -> SearchPage:
        """Return a page of hits from the search index, which lags seconds to minutes behind the records."""
        url_path = path("search", self._version, type=object_type)
        page: SearchPage = self._sdk.call("POST", url_path, body=query.body(), read=answers.search_page)
        return page

    def get(self, object_type: str, crm_id: str, properties: Sequence[str] = ()) -> Record:
        """Return one record; a merged one's id answers with the survivor, whose id is another.

        :raises NotFound: when there is none, or it is archived.
        """
        query = [("properties", ",".join(properties))] if properties else []
        url_path = path("object", self._version, type=object_type, id=crm_id)
        record: Record = self._sdk.call("GET", url_path, query=query, read=answers.record)
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
        url_path = path("batch_read", self._version, type=object_type)
        results, errors = self._sdk.call("POST", url_path, query=query, body=body, read=answers.batch)
        return BatchResult(results, [i for error in errors for i in _not_found(object_type, error)])

    def batch_upsert(self, object_type: str, inputs: Sequence[Mapping[str, Any]]) -> WriteResult:
        """Change or create up to 100 records, each found by a property whose values are unique.

        :param inputs: `{"id": ..., "idProperty": ..., "properties": {...}}`, each id once
        :raises Invalid: when HubSpot refuses the whole batch for one of them.
        """
        if len(inputs) > BATCH_LIMIT:
            raise ValueError(f"a batch takes at most {BATCH_LIMIT} inputs, not {len(inputs)}")
        url_path = path("batch_upsert", self._version, type=object_type)
        results, errors = self._sdk.call("POST", url_path, body={"inputs": list(inputs)}, read=answers.batch)
        return WriteResult(results, errors)

    def batch_update(
        self, object_type: str, changes: Sequence[Change], *, check: Callable[[], None] | None = None
    ) -> BatchWrite:
        """Change up to 100 different records; unlike `get` this does not follow an id that was merged away.

        It is sent once: after an answer that did not arrive, the caller has to read before it repeats.

        :param check: run right before the request is sent, after any wait for a limit; what it raises prevents that
        :raises Invalid: when HubSpot does not accept a value; then it has changed none of the records.
        :raises HubSpotError: when HubSpot refuses for another reason, or did not answer.
        """
        if len(changes) > BATCH_LIMIT:
            raise ValueError(f"a batch update takes at most {BATCH_LIMIT} records, not {len(changes)}")
        url_path = path("batch_update", self._version, type=object_type)
        body = {"inputs": list(changes)}
        answer = self._sdk.answer("POST", url_path, body=body, read=answers.written, check=check)
        results, failures = answer.value
        return BatchWrite(results, failures, answer.headers.get("x-hubspot-correlation-id"))


def _not_found(object_type: str, error: Mapping[str, Any]) -> list[str]:
    if error.get("category") != "OBJECT_NOT_FOUND":
        raise HubSpotError(
            f"HubSpot answered a batch read of {object_type} in part: {error.get('message')}", status=207
        )
    return answers.context_of(error, "ids")
