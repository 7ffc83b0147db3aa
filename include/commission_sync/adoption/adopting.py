"""Adopts an old database in one transaction: killed at any instant, it is as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, NullPool, create_engine

from commission_sync.adoption.companies import Company, Rejected
from commission_sync.adoption.deals import TEXTS, UNREADABLE, OldDeals
from commission_sync.adoption.errors import AdoptionRefused
from commission_sync.adoption.kept import fingerprints, move_aside
from commission_sync.adoption.old import DEALS, INTEGRATIONS, OldTable
from commission_sync.adoption.survey import Choices, Survey, look
from commission_sync.store.connection import connect
from commission_sync.store.migrations import upgrade_within
from commission_sync.store.migrations.upgrade import LOCK

STATE = Path(__file__).with_name("state.sql")


@dataclass(frozen=True)
class Adopted:
    """What an adoption did."""

    id: int
    kept_schema: str
    survey: Survey


@contextmanager
def one_transaction(dsn: str) -> Iterator[tuple[psycopg.Connection, Connection]]:
    """Yield one transaction for psycopg and Alembic alike; nobody else migrates or adopts meanwhile."""
    conn = connect(dsn)
    engine = create_engine("postgresql+psycopg://", creator=lambda: conn, poolclass=NullPool)
    with engine.connect() as connection, connection.begin():
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        # A person waits for this one, and large tables take their time.
        conn.execute("SET LOCAL statement_timeout = 0")
        yield conn, connection
    engine.dispose()


def adopt(dsn: str, choices: Choices, *, now: datetime, actor: str) -> Adopted:
    """Keep the old tables aside, make ours, and fill them; all of it or nothing.

    :raises AdoptionRefused: when something has to be decided first, or the figures do not add up.
    """
    with one_transaction(dsn) as (conn, connection):
        survey = look(conn, choices, now)
        if survey.companies.blockers:
            raise AdoptionRefused("nothing was changed: " + "; ".join(survey.companies.blockers))
        conn.execute(STATE.read_text(encoding="utf-8"))
        schema = _free_schema(conn, now)
        move_aside(conn, survey.moved, schema)
        upgrade_within(connection)
        adoption_id = _open(conn, schema, survey, choices, actor)
        for company in survey.companies.adopted:
            _insert_company(conn, adoption_id, company, actor)
        _set_companies_aside(conn, adoption_id, survey.companies.rejected)
        kept = OldTable(schema, DEALS, survey.deals.table.columns, choices.zone)
        _fill_deals(conn, adoption_id, OldDeals(kept, survey.companies.adopted, choices.keep), actor)
        _check_figures(conn, adoption_id, survey)
    return Adopted(adoption_id, schema, survey)


def _free_schema(conn: psycopg.Connection, now: datetime) -> str:
    wanted = f"adopted_{now:%Y%m%d}"
    taken = {name for (name,) in conn.execute("SELECT nspname FROM pg_namespace")}
    return next(name for name in (wanted, *(f"{wanted}_{n}" for n in range(2, 10_000))) if name not in taken)


def _open(conn: psycopg.Connection, schema: str, survey: Survey, choices: Choices, actor: str) -> int:
    row = conn.execute(
        "INSERT INTO adoption.adoptions (kept_schema, time_zone, keep, fingerprints, adopted_by) "
        "VALUES (%s, %s, %s, %s, %s) RETURNING id",
        (schema, choices.zone, choices.keep, Jsonb(fingerprints(conn, schema, survey.moved)), actor),
    ).fetchone()
    assert row is not None
    return int(row[0])


_COMPANY = """
WITH kept AS (
    INSERT INTO crm_integrations (id, company_id, portal_id, conn_id, is_active, base_currency, property_mappings,
                                  calculated_fields, feature_flags)
    VALUES (coalesce(%(id)s, gen_random_uuid()), %(company_id)s, %(portal_id)s, %(conn_id)s, false, %(base_currency)s,
            %(property_mappings)s, %(calculated_fields)s, %(feature_flags)s)
    RETURNING id
), cursor AS (
    INSERT INTO sync_cursors (integration_id, stream, cursor_at) SELECT id, 'deals', %(cursor)s FROM kept
    WHERE %(cursor)s::timestamptz IS NOT NULL
), noted AS (
    INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor)
    SELECT id, 'integration', id::text, 'insert', '{"why": "adopted from an older service"}', %(actor)s FROM kept
)
INSERT INTO adoption.companies (adoption_id, integration_id, company_id, old_keys, was_active, changed_by)
SELECT %(adoption_id)s, id, %(company_id)s, %(old_keys)s, %(was_active)s, %(actor)s FROM kept
"""


def _insert_company(conn: psycopg.Connection, adoption_id: int, company: Company, actor: str) -> None:
    currency = str(company.old.get("base_currency") or "").strip().upper()
    values: dict[str, Any] = {
        "id": _uuid(company.old.get("id")),
        "company_id": company.company_id,
        "portal_id": company.portal_id,
        "conn_id": company.conn_id,
        "base_currency": currency if len(currency) == 3 and currency.isalpha() else "USD",
        "cursor": company.cursor,
        "old_keys": list(company.old_ids),
        "was_active": company.was_active,
        "adoption_id": adoption_id,
        "actor": actor,
    }
    conn.execute(_COMPANY, values | {name: Jsonb(document) for name, document in company.documents.items()})


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def _set_companies_aside(conn: psycopg.Connection, adoption_id: int, rejected: list[Rejected]) -> None:
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO adoption.quarantine (adoption_id, source, company_id, reason, landed, old_row) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            [(adoption_id, INTEGRATIONS, r.company_id, r.reason, r.landed, Jsonb(dict(r.row))) for r in rejected],
        )


# crm_updated_at is 1970 and content_hash is empty until HubSpot has confirmed a row: whatever HubSpot gives is newer
# than what an older service says, whose own times may be of any zone.
_FILL = """
CREATE TEMP TABLE classified ON COMMIT DROP AS SELECT q.*, count(*) OVER (PARTITION BY old_id, reason) AS same_id,
    gen_random_uuid() AS deal_id FROM ({classified}) q;
