"""The properties that each portal has, as they were last seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class KnownProperty:
    """A property that a portal has, or had until `archived_at`."""

    name: str
    label: str
    type: str
    field_type: str
    options: Sequence[Mapping[str, Any]] = ()
    archived_at: datetime | None = None


_SAVE = """
INSERT INTO property_catalog AS c (integration_id, object_type, name, label, type, field_type, group_name, calculated,
                                   read_only, options, hubspot_defined)
SELECT %(integration_id)s, %(object_type)s, p.*
FROM jsonb_to_recordset(%(definitions)s) AS p (name text, label text, type text, field_type text, group_name text,
                                               calculated bool, read_only bool, options jsonb, hubspot_defined bool)
ON CONFLICT (integration_id, object_type, name) DO UPDATE
SET label = excluded.label, type = excluded.type, field_type = excluded.field_type, group_name = excluded.group_name,
    calculated = excluded.calculated, read_only = excluded.read_only, options = excluded.options, archived_at = NULL,
    hubspot_defined = excluded.hubspot_defined, fetched_at = now()
WHERE (c.label, c.type, c.field_type, c.group_name, c.calculated, c.read_only, c.options, c.hubspot_defined,
       c.archived_at)
  IS DISTINCT FROM (excluded.label, excluded.type, excluded.field_type, excluded.group_name, excluded.calculated,
                    excluded.read_only, excluded.options, excluded.hubspot_defined, NULL)
"""

_KNOWN = """
SELECT name, label, type, field_type, group_name, calculated, read_only, options FROM property_catalog
WHERE integration_id = %s AND object_type = %s AND archived_at IS NULL AND name = ANY (%s)
"""

_ARCHIVE = """
UPDATE property_catalog SET archived_at = now(), fetched_at = now()
WHERE integration_id = %(integration_id)s AND object_type = %(object_type)s AND archived_at IS NULL
  AND name <> ALL (%(names)s)
"""


def known_properties(
    conn: psycopg.Connection, integration_id: UUID, object_type: str, names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return those of the named properties that the portal has, by name, as `save_catalog` took them."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_KNOWN, (integration_id, object_type, list(names))).fetchall()
    return {row["name"]: row for row in rows}


def add_to_catalog(
    conn: psycopg.Connection, integration_id: UUID, object_type: str, definitions: Sequence[Mapping[str, Any]]
) -> None:
    """Keep some properties, which HubSpot has besides those that are known already."""
    values = {"integration_id": integration_id, "object_type": object_type, "definitions": Jsonb(list(definitions))}
    conn.execute(_SAVE, values)


def save_catalog(
    conn: psycopg.Connection, integration_id: UUID, object_type: str, definitions: Sequence[Mapping[str, Any]]
) -> int:
    """Keep the properties that HubSpot lists now and return how many rows that changed.

    Each definition has name, label, type, field_type, group_name, calculated, read_only, options and hubspot_defined. A
    property that HubSpot lists no longer keeps its row, with `archived_at`.
    """
    values = {
        "integration_id": integration_id,
        "object_type": object_type,
        "definitions": Jsonb(list(definitions)),
        "names": [d["name"] for d in definitions],
    }
    return conn.execute(_SAVE, values).rowcount + conn.execute(_ARCHIVE, values).rowcount


def read_catalog(conn: psycopg.Connection, integration_id: UUID, object_type: str) -> dict[str, KnownProperty]:
    """Return the properties as they were last seen, by name, archived ones too."""
    with conn.cursor(row_factory=class_row(KnownProperty)) as cursor:
        found = cursor.execute(
            "SELECT name, label, type, field_type, options, archived_at FROM property_catalog "
            "WHERE integration_id = %s AND object_type = %s ORDER BY name",
            (integration_id, object_type),
        )
        return {known.name: known for known in found}
