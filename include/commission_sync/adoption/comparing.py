"""What the old table says of a company beside what the new one says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from commission_sync.adoption.companies import Company
from commission_sync.adoption.deals import Keep, OldDeals
from commission_sync.adoption.errors import AdoptionRefused
from commission_sync.adoption.old import DEALS, old_table
from commission_sync.adoption.standing import Adoption

MISSING, EXTRA = "missing", "extra"


@dataclass(frozen=True)
class Difference:
    """One kind of difference of a company: `missing` in the new table, `extra` in it, or a field; with some crm_ids."""

    kind: str
    deals: int
    examples: list[str]


_COMPARE = """
WITH old AS (SELECT * FROM ({classified}) q WHERE reason IS NULL AND company_id = {company}),
new AS (SELECT * FROM deals WHERE integration_id = {integration} AND archived_at IS NULL),
found AS (
    SELECT coalesce(old.crm_id, new.crm_id) AS crm_id, kinds.kind
    FROM old FULL JOIN new USING (crm_id) CROSS JOIN LATERAL unnest(array_remove(ARRAY[
        CASE WHEN new.crm_id IS NULL THEN 'missing' WHEN old.crm_id IS NULL THEN 'extra' END, {fields}], NULL))
        AS kinds (kind)
)
SELECT kind, count(*), (array_agg(crm_id ORDER BY length(crm_id), crm_id))[:{most}] FROM found GROUP BY kind
ORDER BY kind NOT IN ('missing', 'extra'), kind
"""
_FIELD = "CASE WHEN old.crm_id = new.crm_id AND old.{0} IS DISTINCT FROM new.{0} THEN {1} END"


def compare(conn: psycopg.Connection, adoption: Adoption, company: str, *, examples: int = 5) -> list[Difference]:
    """Return how the kept table and the new one differ for a company, field by field where both have the field.

    :raises AdoptionRefused: when no such company was adopted, or the old tables are gone.
    """
    row = conn.execute(
        "SELECT integration_id, old_keys FROM adoption.companies WHERE adoption_id = %s AND company_id = %s",
        (adoption.still_open().id, company),
    ).fetchone()
    table = old_table(conn, adoption.kept_schema, DEALS, adoption.time_zone)
    if row is None or table is None:
        raise AdoptionRefused(f"no company {company!r} was adopted, or its old deals are no longer kept")
    old = OldDeals(table, [_only(company, row[1])], Keep(adoption.keep))
    statement = sql.SQL(_COMPARE).format(
        classified=old.classified(),
        company=sql.Literal(company),
        integration=sql.Literal(row[0]),
        fields=sql.SQL(", ").join(
            sql.SQL(_FIELD).format(sql.Identifier(name), sql.Literal(name)) for name in old.compared
        ),
        most=sql.Literal(examples),
    )
    return [Difference(*found) for found in conn.execute(statement)]


def _only(company: str, old_ids: Sequence[str]) -> Company:
    return Company(company, 0, "", tuple(old_ids), {}, was_active=True, cursor=None, documents={})
