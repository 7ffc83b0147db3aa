"""Records that could not become a row, kept with their payload where a person sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class Reject:
    """A record as HubSpot gave it, and why it could not be stored."""

    crm_id: str
    payload: Mapping[str, Any]
    reason: str


_RECORD = """
INSERT INTO sync_rejects AS r (integration_id, stream, crm_id, payload, reason, sync_run_id)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (integration_id, stream, crm_id) WHERE resolved_at IS NULL DO UPDATE
SET payload = excluded.payload, reason = excluded.reason, sync_run_id = excluded.sync_run_id,
    attempts = r.attempts + 1, last_seen_at = now()
"""

_RESOLVE = """
UPDATE sync_rejects SET resolved_at = now()
WHERE integration_id = %s AND stream = %s AND resolved_at IS NULL AND crm_id = ANY (%s)
"""


def record_rejects(
    conn: psycopg.Connection, integration_id: UUID, stream: str, sync_run_id: UUID, rejects: Sequence[Reject]
) -> int:
    """Keep rejects and return how many; one that is open already counts another attempt.

    The payload keeps a NUL character, which jsonb cannot hold, as the six visible characters backslash-u0000.
    """
    if rejects:
        with conn.cursor() as cursor:
            cursor.executemany(
                _RECORD,
                [
                    (integration_id, stream, r.crm_id, Jsonb(storable(r.payload)), storable(r.reason), sync_run_id)
                    for r in rejects
                ],
            )
    return len(rejects)


def resolve_rejects(conn: psycopg.Connection, integration_id: UUID, stream: str, crm_ids: Sequence[str]) -> int:
    """Close the open rejects of records that have landed after all, and return how many there were."""
    return conn.execute(_RESOLVE, (integration_id, stream, list(crm_ids))).rowcount if crm_ids else 0


def storable(value: Any) -> Any:
    """Return a JSON value as jsonb can hold it: NUL characters and lone surrogates become their visible escapes."""
    match value:
        case str():
            return value.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()
        case Mapping():
            return {storable(k): storable(v) for k, v in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case _:
            return value
