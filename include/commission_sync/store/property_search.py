"""Finds properties of a portal for a person, with what they hold in stored deals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

_MOST_WORDS = 10


@dataclass(frozen=True)
class FoundProperty:
    """A property, up to three of its values, and in how many of the newest deals it has one.

    `matching` is how many properties fit the search, of which only the first are returned.
    """

    name: str
    label: str
    type: str
    field_type: str
    group_name: str
    options: Sequence[Mapping[str, Any]]
    calculated: bool
    archived_at: datetime | None
    samples: Sequence[str]
    filled: int
    looked_at: int
    matching: int


# The documents are taken apart once for all properties; the newest deals by id are at the end of the unique index.
_SEARCH = """
WITH found AS MATERIALIZED (
    SELECT name, label, type, field_type, group_name, options, calculated, archived_at,
           count(*) OVER () AS matching,
           row_number() OVER (ORDER BY archived_at IS NOT NULL, lower(name) <> ALL (%(words)s),
                              lower(label) <> ALL (%(words)s), group_name, label, name) AS place
    FROM property_catalog
    WHERE integration_id = %(integration_id)s AND object_type = 'deals'
      AND name || ' ' || label ILIKE ALL (%(patterns)s)
      AND (%(type)s = '' OR type = %(type)s) AND (%(group)s = '' OR group_name = %(group)s)
    ORDER BY place LIMIT %(most)s
), newest AS MATERIALIZED (
    SELECT properties FROM deals
    WHERE integration_id = %(integration_id)s AND archived_at IS NULL AND merged_into_crm_id IS NULL
    ORDER BY crm_id DESC LIMIT %(deals)s
), held AS MATERIALIZED (
    SELECT p.key AS name, p.value, count(*) AS times
    FROM newest, jsonb_each_text(newest.properties) p
    WHERE p.key IN (SELECT name FROM found) AND p.value <> '' GROUP BY p.key, p.value
), samples AS (
    SELECT name, sum(times) AS filled, (array_agg(left(value, 80) ORDER BY times DESC, value))[:3] AS examples
    FROM held GROUP BY name
)
SELECT f.name, f.label, f.type, f.field_type, f.group_name, f.options, f.calculated, f.archived_at, f.matching,
       coalesce(s.examples, '{}') AS samples, coalesce(s.filled, 0)::int AS filled,
       (SELECT count(*)::int FROM newest) AS looked_at
FROM found f LEFT JOIN samples s USING (name) ORDER BY f.place
"""


def search_properties(
    conn: psycopg.Connection,
    integration_id: UUID,
    words: str = "",
    *,
    type: str = "",  # noqa: A002 - the name of the column
    group: str = "",
    most: int = 25,
    deals: int = 100,
) -> list[FoundProperty]:
    """Return properties of deals whose name or label has every one of the words, exact hits first, archived ones last.

    :param deals: in how many of the newest deals to look for values
    """
    wanted = words.split()[:_MOST_WORDS]
    values = {
        "integration_id": integration_id,
        "words": [word.lower() for word in wanted],
        "patterns": [f"%{_literally(word)}%" for word in wanted],
        "type": type,
        "group": group,
        "most": most,
        "deals": deals,
    }
    with conn.cursor(row_factory=class_row(FoundProperty)) as cursor:
        return cursor.execute(_SEARCH, values).fetchall()


_KINDS = """
SELECT coalesce(array_agg(DISTINCT type ORDER BY type), '{}'),
       coalesce(array_agg(DISTINCT group_name ORDER BY group_name), '{}'), max(fetched_at)
FROM property_catalog WHERE integration_id = %s AND object_type = 'deals' AND archived_at IS NULL
"""


@dataclass(frozen=True)
class Kinds:
    """The types and groups that a portal's properties have, and when the newest change of them was seen."""

    types: Sequence[str]
    groups: Sequence[str]
    seen_at: datetime | None


def property_kinds(conn: psycopg.Connection, integration_id: UUID) -> Kinds:
    """Return what properties can be narrowed down by."""
    row = conn.execute(_KINDS, (integration_id,)).fetchone()
    assert row is not None
    return Kinds(*row)


def _literally(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)
