"""The old tables, kept aside in a schema of their own exactly as they were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg import sql

from commission_sync.adoption.survey import PUBLIC

# Types of the older service that bear a name of ours; a table's columns go with theirs wherever they are.
TYPES = ("sync_status",)

# The order of rows does not count, and no more than one row is held in memory.
_FINGERPRINT = "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {} t"

_WHO_READS = """
SELECT DISTINCT grantee FROM information_schema.role_table_grants
WHERE table_schema = %s AND table_name = ANY (%s) AND grantee <> 'PUBLIC' ORDER BY grantee
"""


def move_aside(conn: psycopg.Connection, names: Sequence[str], schema: str) -> None:
    """Move the tables, and types that would be in the way, into a new schema; whoever may use them still may."""
    users = [name for (name,) in conn.execute(_WHO_READS, (PUBLIC, list(names)))]
    conn.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    _move(conn, PUBLIC, schema, names)
    for user in users:
        conn.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), sql.Identifier(user)))


def move_back(conn: psycopg.Connection, names: Iterable[str], schema: str) -> None:
    """Move everything back to where it was, and drop the schema."""
    _move(conn, schema, PUBLIC, names)
    conn.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(schema)))


def drop(conn: psycopg.Connection, names: Iterable[str], schema: str) -> None:
    """Drop the kept tables; what others have built on them makes this fail, and stays."""
    tables = sql.SQL(", ").join(sql.Identifier(schema, name) for name in names)
    conn.execute(sql.SQL("DROP TABLE {}").format(tables))
    for name in _types(conn, schema):
        conn.execute(sql.SQL("DROP TYPE {}").format(sql.Identifier(schema, name)))
    conn.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(schema)))


def fingerprints(conn: psycopg.Connection, schema: str, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return of each table how many rows it has and a hash over all they hold."""
    found = {}
    for name in names:
        statement = sql.SQL(_FINGERPRINT).format(sql.Identifier(schema, name))
        rows, fingerprint = conn.execute(statement).fetchone() or (0, "0")
        found[name] = {"rows": rows, "hash": fingerprint}
    return found


def _move(conn: psycopg.Connection, source: str, target: str, names: Iterable[str]) -> None:
    for name in names:
        conn.execute(
            sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(sql.Identifier(source, name), sql.Identifier(target))
        )
    for name in _types(conn, source):
        conn.execute(
            sql.SQL("ALTER TYPE {} SET SCHEMA {}").format(sql.Identifier(source, name), sql.Identifier(target))
        )


def _types(conn: psycopg.Connection, schema: str) -> list[str]:
    found = conn.execute(
        "SELECT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
        "WHERE n.nspname = %s AND t.typname = ANY (%s)",
        (schema, list(TYPES)),
    )
    return [name for (name,) in found]
