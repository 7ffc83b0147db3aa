"""The versions of each company's mapping; `crm_integrations` has the two documents of the active one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

Document = Mapping[str, Any]


class UnknownVersion(LookupError):
    """A company has no such version of its mapping."""


@dataclass(frozen=True)
class StoredMapping:
    """The mapping that counts now.

    `version` is None for a company that never had one. `is_new_here` says that the documents were changed in
    `crm_integrations` itself and are not a version yet; `is_recomputed` that all stored deals were computed with it.
    """

    version: int | None
    property_mappings_text: str
    calculated_fields_text: str
    baseline: dict[str, Any] | None
    is_recomputed: bool
    is_new_here: bool

    @property
    def property_mappings(self) -> Any:
        """The document, its numbers exact."""
        return exact_json(self.property_mappings_text)

    @property
    def calculated_fields(self) -> Any:
        """The document."""
        return exact_json(self.calculated_fields_text)


def exact_json(text: str) -> Any:
    """Parse JSON without making floats.

    :raises ValueError: when it is none.
    """
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no value of JSON")


_STORED = """
SELECT v.version, i.property_mappings::text AS property_mappings_text,
       i.calculated_fields::text AS calculated_fields_text, v.baseline,
       v.version IS NULL OR v.recomputed_at IS NOT NULL AS is_recomputed,
       (i.property_mappings, i.calculated_fields)
           IS DISTINCT FROM (coalesce(v.property_mappings, '{}'), coalesce(v.calculated_fields, '{}')) AS is_new_here
FROM crm_integrations i LEFT JOIN mapping_versions v ON v.integration_id = i.id AND v.is_active
WHERE i.id = %s
"""


def stored_mapping(conn: psycopg.Connection, integration_id: UUID) -> StoredMapping:
    """Return the documents in `crm_integrations` and the version that they are."""
    with conn.cursor(row_factory=class_row(StoredMapping)) as cursor:
        found = cursor.execute(_STORED, (integration_id,)).fetchone()
    assert found is not None
    return found


# Landings hold it shared while they commit rows, so that no row of an older mapping lands behind its recomputation.
_HOLD = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"
_CHANGE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


def hold_version(conn: psycopg.Connection, integration_id: UUID) -> int | None:
    """Return the active version, which stays so until the caller's transaction ends."""
    conn.execute(_HOLD, (f"{integration_id}/mapping",))
    row = conn.execute(
        "SELECT version FROM mapping_versions WHERE integration_id = %s AND is_active", (integration_id,)
    ).fetchone()
    return None if row is None else int(row[0])


def lock_mapping(conn: psycopg.Connection, integration_id: UUID) -> None:
    """Wait until nobody lands rows by the company's mapping or changes it, and keep others waiting until the commit."""
    conn.execute(_CHANGE, (f"{integration_id}/mapping",))
    conn.execute("SELECT FROM crm_integrations WHERE id = %s FOR UPDATE", (integration_id,))


_SAVE = """
WITH before AS (
    SELECT property_mappings, calculated_fields FROM mapping_versions
    WHERE integration_id = %(integration_id)s AND is_active
)
INSERT INTO mapping_versions (integration_id, version, property_mappings, calculated_fields, baseline, diff, author,
                              note)
SELECT %(integration_id)s,
       1 + coalesce((SELECT max(version) FROM mapping_versions WHERE integration_id = %(integration_id)s), 0),
       %(property_mappings)s, %(calculated_fields)s, %(baseline)s,
       jsonb_build_object(
           'property_mappings', json_difference((SELECT property_mappings FROM before), %(property_mappings)s),
           'calculated_fields', json_difference((SELECT calculated_fields FROM before), %(calculated_fields)s)),
       %(author)s, %(note)s
RETURNING version
"""


def save_version(
    conn: psycopg.Connection,
    integration_id: UUID,
    *,
    property_mappings: str,
    calculated_fields: str,
    baseline: Document,
    author: str,
    note: str = "",
) -> int:
    """Keep a mapping, its documents given as JSON text, and return the number of its version; it is not active yet."""
    lock_mapping(conn, integration_id)
    values = {
        "integration_id": integration_id,
        "property_mappings": Jsonb(property_mappings, dumps=str),
        "calculated_fields": Jsonb(calculated_fields, dumps=str),
        "baseline": Jsonb(baseline),
        "author": author,
        "note": note,
    }
    row = conn.execute(_SAVE, values).fetchone()
    assert row is not None
    return int(row[0])


_DEACTIVATE = """
UPDATE mapping_versions SET is_active = false WHERE integration_id = %(integration_id)s AND is_active RETURNING version
"""
_ACTIVATE = """
UPDATE mapping_versions
SET is_active = true, activated_at = clock_timestamp(), activated_by = %(actor)s, recomputed_at = NULL
WHERE integration_id = %(integration_id)s AND version = %(version)s
"""
_PUT = """
UPDATE crm_integrations i
SET property_mappings = v.property_mappings, calculated_fields = v.calculated_fields, updated_at = now()
FROM mapping_versions v
WHERE i.id = %(integration_id)s AND v.integration_id = i.id AND v.version = %(version)s
"""
_TELL = """
INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor)
SELECT v.integration_id, 'mapping', v.version::text, 'activate',
       json_difference(
           jsonb_build_object('version', b.version, 'property_mappings', b.property_mappings,
                              'calculated_fields', b.calculated_fields),
           jsonb_build_object('version', v.version, 'property_mappings', v.property_mappings,
                              'calculated_fields', v.calculated_fields)),
       %(actor)s
FROM mapping_versions v
LEFT JOIN mapping_versions b ON b.integration_id = v.integration_id AND b.version = %(before)s
WHERE v.integration_id = %(integration_id)s AND v.version = %(version)s
"""


def activate_version(conn: psycopg.Connection, integration_id: UUID, version: int, *, actor: str) -> int | None:
    """Make a version the one that counts, with an audit row, and return the one that counted before.

    :raises UnknownVersion: when the company has no such version.
    """
    lock_mapping(conn, integration_id)
    values: dict[str, Any] = {"integration_id": integration_id, "version": version, "actor": actor}
    row = conn.execute(_DEACTIVATE, values).fetchone()
    before = None if row is None else int(row[0])
    values["before"] = before
    if not conn.execute(_ACTIVATE, values).rowcount:
        raise UnknownVersion(f"there is no version {version} of this company's mapping")
    conn.execute(_PUT, values)
    conn.execute(_TELL, values)
    return before


def mark_recomputed(conn: psycopg.Connection, integration_id: UUID, version: int | None) -> None:
    """Say that all stored deals were computed with a version, if it still counts."""
    conn.execute(
        "UPDATE mapping_versions SET recomputed_at = now() WHERE integration_id = %s AND version = %s AND is_active",
        (integration_id, version),
    )


@dataclass(frozen=True)
class VersionRow:
    """A line of a mapping's history."""

    version: int
    is_active: bool
    author: str
    note: str
    created_at: Any
    activated_at: Any
    diff: dict[str, Any]
    property_mappings_text: str
    calculated_fields_text: str


_HISTORY = """
SELECT version, is_active, author, note, created_at, activated_at, diff,
       property_mappings::text AS property_mappings_text, calculated_fields::text AS calculated_fields_text
FROM mapping_versions WHERE integration_id = %s ORDER BY version DESC
"""


def version_history(conn: psycopg.Connection, integration_id: UUID) -> list[VersionRow]:
    """Return a company's versions, newest first."""
    with conn.cursor(row_factory=class_row(VersionRow)) as cursor:
        return cursor.execute(_HISTORY, (integration_id,)).fetchall()
