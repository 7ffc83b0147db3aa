"""Entries of the audit log that say why a row was corrected, or what a person did; the merge writes all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import psycopg

from commission_sync.store.table import TableSpec, Writing


@dataclass(frozen=True)
class Correction:
    """What was done to a record: `changes` is `{field: [old, new]}`, and `why` is for whoever asks a year later."""

    crm_id: str
    action: str
    changes: Mapping[str, Any]
    why: str


_RECORD = """
INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor, sync_run_id)
SELECT %(integration_id)s, %(entity)s, c.crm_id, c.action, c.changes::jsonb, %(actor)s, %(sync_run_id)s
FROM unnest(%(ids)s::text[], %(actions)s::text[], %(changes)s::text[]) AS c (crm_id, action, changes)
"""


def record_corrections(
    conn: psycopg.Connection, spec: TableSpec, writing: Writing, corrections: Sequence[Correction]
) -> None:
    """Add an entry for each correction, in the transaction that makes them."""
    if corrections:
        documents = [orjson.dumps({**c.changes, "why": c.why}, default=str).decode() for c in corrections]
        conn.execute(
            _RECORD,
            {
                **writing.parameters(spec),
                "ids": [c.crm_id for c in corrections],
                "actions": [c.action for c in corrections],
                "changes": documents,
            },
        )


_ACTION = """
INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor)
VALUES (%s, %s, %s, %s, %s::jsonb, %s)
"""


def record_action(
    conn: psycopg.Connection,
    integration_id: UUID,
    *,
    entity: str,
    entity_id: str,
    action: str,
    actor: str,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry for what a person did, in the transaction that does it.

    :param entity: what it was done to, such as `stream` or `company`, and `entity_id` which of them
    :param actor: the person's name as Airflow has it
    """
    document = orjson.dumps(changes or {}, default=str).decode()
    conn.execute(_ACTION, (integration_id, entity, entity_id, action, document, actor))
