"""What rows are worth in their company's own currency, worked out by one statement for many rows.

The result is a function of the row, the rates and the company's settings. So the statement may run at any time over any
rows, and writes only those whose result differs from what is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from commission_sync.store.merge import take_turn

ACTOR = "fx"


@dataclass(frozen=True)
class Convertible:
    """A table whose rows carry an amount in a currency.

    `t` is the row and `deal` the alias of the deal that dates and freezes it: `t` itself, or what `join` brings in.
    Besides `amount` and `currency`, the table has amount_base, fx_rate, fx_rate_date, fx_pair, fx_source, fx_rate_ids,
    fx_anchor_date and fx_waiting. `lock` keeps the rows, and their deals from being frozen, until the commit.
    """

    table: str
    entity: str
    amount: str
    deal: str = "t"
    join: str = ""
    lock: str = "FOR NO KEY UPDATE OF t"


DEALS = Convertible(table="deals", entity="deal", amount="amount")
# Its deal is not locked: a sync of deals, which holds theirs, waits here for the line items' turn.
LINE_ITEMS = Convertible(
    table="deal_line_items", entity="line_item", amount="total", deal="d", join="JOIN deals d ON d.id = t.deal_id"
)


@dataclass(frozen=True)
class Company:
    """What a company says of its money."""

    id: UUID
    company_id: str
    portal_id: int
    base_currency: str
    portal_currency: str | None
    portal_time_zone: str | None
    fx_anchor: str
    feature_flags: dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """How the rows of one company are converted.

    `pivot` is the currency that all rates of `source` are from or into. `max_days` is how many days old a rate may be;
    None: a rate holds until the next one. `exponent` is None when `base_currency` has none, and then `obstacle` says
    so on every row.
    """

    source: str
    pivot: str
    max_days: int | None
    base_currency: str
    exponent: int | None
    zone: str
    anchor: str
    today: date
    currencies: Sequence[str]
    obstacle: str | None = None


_COMPANY = """
SELECT id, company_id, portal_id, base_currency, portal_currency, portal_time_zone, fx_anchor, feature_flags
FROM crm_integrations WHERE id = %s
"""


def read_company(conn: psycopg.Connection, integration_id: UUID) -> Company:
    """Return what a company's row says now: a first sync fills in the portal's time zone while it runs.

    :raises LookupError: when the row is gone.
    """
    with conn.cursor(row_factory=class_row(Company)) as cursor:
        found = cursor.execute(_COMPANY, (integration_id,)).fetchone()
    if found is None:
        raise LookupError(f"integration {integration_id} is gone from crm_integrations")
    return found


# A day is the portal's, not UTC's: a deal closed in Tokyo at 08:00 belongs to that morning.
_CLOSED = "({deal}.closed_at AT TIME ZONE %(zone)s)::date"
_CREATED = "({deal}.crm_created_at AT TIME ZONE %(zone)s)::date"
_ANCHORS = {
    "close_date": f"coalesce({_CLOSED}, {_CREATED})",
    "create_date": _CREATED,
    # An empty property falls back to the close date; an unreadable one is for a person to correct.
    "property": "CASE WHEN coalesce({deal}.properties ->> %(field)s, '') = '' "
    f"THEN coalesce({_CLOSED}, {_CREATED}) ELSE fx_date({{deal}}.properties ->> %(field)s, %(zone)s) END",
    "mapped": "CASE WHEN coalesce({deal}.mapped ->> %(field)s, '') = '' "
    f"THEN coalesce({_CLOSED}, {_CREATED}) ELSE fx_date({{deal}}.mapped ->> %(field)s, %(zone)s) END",
}

# The legs of a cross rate: a unit of {currency} is num/den units of the pivot. Kept as a fraction, because the inverse
# of a published rate has no end. The pivot itself is worth 1 on any day, which the null stands for.
_LEGS = """
SELECT NULL::date AS rate_date, 1::numeric AS num, 1::numeric AS den, NULL::bigint AS id
WHERE {currency} = %(pivot)s
UNION ALL
SELECT r.rate_date, 1, r.rate, r.id FROM fx_rates_in_force r
WHERE r.source = %(source)s AND r.base = %(pivot)s AND r.quote = {currency} AND r.rate_date BETWEEN p.oldest AND p.day
UNION ALL
SELECT r.rate_date, r.rate, 1, r.id FROM fx_rates_in_force r
WHERE r.source = %(source)s AND r.base = {currency} AND r.quote = %(pivot)s AND r.rate_date BETWEEN p.oldest AND p.day
"""

# 24 decimals: the smallest unit of the weakest currency in the strongest still has 17 digits that count. Money is
# rounded half away from zero, as EU Regulation 1103/97 (article 5) has it and as PostgreSQL's round does.
_CONVERT = """
WITH wanted AS MATERIALIZED (
    SELECT t.id, t.crm_id, t.{amount} AS amount, t.currency, t.amount_base, t.fx_rate, t.fx_rate_date, t.fx_source,
           t.fx_pair, t.fx_rate_ids, t.fx_anchor_date, t.fx_waiting,
           t.currency || '/' || %(base)s AS pair, dated.anchor, least(dated.anchor, %(today)s) AS day
    FROM {table} t {join} CROSS JOIN LATERAL (SELECT {anchor} AS anchor) dated
    WHERE t.integration_id = %(integration_id)s AND ({deal}.fx_frozen_at IS NULL OR t.amount_base IS NULL) {scope}
), pairs AS MATERIALIZED (
    SELECT DISTINCT currency, day, coalesce(day - %(max_days)s::int, '-infinity') AS oldest
    FROM wanted WHERE amount IS NOT NULL AND currency <> %(base)s AND day IS NOT NULL
), found AS MATERIALIZED (
    SELECT p.currency, p.day, best.*
    FROM pairs p CROSS JOIN LATERAL (
        SELECT trim_scale(round(round(c.num * b.den, 24) / (c.den * b.num), 24)) AS rate,
               least(c.rate_date, b.rate_date) AS rate_date, array_remove(ARRAY[c.id, b.id], NULL) AS ids
        FROM ({legs_of_row}) c, ({legs_of_base}) b
        WHERE c.rate_date IS NULL OR b.rate_date IS NULL OR c.rate_date = b.rate_date OR %(max_days)s::int IS NULL
        ORDER BY c.rate_date DESC NULLS LAST, b.rate_date DESC NULLS LAST LIMIT 1
    ) best
), chosen AS (
    SELECT w.*, basis,
           CASE basis WHEN 'same' THEN 1 WHEN 'found' THEN f.rate WHEN 'kept' THEN w.fx_rate END AS rate,
           CASE basis WHEN 'same' THEN w.anchor WHEN 'found' THEN f.rate_date ELSE w.fx_rate_date END AS rate_date,
           CASE basis WHEN 'same' THEN 'identity' WHEN 'found' THEN %(source)s ELSE w.fx_source END AS source,
           CASE basis WHEN 'same' THEN '{{}}' WHEN 'found' THEN f.ids ELSE w.fx_rate_ids END AS ids
    FROM wanted w LEFT JOIN found f ON f.currency = w.currency AND f.day = w.day CROSS JOIN LATERAL (
        SELECT CASE
            WHEN w.amount IS NULL OR %(obstacle)s::text IS NOT NULL THEN NULL
            WHEN w.currency = %(base)s THEN 'same'
            WHEN f.rate IS NOT NULL THEN 'found'
            -- A source without the rate takes nothing back, but a provisional rate must not outlive its time.
            WHEN w.fx_rate IS NOT NULL AND w.fx_pair = w.pair AND w.fx_anchor_date = w.anchor
                 AND (%(max_days)s::int IS NULL OR w.fx_rate_date >= w.day - %(max_days)s::int) THEN 'kept'
        END AS basis
    ) b
), result AS (
    SELECT id, crm_id, amount_base, fx_rate, fx_rate_date, fx_source, fx_pair, fx_rate_ids, fx_anchor_date, fx_waiting,
           round(amount * rate, %(exponent)s::int) AS new_amount_base, rate AS new_rate,
           CASE WHEN basis IS NOT NULL THEN rate_date END AS new_rate_date,
           CASE WHEN basis IS NOT NULL THEN source END AS new_source,
           CASE WHEN basis IS NOT NULL THEN pair END AS new_pair,
           CASE WHEN basis IS NOT NULL THEN ids ELSE '{{}}' END AS new_ids, anchor AS new_anchor_date,
           CASE
               WHEN amount IS NULL OR basis IS NOT NULL THEN NULL
               WHEN %(obstacle)s::text IS NOT NULL THEN %(obstacle)s
               WHEN currency IS NULL THEN 'it has no currency'
               WHEN anchor IS NULL THEN format('it has no date that can be read (fx_anchor is %%s)', %(anchor)s::text)
               WHEN currency <> ALL (%(currencies)s)
               THEN format('%%s is no current currency of ISO 4217, and %%s has no rate for it', currency,
                           %(source)s::text)
               ELSE format('%%s has no rate for %%s on %%s%%s', %(source)s::text, pair, anchor, %(or_before)s::text)
           END AS new_waiting
    FROM chosen
), changed AS MATERIALIZED (
    SELECT r.*
    FROM result r JOIN {table} t ON t.id = r.id {join}
    WHERE (r.amount_base, r.fx_rate, r.fx_rate_date, r.fx_source, r.fx_pair, r.fx_rate_ids, r.fx_anchor_date,
           r.fx_waiting)
          IS DISTINCT FROM (new_amount_base, new_rate, new_rate_date, new_source, new_pair, new_ids, new_anchor_date,
                            new_waiting)
      AND ({deal}.fx_frozen_at IS NULL OR t.amount_base IS NULL)
    ORDER BY {deal}.crm_id, r.crm_id
    {lock}
), written AS (
    UPDATE {table} t
    SET amount_base = new_amount_base, fx_rate = new_rate, fx_rate_date = new_rate_date, fx_source = new_source,
        fx_pair = new_pair, fx_rate_ids = new_ids, fx_anchor_date = new_anchor_date, fx_waiting = new_waiting
    FROM changed c WHERE t.id = c.id
    RETURNING c.*
)
INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor, sync_run_id)
SELECT %(integration_id)s, %(entity)s, crm_id, 'update', difference.changes, %(actor)s, %(sync_run_id)s
FROM written, LATERAL (
    SELECT jsonb_object_agg(field, jsonb_build_array(old, new)) AS changes
    FROM (VALUES ('amount_base', amount_base::text, new_amount_base::text),
                 ('fx_rate', fx_rate::text, new_rate::text),
                 ('fx_rate_date', fx_rate_date::text, new_rate_date::text),
                 ('fx_source', fx_source, new_source),
                 ('fx_waiting', fx_waiting, new_waiting)) v (field, old, new)
    WHERE old IS DISTINCT FROM new
) difference
WHERE difference.changes IS NOT NULL
"""

# A merge in the same transaction may have turned them off for its own few rows.
_PLAN_FREELY = "SELECT set_config(plan, 'on', true) FROM unnest(ARRAY['enable_hashjoin', 'enable_mergejoin']) plan"


def convert(
    conn: psycopg.Connection,
    table: Convertible,
    company: Company,
    rule: Rule,
    *,
    deals: Sequence[str] | None = None,
    rows: Sequence[str] | None = None,
    sync_run_id: UUID | None = None,
) -> int:
    """Convert a company's rows inside the caller's transaction, and return how many results changed.

    :param deals: only rows of the deals with these CRM ids
    :param rows: only rows with these CRM ids of their own
    """
    kind, _, field = rule.anchor.partition(":")
    values = {
        "integration_id": company.id,
        "entity": table.entity,
        "actor": ACTOR,
        "sync_run_id": sync_run_id,
        "deals": None if deals is None else list(deals),
        "rows": None if rows is None else list(rows),
        "field": field,
        "base": rule.base_currency,
        "or_before": "" if rule.max_days is None else f" or within {rule.max_days} days before",
        "source": rule.source,
        "pivot": rule.pivot,
        "max_days": rule.max_days,
        "exponent": rule.exponent,
        "zone": rule.zone,
        "anchor": rule.anchor,
        "today": rule.today,
        "currencies": list(rule.currencies),
        "obstacle": rule.obstacle,
    }
    take_turn(conn, company.id, table.table)
    conn.execute(_PLAN_FREELY)
    return conn.execute(_statement(table, kind, _scope(deals, rows)), values).rowcount


def _scope(deals: Sequence[str] | None, rows: Sequence[str] | None) -> LiteralString:
    of_deals: LiteralString = "" if deals is None else " AND {deal}.crm_id = ANY(%(deals)s)"
    return of_deals if rows is None else of_deals + " AND t.crm_id = ANY(%(rows)s)"


def _statement(table: Convertible, anchor: str, scope: LiteralString) -> sql.Composed:
    names = {"deal": sql.Identifier(table.deal)}
    return sql.SQL(_CONVERT).format(
        **names,
        table=sql.Identifier(table.table),
        amount=sql.Identifier(table.amount),
        join=sql.SQL(table.join),
        lock=sql.SQL(table.lock),
        anchor=sql.SQL(_ANCHORS[anchor]).format(**names),
        scope=sql.SQL(scope).format(**names),
        legs_of_row=sql.SQL(_LEGS).format(currency=sql.SQL("p.currency")),
        legs_of_base=sql.SQL(_LEGS).format(currency=sql.SQL("%(base)s")),
    )


@dataclass(frozen=True)
class Standing:
    """How a company's deals stand: how many wait for a rate, and how many drift from HubSpot's own."""

    waiting: int
    drifting: int


_STANDING = """
SELECT (SELECT count(*) FROM deals_waiting_for_rate WHERE integration_id = %(id)s),
       (SELECT count(*) FROM deals_fx_drift WHERE integration_id = %(id)s)
"""


def standing(conn: psycopg.Connection, integration_id: UUID) -> Standing:
    """Count what a person should look at."""
    waiting, drifting = conn.execute(_STANDING, {"id": integration_id}).fetchone() or (0, 0)
    return Standing(waiting, drifting)
