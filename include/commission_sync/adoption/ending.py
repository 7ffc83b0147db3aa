"""The two ends of an adoption: the old tables come back as they were, or a person lets them go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from commission_sync.adoption.adopting import one_transaction
from commission_sync.adoption.errors import AdoptionRefused
from commission_sync.adoption.kept import drop, fingerprints, move_back
from commission_sync.adoption.stages import Stage
from commission_sync.adoption.standing import progress, standing
from commission_sync.store.migrations import downgrade_within
from commission_sync.store.models import Base


@dataclass(frozen=True)
class Undone:
    """What was given back: `changed` names old tables that somebody wrote to after the adoption."""

    tables: list[str]
    changed: list[str]
    copies: str


def undo(dsn: str, *, now: datetime, actor: str) -> Undone:
    """Put the old tables back where they were; what ours hold by then is copied into a schema first.

    :raises AdoptionRefused: when no adoption stands, or the old tables are gone.
    """
    with one_transaction(dsn) as (conn, connection):
        adoption = standing(conn).still_open()
        names = list(adoption.fingerprints)
        is_now = fingerprints(conn, adoption.kept_schema, names)
        copies = f"undone_{now:%Y%m%d_%H%M%S}"
        _copy(conn, copies)
        downgrade_within(connection)
        move_back(conn, names, adoption.kept_schema)
        conn.execute(
            "UPDATE adoption.adoptions SET undone_at = now(), undone_by = %s, undone_schema = %s WHERE id = %s",
            (actor, copies, adoption.id),
        )
    return Undone(names, [name for name in names if is_now[name] != adoption.fingerprints[name]], copies)


# Values of our own types become text, as the types go.
_COLUMNS = """
SELECT string_agg(CASE WHEN t.typnamespace = 'public'::regnamespace THEN format('%%1$I::text AS %%1$I', a.attname)
                  ELSE quote_ident(a.attname) END, ', ' ORDER BY a.attnum)
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""


def _copy(conn: psycopg.Connection, schema: str) -> None:
    """Copy what our tables hold: the audit log and what was written to HubSpot cannot be had again."""
    conn.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    for name in sorted(Base.metadata.tables):
        (columns,) = conn.execute(_COLUMNS, (f"public.{name}",)).fetchone() or ("",)
        statement = sql.SQL("CREATE TABLE {} AS SELECT {} FROM {}")
        conn.execute(statement.format(sql.Identifier(schema, name), sql.SQL(columns), sql.Identifier("public", name)))


def finalise(dsn: str, *, actor: str) -> str:
    """Drop the old tables for good and return the schema's name; what was set aside stays in `adoption.quarantine`.

    :raises AdoptionRefused: while a company is not live, or has deals that HubSpot was not asked for.
    """
    with one_transaction(dsn) as (conn, _):
        adoption = standing(conn).still_open()
        behind = [c.company_id for c in progress(conn, adoption) if c.stage != Stage.LIVE or c.unconfirmed]
        if behind:
            raise AdoptionRefused(
                f"nothing was changed: {', '.join(behind)} are not live yet, or have deals that no run has read from "
                "HubSpot; `status` tells which, and hubspot_reconcile with mode full reads them"
            )
        drop(conn, list(adoption.fingerprints), adoption.kept_schema)
        conn.execute(
            "UPDATE adoption.adoptions SET finalised_at = now(), finalised_by = %s WHERE id = %s", (actor, adoption.id)
        )
    return adoption.kept_schema
