"""HubSpot's own history of properties, kept so that the value at a time can be asked in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg


@dataclass(frozen=True)
class Entry:
    """A value that a property of a record had from `changed_at` on, and who gave it to it from where."""

    crm_id: str
    property_name: str
    changed_at: datetime
    value: str | None
    source_type: str | None
    source_id: str | None
    source_label: str | None
    user_id: str | None


_ENTRIES = """
INSERT INTO property_history (integration_id, object_type, crm_id, property, changed_at, value, source_type, source_id,
                              source_label, user_id)
SELECT %s, %s, e.* FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[],
                               %s::text[], %s::text[]) AS e
ON CONFLICT (integration_id, object_type, crm_id, property, changed_at) DO UPDATE
SET value = excluded.value, source_type = excluded.source_type, source_id = excluded.source_id,
    source_label = excluded.source_label, user_id = excluded.user_id
"""

# `greatest` passes over nulls.
_READS = """
INSERT INTO property_history_reads AS r (integration_id, object_type, crm_id, read_at, crm_updated_at)
SELECT %s, %s, v.crm_id, %s, v.crm_updated_at FROM unnest(%s::text[], %s::timestamptz[]) AS v (crm_id, crm_updated_at)
ON CONFLICT (integration_id, object_type, crm_id) DO UPDATE
SET read_at = greatest(r.read_at, excluded.read_at),
    crm_updated_at = greatest(r.crm_updated_at, excluded.crm_updated_at)
"""

_UNREAD = """
SELECT d.crm_id FROM deals d
WHERE d.integration_id = %(integration_id)s AND d.archived_at IS NULL AND NOT EXISTS (
    SELECT FROM property_history_reads r
    WHERE r.integration_id = %(integration_id)s AND r.object_type = 'deals' AND r.crm_id = d.crm_id)
ORDER BY d.crm_id
"""

# What was read before there was a version to keep is as old as its reading.
_IS_OUTDATED = "d.crm_updated_at > coalesce(r.crm_updated_at, r.read_at)"

_OUTDATED = f"""
SELECT d.crm_id FROM deals d
LEFT JOIN property_history_reads r
    ON r.integration_id = d.integration_id AND r.object_type = 'deals' AND r.crm_id = d.crm_id
WHERE d.integration_id = %(integration_id)s AND d.archived_at IS NULL
  AND ({_IS_OUTDATED} OR r.crm_id IS NULL AND d.crm_updated_at >= %(since)s)
ORDER BY d.crm_id
"""  # noqa: S608 - constants

# HubSpot recalculates some values, as that of won after a stage was changed, without a new modified time.
_OUTDATED_OF = f"""
SELECT d.crm_id FROM deals d
LEFT JOIN property_history_reads r
    ON r.integration_id = d.integration_id AND r.object_type = 'deals' AND r.crm_id = d.crm_id
WHERE d.integration_id = %(integration_id)s AND d.crm_id = ANY (%(crm_ids)s)
  AND (r.crm_id IS NULL OR {_IS_OUTDATED} OR EXISTS (
        SELECT FROM audit_log a
        WHERE a.integration_id = d.integration_id AND a.entity = 'deal' AND a.entity_id = d.crm_id
          AND a.at > r.read_at AND a.changes ?| %(properties)s))
"""  # noqa: S608 - constants


def save_history(
    conn: psycopg.Connection,
    integration_id: UUID,
    object_type: str,
    *,
    versions: Mapping[str, datetime | None],
    entries: Sequence[Entry],
    read_at: datetime,
) -> None:
    """Keep the history of some records as it was at `read_at`; what HubSpot no longer lists is kept, too.

    :param versions: by record, the modified time that it had when its history was read
    :param entries: each moment of a property once
    """
    columns = (
        [e.crm_id for e in entries],
        [e.property_name for e in entries],
        [e.changed_at for e in entries],
        [e.value for e in entries],
        [e.source_type for e in entries],
        [e.source_id for e in entries],
        [e.source_label for e in entries],
        [e.user_id for e in entries],
    )
    conn.execute(_ENTRIES, (integration_id, object_type, *columns))
    conn.execute(_READS, (integration_id, object_type, read_at, list(versions), list(versions.values())))


def deals_without_history(conn: psycopg.Connection, integration_id: UUID) -> list[str]:
    """Return the live deals whose history was never read."""
    return [str(row[0]) for row in conn.execute(_UNREAD, {"integration_id": integration_id})]


def outdated_histories(conn: psycopg.Connection, integration_id: UUID, since: datetime) -> list[str]:
    """Return the live deals whose history is older than their last edit, or was never read since they were edited.

    :param since: edits of deals without a history count from then on
    """
    values = {"integration_id": integration_id, "since": since}
    return [str(row[0]) for row in conn.execute(_OUTDATED, values)]


def outdated_among(
    conn: psycopg.Connection, integration_id: UUID, crm_ids: Sequence[str], properties: Sequence[str]
) -> list[str]:
    """Return those of some deals whose history is missing or older than an edit or than a change of `properties`."""
    values = {"integration_id": integration_id, "crm_ids": list(crm_ids), "properties": list(properties)}
    return [str(row[0]) for row in conn.execute(_OUTDATED_OF, values)]
