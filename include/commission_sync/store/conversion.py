"""What rows are worth in their company's own currency, worked out by one statement for many rows.

The result is a function of the row, the rates and the company's settings. So the statement may run at any time over any
rows, and writes only those whose result differs from what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from commission_sync.store.anchor_days import WRITTEN, Convertible, anchor_day, read_days
from commission_sync.store.merge import take_turn

ACTOR = "fx"


DEALS = Convertible(table="deals", entity="deal", amount="amount")
# Its deal is not locked: a sync of deals, which holds theirs, waits here for the line items' turn.
LINE_ITEMS = Convertible(
    table="deal_line_items", entity="line_item", amount="total", deal="d", join="JOIN deals d ON d.id = t.deal_id"
)


@dataclass(frozen=True)
class Company:
    """What a company says of its money; `anchor_type` is HubSpot's type of the property that `fx_anchor` names."""

    id: UUID
    company_id: str
    portal_id: int
    base_currency: str
    portal_currency: str | None
    portal_time_zone: str | None
    fx_anchor: str
    anchor_type: str | None


@dataclass(frozen=True)
class Rule:
    """How the rows of one company are converted.

    `pivot` is the currency that all rates of `source` are from or into. `max_days` is how many days old a rate may be;
    None: a rate holds until the next one. `exponent` is None when `base_currency` has none, and then `obstacle` says
    so on every row. `read_day` tells the day that a text of the anchor's property stands for, None for none.
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
    read_day: Callable[[str], date | None]
    obstacle: str | None = None


_COMPANY = """
SELECT i.id, i.company_id, i.portal_id, i.base_currency, i.portal_currency, i.portal_time_zone, i.fx_anchor,
       c.type AS anchor_type
FROM crm_integrations i
LEFT JOIN property_catalog c ON c.integration_id = i.id AND c.object_type = 'deals'
     AND 'property:' || c.name = i.fx_anchor
WHERE i.id = %s
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


# The legs of a cross rate: a unit of {currency} is num/den units of the pivot. Kept as a fraction, because the inverse
# of a published rate has no end. The pivot itself is worth 1 on any day, which the null stands for.
_PUBLISHED_LEGS = """
SELECT NULL::date AS rate_date, 1::numeric AS num, 1::numeric AS den, NULL::bigint AS id, NULL::date AS joined
WHERE {currency} = %(pivot)s
UNION ALL
SELECT r.rate_date, 1, r.rate, r.id, NULL FROM fx_rates_in_force r
WHERE r.source = %(source)s AND r.base = %(pivot)s AND r.quote = {currency} AND r.rate_date BETWEEN p.oldest AND p.day
UNION ALL
SELECT r.rate_date, r.rate, 1, r.id, NULL FROM fx_rates_in_force r
WHERE r.source = %(source)s AND r.base = {currency} AND r.quote = %(pivot)s AND r.rate_date BETWEEN p.oldest AND p.day
"""

