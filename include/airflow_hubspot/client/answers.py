"""Turns parsed answers into typed pages: the one place that knows which shapes HubSpot's answers have.

A reader takes the parsed JSON and may assume the documented shape: where that does not hold, the transport makes
`UnreadableAnswer` of whatever the reader ran into, and asks again. Source: HubSpot's published OpenAPI documents; the
shapes that differ from them were seen on live portals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Any

import orjson

from airflow_hubspot.client.errors import UnreadableAnswer
from airflow_hubspot.client.records import Page, Record, SearchPage, WriteFailure

_TEXT = frozenset({str, NoneType})


def record(raw: dict[str, Any]) -> Record:
    """Return a record with its id, and with property values that are strings or null, as HubSpot documents them."""
    raw["id"] = str(raw["id"])
    properties = raw["properties"]
    if not _TEXT.issuperset(map(type, properties.values())):
        raw["properties"] = {name: _text(value) for name, value in properties.items()}
    return raw  # type: ignore[return-value]


def records(raw: Iterable[dict[str, Any]]) -> list[Record]:
    """Return the records of a page, each id once."""
    return list({one["id"]: one for one in map(record, raw)}.values())


def list_page(answer: Mapping[str, Any]) -> Page:
    """Return a page of a list.

    :raises UnreadableAnswer: when it names an id twice: the page may lack another record, and nothing else would tell
    """
    found = records(answer["results"])
    if len(found) < len(answer["results"]):
        raise UnreadableAnswer(f"HubSpot's list names {len(found):,} records in {len(answer['results']):,} places")
    return Page(found, next_after(answer))


def search_page(answer: Mapping[str, Any]) -> SearchPage:
    """Return a page of hits; one that names an id twice shows fewer records than it should, so its proof fails."""
    return SearchPage(int(answer["total"]), records(answer["results"]), next_after(answer))


def batch(answer: Mapping[str, Any]) -> tuple[list[Record], list[Mapping[str, Any]]]:
    """Return the records of a batch, and HubSpot's entries on the inputs that it did not answer with one."""
    return records(answer["results"]), errors_of(answer)


def written(answer: Mapping[str, Any]) -> tuple[list[Record], list[WriteFailure]]:
    """Return the records that a batch update changed, and what it left as it was."""
    return records(answer["results"]), [_failure(error) for error in errors_of(answer)]


def results(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the entries of an answer that lists something else than records."""
    return [{**one} for one in answer["results"]]


def errors_of(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the error entries of an answer that went well in part (207)."""
    return [{**error} for error in answer.get("errors") or ()]


def context_of(error: Mapping[str, Any], key: str) -> list[str]:
    """Return the ids that an error entry names under `key`."""
    return [str(one) for one in (error.get("context") or {}).get(key) or ()]


def next_after(answer: Mapping[str, Any]) -> str | None:
    """Return where the next page begins; None on the last one."""
    after = ((answer.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None else str(after)


def _failure(error: Mapping[str, Any]) -> WriteFailure:
    ids = context_of(error, "ids") or ([str(error["id"])] if error.get("id") else [])
    return WriteFailure(tuple(ids), str(error.get("category") or ""), str(error.get("message") or ""))


def _text(value: Any) -> str | None:
    # A JSON number keeps its digits: `repr` gives the shortest text that is the same number.
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | list | dict):
        return orjson.dumps(value).decode()
    return repr(value)
