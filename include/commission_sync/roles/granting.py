"""Puts the declared roles into a database; the same again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psycopg
from psycopg import sql

from commission_sync.roles.declared import (
    ALL,
    BELONGS,
    BELONGS_BY_INTEGRATION,
    MIGRATE,
    READABLE,
    READABLE_BY_ALL,
    READABLE_VIEWS,
    READONLY,
    ROLES,
    SECRET_COLUMNS,
    SYNC,
    SYNC_EXCEPT,
    SYNC_RULE,
    WEB,
    WEB_EXCEPT,
    WEB_RULE,
)
from commission_sync.store.migrations import VERSION_TABLE
from commission_sync.store.models import Base


class MayNotMakeRoles(Exception):
    """The server's user may not create roles; the text says what to ask for."""


def apply(conn: psycopg.Connection) -> list[str]:
    """Make the roles that are missing, and give every role exactly what is declared; return those that were made.

    Call it in a transaction, so that nobody works with half of it.

    :raises MayNotMakeRoles: when roles are missing and may not be made
    """
    made = _make_roles(conn)
    for statement in _ownership(conn):
        conn.execute(statement)
    columns = _columns(conn)
    for statement in (*_grants(columns), *_policies(), *_later()):
        conn.execute(statement)
    return made


def _make_roles(conn: psycopg.Connection) -> list[str]:
    there = {name for (name,) in conn.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", (list(ROLES),))}
    missing = [name for name in ROLES if name not in there]
    for name in missing:
        try:
            with conn.transaction():
                conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            wanted = "; ".join(f"CREATE ROLE {role} NOLOGIN" for role in missing)
            raise MayNotMakeRoles(
                f"user {conn.info.user!r} may not create roles, so nothing was changed; have this run by one who may, "
                f"then come again: {wanted}; GRANT {MIGRATE} TO {conn.info.user}"
            ) from None
        except psycopg.errors.DuplicateObject:
            continue  # roles are the whole server's: another database made it this moment
    (is_super,) = conn.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() or (False,)
    if not is_super:
        conn.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(MIGRATE)))
    return missing


# What the owner of our tables owns in the schema is ours; what others have put there stays theirs.
_OWNED = """
WITH owner AS (SELECT relowner AS id FROM pg_class WHERE oid = 'public.crm_integrations'::regclass),
found AS (
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
           oid::regclass::text AS name
    FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')
      AND relowner = (SELECT id FROM owner)
      -- A sequence of a column goes with its table.
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
    UNION ALL
    SELECT 'FUNCTION', oid::regprocedure::text FROM pg_proc p
    WHERE pronamespace = 'public'::regnamespace AND proowner = (SELECT id FROM owner)
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'TYPE', oid::regtype::text FROM pg_type
    WHERE typnamespace = 'public'::regnamespace AND typtype = 'e' AND typowner = (SELECT id FROM owner)
)
SELECT format('ALTER %%s %%s OWNER TO %%I', kind, name, %(migrate)s::text) FROM found
WHERE (SELECT id FROM owner) <> %(migrate)s::text::regrole
"""


