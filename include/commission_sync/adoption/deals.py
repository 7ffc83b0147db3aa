"""What becomes of each old deal: one statement, which the dry run counts and the adoption carries out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from psycopg import sql

from commission_sync.adoption.companies import Company
from commission_sync.adoption.old import OldTable


class Keep(StrEnum):
    """Which of several old rows of one deal becomes the row."""

    NEWEST = "newest"
    OLDEST = "oldest"


# Why an old row becomes no row, and what is done with it.
SET_ASIDE = {
    "unknown_company": "names no company of crm_integrations that is adopted",
    "no_crm_id": "has no crm_id, so nothing in HubSpot can be told to be it",
    "bad_crm_id": "has a crm_id that is no HubSpot id",
    "duplicate": "is another row of a deal that has a row already",
}
# What of a row could not be read; the row lands without it, and HubSpot's value comes with the reconciliation.
UNREADABLE = {
    "unreadable_amount": "has an amount that is no number",
    "unreadable_time": "has a time that is none",
}
# What is only told.
NOTED = {
    "excess_digits": "has an amount with more than two decimals; every digit is kept until HubSpot's value replaces it",
}

_CREATED = ("crm_created_at", "create_date", "createdate")
_CLOSED = ("closed_at", "close_date", "closedate")
# What tells the newer of two rows, the best first.
_VERSIONS = (
    "crm_updated_at",
    "last_modified",
    "hs_lastmodifieddate",
    "updated_at",
    "synced_at",
    "last_sync",
    "created_at",
)

# The column of ours, its HubSpot property, and how the old column is read: what a comparison can compare, too.
TEXTS = {
    "name": ("dealname", ("name", "deal_name", "dealname")),
    "currency": ("deal_currency_code", ("currency", "currency_code", "deal_currency_code")),
    "pipeline": ("pipeline", ("pipeline",)),
    "stage": ("dealstage", ("stage", "deal_stage", "dealstage")),
    "owner_crm_id": ("hubspot_owner_id", ("owner_crm_id", "owner_id", "hubspot_owner_id")),
}
AMOUNT = ("amount", "deal_amount")

_CLASSIFIED = """
SELECT r.*, c.company_id, CASE
        WHEN c.company_id IS NULL THEN 'unknown_company'
        WHEN r.crm_id IS NULL THEN 'no_crm_id'
        WHEN r.crm_id !~ '^[1-9]\\d{{0,17}}$' THEN 'bad_crm_id'
        WHEN row_number() OVER (PARTITION BY c.company_id, r.crm_id ORDER BY {order}) > 1 THEN 'duplicate'
    END AS reason
FROM (SELECT o.ctid AS place, {old_id} AS old_id, {native_id} AS native_id, {old_key} AS old_key,
             regexp_replace({crm_id}, '\\.0+$', '') AS crm_id, {amount} AS amount, {texts}, {is_closed} AS is_closed,
             {is_won} AS is_won, {closed_at} AS closed_at, {created} AS crm_created_at, {version} AS version,
             {lost_amount} AS unreadable_amount, {lost_time} AS unreadable_time
      FROM {deals} o) r
LEFT JOIN unnest({keys}::text[], {companies}::text[]) AS c (old_key, company_id) ON c.old_key = r.old_key
"""


@dataclass(frozen=True)
class OldDeals:
    """The old deals, and the companies that they may belong to."""

    table: OldTable
    companies: Sequence[Company]
    keep: Keep = Keep.NEWEST

    @property
    def names_integrations(self) -> bool:
        """Whether the deals name a row of crm_integrations; otherwise they name a company."""
        return self.table.first("integration_id", "crm_integration_id") is not None

    @property
    def compared(self) -> list[str]:
        """The columns of ours that the old table has as well."""
        texts = [name for name, (_, old) in TEXTS.items() if self.table.first(*old)]
        return texts + [n for n, old in (("amount", AMOUNT), ("closed_at", _CLOSED)) if self.table.first(*old)]

    def classified(self) -> sql.Composed:
        """Return the query of every old row with what was read of it and the reason for which it becomes no row."""
        table, keys = self.table, self._keys()
        texts = [sql.SQL("{} AS {}").format(table.text(*old), sql.Identifier(n)) for n, (_, old) in TEXTS.items()]
        return sql.SQL(_CLASSIFIED).format(
            deals=table.relation,
            old_id=table.text("id"),
            native_id=sql.Identifier("o", "id") if "id" in table.columns else sql.SQL("NULL::text"),
            old_key=table.text("integration_id", "crm_integration_id", "company_id"),
            crm_id=table.text("crm_id", "hubspot_id"),
            amount=table.number(*AMOUNT),
            texts=sql.SQL(", ").join(texts),
            is_closed=table.truth("is_closed"),
            is_won=table.truth("is_won"),
            closed_at=table.time(*_CLOSED),
            created=table.time(*_CREATED),
            version=table.time(*_VERSIONS),
            lost_amount=self._lost(AMOUNT, table.number(*AMOUNT)),
            lost_time=sql.SQL("({} OR {})").format(
                self._lost(_CLOSED, table.time(*_CLOSED)), self._lost(_CREATED, table.time(*_CREATED))
            ),
            order=self._order(),
            keys=sql.Literal([key for key, _ in keys]),
            companies=sql.Literal([company for _, company in keys]),
        )

    def _keys(self) -> list[tuple[str, str]]:
        return [(key, one.company_id) for one in self.companies for key in one.keys(self.names_integrations)]

    def _lost(self, names: tuple[str, ...], reading: sql.Composable) -> sql.Composable:
        name = self.table.first(*names)
        return sql.SQL("false") if name is None else self.table.is_lost(name, reading)

    def _order(self) -> sql.Composable:
        way = "DESC" if self.keep is Keep.NEWEST else "ASC"
        # Rows without a time come last either way; of equally old ones the later written counts as the newer.
        return sql.SQL(f"r.version {way} NULLS LAST, r.native_id {way}, r.place {way}")


def counted(classified: sql.Composable) -> sql.Composed:
    """Return the query of how many rows of each company, and of none, meet each fate."""
    counts: list[Any] = [
        sql.SQL("count(*) FILTER (WHERE reason = {})").format(sql.Literal(reason)) for reason in SET_ASIDE
    ]
    counts += [
        sql.SQL("count(*) FILTER (WHERE reason IS NULL AND {})").format(sql.Identifier(flag)) for flag in UNREADABLE
    ]
    counts.append(sql.SQL("count(*) FILTER (WHERE reason IS NULL AND scale(trim_scale(amount)) > 2)"))
    return sql.SQL(
        "SELECT company_id, count(*), count(*) FILTER (WHERE reason IS NULL), "
        "coalesce(sum(amount) FILTER (WHERE reason IS NULL), 0), {} FROM ({}) q GROUP BY company_id ORDER BY company_id"
    ).format(sql.SQL(", ").join(counts), classified)