# From the day on which a currency became a part of the euro it is worth what the law says, whatever a source publishes.
_LEGS = """
SELECT l.* FROM ({published}) l
WHERE NOT EXISTS (SELECT FROM fx_fixed_rates x WHERE x.currency = {currency} AND x.joined <= p.day)
UNION ALL
SELECT e.rate_date, e.num, e.den * x.rate, e.id, x.joined
FROM fx_fixed_rates x, ({published_euro}) e WHERE x.currency = {currency} AND x.joined <= p.day
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
               coalesce(least(c.rate_date, b.rate_date), greatest(c.joined, b.joined)) AS rate_date,
               array_remove(ARRAY[c.id, b.id], NULL) AS ids,
               CASE WHEN coalesce(c.joined, b.joined) IS NULL THEN %(source)s
                    WHEN coalesce(c.rate_date, b.rate_date) IS NULL THEN 'euro' ELSE %(source)s || '+euro' END AS source
        FROM ({legs_of_row}) c, ({legs_of_base}) b
        WHERE c.rate_date IS NULL OR b.rate_date IS NULL OR c.rate_date = b.rate_date OR %(max_days)s::int IS NULL
        ORDER BY c.rate_date DESC NULLS LAST, b.rate_date DESC NULLS LAST LIMIT 1
    ) best
), entered AS MATERIALIZED (
    SELECT p.currency, p.day, best.*
    FROM pairs p CROSS JOIN LATERAL (
        SELECT CASE WHEN e.base = p.currency THEN e.rate ELSE trim_scale(round(1 / e.rate, 24)) END AS rate,
               e.valid_from AS rate_date, 'entered:' || e.id AS source
        FROM fx_entered_rates e
        WHERE e.integration_id = %(integration_id)s AND e.withdrawn_at IS NULL
          AND (e.base, e.quote) IN ((p.currency, %(base)s), (%(base)s, p.currency))
          AND p.day BETWEEN e.valid_from AND e.valid_to
        ORDER BY e.id DESC LIMIT 1
    ) best
), chosen AS (
    SELECT w.*, basis,
           CASE basis WHEN 'same' THEN 1 WHEN 'found' THEN f.rate WHEN 'entered' THEN e.rate
                      WHEN 'kept' THEN w.fx_rate WHEN 'held' THEN w.fx_rate END AS rate,
           CASE basis WHEN 'same' THEN w.anchor WHEN 'found' THEN f.rate_date WHEN 'entered' THEN e.rate_date
                      ELSE w.fx_rate_date END AS rate_date,
           CASE basis WHEN 'same' THEN 'identity' WHEN 'found' THEN f.source WHEN 'entered' THEN e.source
                      ELSE w.fx_source END AS source,
           CASE basis WHEN 'same' THEN '{{}}' WHEN 'found' THEN f.ids WHEN 'entered' THEN '{{}}'
                      ELSE w.fx_rate_ids END AS ids
    FROM wanted w LEFT JOIN found f ON f.currency = w.currency AND f.day = w.day
    LEFT JOIN entered e ON e.currency = w.currency AND e.day = w.day CROSS JOIN LATERAL (
        SELECT CASE
            WHEN w.amount IS NULL THEN NULL
            -- What a company has set up wrongly, or a list that has changed, takes back nothing that still is right.
            WHEN %(obstacle)s::text IS NOT NULL THEN CASE
                WHEN w.fx_pair = w.pair AND w.amount_base = round(w.amount * w.fx_rate, scale(w.amount_base))
                THEN 'held' END
            WHEN w.currency = %(base)s THEN 'same'
            WHEN f.rate IS NOT NULL THEN 'found'
            WHEN e.rate IS NOT NULL THEN 'entered'
            -- A source without the rate takes nothing back, but a provisional rate must not outlive its time.
            WHEN w.fx_rate IS NOT NULL AND w.fx_pair = w.pair AND w.fx_anchor_date = w.anchor
                 AND w.fx_source NOT LIKE 'entered:%%'
                 AND (%(max_days)s::int IS NULL OR w.fx_rate_date >= w.day - %(max_days)s::int) THEN 'kept'
        END AS basis
    ) b
), result AS (
    SELECT id, crm_id, amount_base, fx_rate, fx_rate_date, fx_source, fx_pair, fx_rate_ids, fx_anchor_date, fx_waiting,
           CASE WHEN basis = 'held' THEN amount_base ELSE round(amount * rate, %(exponent)s::int)
           END AS new_amount_base,
           rate AS new_rate,
           CASE WHEN basis IS NOT NULL THEN rate_date END AS new_rate_date,
           CASE WHEN basis IS NOT NULL THEN source END AS new_source,
           CASE WHEN basis IS NOT NULL THEN pair END AS new_pair,
           CASE WHEN basis IS NOT NULL THEN ids ELSE '{{}}' END AS new_ids,
           CASE WHEN basis = 'held' THEN fx_anchor_date ELSE anchor END AS new_anchor_date,
           CASE
               WHEN amount IS NULL OR basis IS NOT NULL THEN NULL
               WHEN %(obstacle)s::text IS NOT NULL THEN %(obstacle)s
               WHEN currency IS NULL THEN 'it has no currency'
               WHEN anchor IS NULL THEN format('it has no date that can be read (fx_anchor is %%s)', %(anchor)s::text)
               WHEN currency <> ALL (%(currencies)s)
               THEN format('%%s is no currency of ISO 4217, and %%s has no rate for it', currency, %(source)s::text)
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
    if kind in WRITTEN:
        read_days(conn, table, kind, scope=_scope(deals, rows), values=values, read=rule.read_day)
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
        anchor=anchor_day(table, anchor),
        scope=sql.SQL(scope).format(**names),
        legs_of_row=_legs(sql.SQL("p.currency")),
        legs_of_base=_legs(sql.SQL("%(base)s")),
    )


def _legs(currency: sql.SQL) -> sql.Composed:
    published = sql.SQL(_PUBLISHED_LEGS)
    euro = published.format(currency=sql.Literal("EUR"))
    return sql.SQL(_LEGS).format(currency=currency, published=published.format(currency=currency), published_euro=euro)


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