def _ownership(conn: psycopg.Connection) -> Iterator[sql.Composed | sql.SQL]:
    yield sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    yield sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(sql.Identifier(MIGRATE))
    database = sql.Identifier(conn.info.dbname)
    yield sql.SQL("GRANT CREATE, CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, sql.Identifier(MIGRATE))
    for role, rights in ((SYNC, "CONNECT, TEMPORARY"), (WEB, "CONNECT, TEMPORARY"), (READONLY, "CONNECT")):
        yield sql.SQL("GRANT {} ON DATABASE {} TO {}").format(sql.SQL(rights), database, sql.Identifier(role))
        yield sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(sql.Identifier(role))
    yield from (sql.SQL(statement) for (statement,) in conn.execute(_OWNED, {"migrate": MIGRATE}).fetchall())


_COLUMNS = """
SELECT c.relname, array_agg(a.attname ORDER BY a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
  AND (c.relname = ANY (%s) OR c.relname LIKE 'webhook\\_events\\_%%') GROUP BY c.relname ORDER BY c.relname
"""


def _columns(conn: psycopg.Connection) -> dict[str, list[str]]:
    return dict(conn.execute(_COLUMNS, ([*Base.metadata.tables, VERSION_TABLE],)).fetchall())


def _grants(columns: Mapping[str, list[str]]) -> Iterator[sql.Composed | sql.SQL]:
    for role in (SYNC, WEB, READONLY):
        for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
            yield sql.SQL("REVOKE ALL ON ALL {} IN SCHEMA public FROM {}").format(sql.SQL(kind), sql.Identifier(role))
    for name in columns:
        yield from _grant(SYNC, SYNC_EXCEPT.get(name, SYNC_RULE), name, columns)
        yield from _grant(WEB, WEB_EXCEPT.get(name, WEB_RULE), name, columns)
        yield from _grant(READONLY, READABLE.get(name), name, columns)
    for name in (*READABLE_BY_ALL, *READABLE_VIEWS):
        yield from _grant(READONLY, "SELECT", name, columns)
    for role in (SYNC, WEB):
        yield sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}").format(sql.Identifier(role))
    yield sql.SQL("GRANT EXECUTE ON FUNCTION make_webhook_week(date), drop_webhook_week(date) TO {}").format(
        sql.Identifier(SYNC)
    )
    # A view looks with the eyes of whoever asks, not with its owner's, which no policy binds.
    yield sql.SQL(
        "DO $$ DECLARE v record; BEGIN FOR v IN SELECT c.oid::regclass AS name FROM pg_class c "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v' AND c.relowner = {owner}::regrole LOOP "
        "EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', v.name); "
        "EXECUTE format('GRANT SELECT ON %s TO {sync}, {web}', v.name); END LOOP; END $$"
    ).format(owner=sql.Literal(MIGRATE), sync=sql.SQL(SYNC), web=sql.SQL(WEB))


def _grant(
    role: str, rights: str | None, name: str, columns: Mapping[str, list[str]]
) -> Iterator[sql.Composed | sql.SQL]:
    if rights is None:
        return
    shown = [column for column in columns.get(name, ()) if column not in SECRET_COLUMNS.get(name, ())]
    listed = sql.SQL(", ").join(map(sql.Identifier, shown))
    yield sql.SQL("GRANT {} ON {} TO {}").format(
        sql.SQL(rights).format(columns=listed), sql.Identifier("public", name), sql.Identifier(role)
    )


def _policies() -> Iterator[sql.Composed | sql.SQL]:
    """Yield policies that bind readers alone: for all others the first one is simply true, which costs nothing."""
    for name in READABLE:
        table = sql.Identifier("public", name)
        rule = sql.SQL(BELONGS.get(name, BELONGS_BY_INTEGRATION))
        yield sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(table)
        yield sql.SQL("DROP POLICY IF EXISTS everybody ON {0}").format(table)
        yield sql.SQL("CREATE POLICY everybody ON {} USING (true) WITH CHECK (true)").format(table)
        yield sql.SQL("DROP POLICY IF EXISTS readers_company ON {}").format(table)
        yield sql.SQL("CREATE POLICY readers_company ON {} AS RESTRICTIVE TO {} USING ({})").format(
            table, sql.Identifier(READONLY), rule
        )


def _later() -> Iterator[sql.Composed | sql.SQL]:
    """Yield what holds for tables that later migrations make; readers get nothing by themselves."""
    rights = (
        (SYNC, "TABLES", ALL),
        (WEB, "TABLES", WEB_RULE),
        (SYNC, "SEQUENCES", "USAGE"),
        (WEB, "SEQUENCES", "USAGE"),
    )
    for role, kind, right in rights:
        yield sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT {} ON {} TO {}").format(
            sql.Identifier(MIGRATE), sql.SQL(right), sql.SQL(kind), sql.Identifier(role)
        )


def add_reader(conn: psycopg.Connection, login: str, companies: list[str], *, actor: str) -> None:
    """Let a login that exists read these companies, and no others from now on."""
    conn.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(READONLY), sql.Identifier(login)))
    conn.execute("DELETE FROM data_readers WHERE role_name = %s AND company_id <> ALL (%s)", (login, companies))
    conn.execute(
        "INSERT INTO data_readers (role_name, company_id, granted_by) SELECT %s, c, %s FROM unnest(%s::text[]) c "
        "ON CONFLICT DO NOTHING",
        (login, actor, companies),
    )


def readers(conn: psycopg.Connection) -> list[tuple[str, list[str]]]:
    """Return each login that may read, with its companies."""
    return conn.execute(
        "SELECT role_name, array_agg(company_id ORDER BY company_id) FROM data_readers GROUP BY 1 ORDER BY 1"
    ).fetchall()
