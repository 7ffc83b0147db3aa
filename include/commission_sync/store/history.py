"""HubSpot's own history of properties, kept so that the value at a time can be asked in SQL."""

from __future__ import annotations

from collections.abc import Sequence
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

_READS = """
INSERT INTO property_history_reads AS r (integration_id, object_type, crm_id, read_at)
SELECT %s, %s, ids.crm_id, %s FROM unnest(%s::text[]) AS ids (crm_id)
ON CONFLICT (integration_id, object_type, crm_id) DO UPDATE SET read_at = greatest(r.read_at, excluded.read_at)
"""

_UNREAD = """
SELECT d.crm_id FROM deals d
WHERE d.integration_id = %(integration_id)s AND d.archived_at IS NULL AND NOT EXISTS (
    SELECT FROM property_history_reads r
    WHERE r.integration_id = %(integration_id)s AND r.object_type = 'deals' AND r.crm_id = d.crm_id)
ORDER BY d.crm_id
"""


def save_history(
    conn: psycopg.Connection,
    integration_id: UUID,
    object_type: str,
    *,
    crm_ids: Sequence[str],
    entries: Sequence[Entry],
    read_at: datetime,
) -> None:
    """Keep the whole history of some records as it was at `read_at`; `entries` holds each of their moments once."""
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
    conn.execute(_READS, (integration_id, object_type, read_at, list(crm_ids)))


def deals_without_history(conn: psycopg.Connection, integration_id: UUID) -> list[str]:
    """Return the live deals whose history was never read."""
    return [str(row[0]) for row in conn.execute(_UNREAD, {"integration_id": integration_id})]