UPDATE classified SET deal_id = old_id::uuid WHERE reason IS NULL AND same_id = 1 AND old_id ~ {uuid};
INSERT INTO deals (id, integration_id, company_id, crm_id, amount, {names}, is_closed, is_won, closed_at,
                   crm_created_at, crm_updated_at, properties)
SELECT c.deal_id, i.id, c.company_id, c.crm_id, c.amount, {names}, c.is_closed, c.is_won, c.closed_at,
       c.crm_created_at, 'epoch', jsonb_strip_nulls(jsonb_build_object(
           'hs_object_id', c.crm_id, 'amount', c.amount::text, 'closedate',
           to_char(c.closed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), {properties}))
FROM classified c JOIN crm_integrations i USING (company_id) WHERE c.reason IS NULL;
INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor)
SELECT i.id, 'deal', c.crm_id, 'insert', '{{"why": "adopted from an older service"}}', {actor}
FROM classified c JOIN crm_integrations i USING (company_id) WHERE c.reason IS NULL;
INSERT INTO adoption.deals (adoption_id, deal_id, old_id)
SELECT {adoption}, deal_id, old_id FROM classified WHERE reason IS NULL;
INSERT INTO adoption.quarantine (adoption_id, source, company_id, crm_id, reason, landed, old_row)
SELECT {adoption}, 'deals', c.company_id, c.crm_id, w.reason, c.reason IS NULL, to_jsonb(o)
FROM classified c CROSS JOIN LATERAL unnest(array_remove(ARRAY[c.reason, {unreadable}], NULL)) AS w (reason)
JOIN {deals} o ON o.ctid = c.place;
ANALYZE deals
"""
_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def _fill_deals(conn: psycopg.Connection, adoption_id: int, deals: OldDeals, actor: str) -> None:
    comma = sql.SQL(", ")
    statements = sql.SQL(_FILL).format(
        classified=deals.classified(),
        deals=deals.table.relation,
        uuid=sql.Literal(_UUID),
        names=comma.join(map(sql.Identifier, TEXTS)),
        properties=comma.join(
            sql.SQL("{}, {}").format(sql.Literal(prop), sql.Identifier(name)) for name, (prop, _) in TEXTS.items()
        ),
        unreadable=comma.join(
            sql.SQL("CASE WHEN c.reason IS NULL AND c.{} THEN {} END").format(sql.Identifier(flag), sql.Literal(flag))
            for flag in UNREADABLE
        ),
        adoption=sql.Literal(adoption_id),
        actor=sql.Literal(actor),
    )
    conn.execute(statements)


_FIGURES = """
SELECT f.company_id, coalesce(d.rows, 0), coalesce(d.amount, 0), coalesce(q.rows, 0)
FROM unnest(%(companies)s::text[]) AS f (company_id)
LEFT JOIN (SELECT company_id, count(*) AS rows, sum(amount) AS amount FROM deals GROUP BY 1) d
    ON d.company_id = f.company_id
LEFT JOIN (SELECT company_id, count(*) AS rows FROM adoption.quarantine
           WHERE adoption_id = %(adoption)s AND source = 'deals' AND NOT landed GROUP BY 1) q
    ON q.company_id IS NOT DISTINCT FROM f.company_id
"""


def _check_figures(conn: psycopg.Connection, adoption_id: int, survey: Survey) -> None:
    """Hold what landed against what the look before had counted, company by company."""
    values = {"companies": [fate.company_id for fate in survey.fates], "adoption": adoption_id}
    landed = {row[0]: row[1:] for row in conn.execute(_FIGURES, values)}
    for fate in survey.fates:
        rows, amount, aside = landed[fate.company_id]
        expected = (fate.adopted, Decimal(fate.amount), fate.rows - fate.adopted)
        if (rows, amount, aside) != expected:
            raise AdoptionRefused(
                f"nothing was changed: of company {fate.company_id!r}, {rows} rows over {amount} landed and {aside} "
                f"were set aside, where {expected[0]} over {expected[1]} and {expected[2]} had been counted"
            )
