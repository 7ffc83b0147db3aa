"""Reads whole object types, or what matches filters, record by record, past search's cap and without losing any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from airflow_hubspot.client.objects import Objects
from airflow_hubspot.client.records import Record, SearchPage
from airflow_hubspot.client.search import MOST_FILTERS, Filter, SearchQuery
from airflow_hubspot.client.windows import SearchReader

# Each page is asked for by its ids, from and to, which takes two of the filters that a search may have.
MOST_OWN_FILTERS = MOST_FILTERS - 2


def filters_of(wanted: Sequence[Mapping[str, str]]) -> tuple[Filter, ...]:
    """Return the filters that mappings with `property`, `operator`, `value` and `high_value` describe.

    :raises ValueError: when one is incomplete, or there are more than a search may have.
    """
    if len(wanted) > MOST_OWN_FILTERS:
        raise ValueError(f"at most {MOST_OWN_FILTERS} filters can be given, not {len(wanted)}")
    return tuple(_filter(one) for one in wanted)


def read_all(
    objects: Objects, object_type: str, properties: Sequence[str], *, archived: bool = False
) -> Iterator[Record]:
    """Yield every record of a type, in order of id, from HubSpot's primary store."""
    after: str | None = None
    while True:
        page = objects.list_page(object_type, after=after, properties=properties, archived=archived)
        yield from page.results
        if page.next_after is None:
            return
        after = page.next_after


def read_matching(
    objects: Objects, object_type: str, properties: Sequence[str], filters: Sequence[Filter]
) -> Iterator[Record]:
    """Yield every record that all filters let pass, in no particular order; more than 10,000, too.

    :raises IncompleteRead: when search keeps announcing records that it does not show.
    """

    def search(query: SearchQuery) -> SearchPage:
        return objects.search_page(object_type, replace(query, filters=(*filters, *query.filters)))

    for page in SearchReader(search, "", tuple(properties)).pages(None):
        yield from page.records


def _filter(wanted: Mapping[str, str]) -> Filter:
    unknown = set(wanted) - {"property", "operator", "value", "high_value"}
    if unknown or not wanted.get("property") or not wanted.get("operator"):
        raise ValueError(
            f"filter {dict(wanted)!r} cannot be read; it has to look like "
            "{'property': 'amount', 'operator': 'GT', 'value': '100'}"
        )
    return Filter(wanted["property"], wanted["operator"].upper(), wanted.get("value"), wanted.get("high_value"))
