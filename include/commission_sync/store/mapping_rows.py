"""Stored deals whose mapped and calculated fields are computed anew."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row

# What can be an identifier as it stands; PostgreSQL cuts longer ones.
_PLAIN_NAME = re.compile(r"[a-z0-9_]{1,63}", re.ASCII)

# With fresh tables the planner knows neither how few rows are staged nor that an index has the order that is wanted.
_PLAN_BY_INDEX = """
SELECT set_config(plan, 'off', true)
FROM unnest(ARRAY['enable_hashjoin', 'enable_mergejoin', 'enable_bitmapscan', 'enable_seqscan']) plan
"""


@dataclass(frozen=True)
class StoredDeal:
    """A deal with the properties that were asked for; one that was never stored is not among them."""

    crm_id: str
    crm_updated_at: datetime
    mapped: dict[str, Any]
    calculated: dict[str, Any]
    properties: dict[str, str | None]


# jsonb_to_record takes the few properties out of a document in one pass: a third of the time of sending all of it.
_READ = """
SELECT d.crm_id, d.crm_updated_at, d.mapped, d.calculated,
       CASE WHEN NOT d.properties ?& %(names)s
            THEN ARRAY(SELECT name FROM unnest(%(names)s) name WHERE NOT d.properties ? name) END, {values}
FROM deals d, jsonb_to_record(d.properties) AS p ({columns})
WHERE d.integration_id = %(integration_id)s AND d.crm_id > %(after)s
ORDER BY d.crm_id LIMIT %(limit)s
"""


def stored_deals(
    conn: psycopg.Connection, integration_id: UUID, names: Collection[str], *, after: str, limit: int
) -> Iterator[StoredDeal]:
    """Yield the deals behind an id, in order of id, with the named properties."""
    plain = [name for name in names if _PLAIN_NAME.fullmatch(name)]
    others = [name for name in names if not _PLAIN_NAME.fullmatch(name)]
    ordered = [*plain, *others]
    comma = sql.SQL(", ")
    statement = sql.SQL(_READ).format(
        values=comma.join(
            [
                *(sql.SQL("p.{}").format(sql.Identifier(name)) for name in plain),
                *(sql.SQL("d.properties->>{}").format(sql.Placeholder(f"other_{n}")) for n in range(len(others))),
                sql.SQL("NULL"),
            ]
        ),
        columns=comma.join(sql.SQL("{} text").format(sql.Identifier(name)) for name in plain or ["no_name"]),
    )
    values = {"integration_id": integration_id, "names": ordered, "after": after, "limit": limit}
    values |= {f"other_{n}": name for n, name in enumerate(others)}
    conn.execute(_PLAN_BY_INDEX)
    with conn.cursor(binary=True) as cursor:
        for crm_id, version, mapped, calculated, absent, *found in cursor.execute(statement, values):
            properties = dict(zip(ordered, found, strict=False))
            for name in absent or ():
                del properties[name]
            yield StoredDeal(crm_id, version, mapped, calculated, properties)


@dataclass(frozen=True)
class NewestDeal:
    """A live deal with the properties that were asked for."""

    crm_id: str
    name: str | None
    mapped: dict[str, Any]
    calculated: dict[str, Any]
    properties: dict[str, str | None]


_NEWEST = """
SELECT crm_id, name, mapped, calculated,
       (SELECT coalesce(jsonb_object_agg(p.key, p.value), '{}') FROM jsonb_each(properties) p
        WHERE p.key = ANY (%(names)s)) AS properties
FROM deals
WHERE integration_id = %(integration_id)s AND archived_at IS NULL AND merged_into_crm_id IS NULL
ORDER BY crm_id DESC LIMIT %(limit)s
"""


def newest_deals(
    conn: psycopg.Connection, integration_id: UUID, names: Collection[str], *, limit: int
) -> list[NewestDeal]:
    """Return the live deals with the highest ids, with those of the named properties that are stored."""
    values = {"integration_id": integration_id, "names": list(names), "limit": limit}
    with conn.cursor(row_factory=class_row(NewestDeal)) as cursor:
        return cursor.execute(_NEWEST, values).fetchall()


_STAGE = """
CREATE TEMP TABLE IF NOT EXISTS stage_derived (crm_id text, mapped jsonb, calculated jsonb, changes jsonb)
ON COMMIT DELETE ROWS
"""

_UPDATE = """
WITH written AS (
    UPDATE deals AS d SET mapped = s.mapped, calculated = s.calculated, synced_at = now()
    FROM stage_derived s
    WHERE d.integration_id = %(integration_id)s AND d.crm_id = s.crm_id
    RETURNING d.crm_id, s.changes
)
INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor)
SELECT %(integration_id)s, 'deal', crm_id, 'recompute', changes, %(actor)s FROM written
"""


def replace_derived(
    conn: psycopg.Connection, integration_id: UUID, rows: Sequence[tuple[str, str, str, str]], *, actor: str
) -> None:
    """Write deals' mapped and calculated documents, each with an audit row of its changes.

    :param rows: id, mapped, calculated and changes (`{field: [old, new]}`), the last three as JSON text
    """
    if not rows:
        return
    conn.execute(_STAGE)
    with conn.cursor() as cursor, cursor.copy("COPY stage_derived FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    conn.execute(_UPDATE, {"integration_id": integration_id, "actor": actor})
