"""Looks at an old database without writing: what is there, and what an adoption would make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import psycopg
from psycopg import sql

from commission_sync.adoption.companies import LOOKBACK, Companies, Portal, plan_companies
from commission_sync.adoption.deals import NOTED, SET_ASIDE, UNREADABLE, Keep, OldDeals, counted
from commission_sync.adoption.errors import AdoptionRefused
from commission_sync.adoption.old import DEALS, INTEGRATIONS, OldTable, old_table
from commission_sync.store.migrations import VERSION_TABLE
from commission_sync.store.models import Base

PUBLIC = "public"


@dataclass(frozen=True)
class Choices:
    """What a person decides of an adoption."""

    portals: Mapping[str, Portal] = field(default_factory=dict)
    zone: str = "UTC"
    keep: Keep = Keep.NEWEST
    lookback: timedelta = LOOKBACK


@dataclass(frozen=True)
class Fate:
    """What the old deals of one company, or of none, become: counts by reason."""

    company_id: str | None
    rows: int
    adopted: int
    amount: Decimal
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class Survey:
    """An old database: what is there, and what would happen to it.

    :param moved: every table that bears the name of one of ours and is kept aside, adopted or not
    """

    companies: Companies
    deals: OldDeals
    fates: list[Fate]
    moved: list[str]
    naive: list[str]
    integrations: OldTable

    def total(self, reason: str) -> int:
        """Return how many old deals meet a fate."""
        return sum(fate.reasons[reason] for fate in self.fates)


def look(conn: psycopg.Connection, choices: Choices, now: datetime) -> Survey:
    """Survey the database in the caller's transaction; nothing is written, nor any temporary table made.

    :raises AdoptionRefused: when it has not both tables, or has the product's own already.
    """
    if _exists(conn, VERSION_TABLE):
        raise AdoptionRefused(
            "this database has the product's tables already, so there is nothing to adopt; "
            "`make migrate` brings them to the newest version"
        )
    integrations, deals = (old_table(conn, PUBLIC, name, choices.zone) for name in (INTEGRATIONS, DEALS))
    if integrations is None or deals is None:
        raise AdoptionRefused(
            "the tables crm_integrations and deals are not both in the schema public, so there is nothing to adopt; "
            "for an empty database `make migrate` is enough"
        )
    companies = plan_companies(
        old_rows(conn, integrations), choices.portals, zone=choices.zone, lookback=choices.lookback, now=now
    )
    old = OldDeals(deals, companies.adopted, choices.keep)
    return Survey(companies, old, fates(conn, old), _same_names(conn), _naive(integrations, deals), integrations)


def fates(conn: psycopg.Connection, deals: OldDeals) -> list[Fate]:
    """Return what the old deals of each company become."""
    names = [*SET_ASIDE, *UNREADABLE, *NOTED]
    found = conn.execute(counted(deals.classified())).fetchall()
    return [
        Fate(company, rows, adopted, amount, dict(zip(names, counts, strict=True)))
        for company, rows, adopted, amount, *counts in found
    ]


def old_rows(conn: psycopg.Connection, table: OldTable) -> list[dict[str, object]]:
    """Return all rows of a small table as JSON objects, as they were written."""
    statement = sql.SQL("SELECT to_jsonb(o) FROM {} o ORDER BY o.ctid").format(table.relation)
    return [row for (row,) in conn.execute(statement)]


def _exists(conn: psycopg.Connection, name: str) -> bool:
    (found,) = conn.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{PUBLIC}.{name}",)).fetchone() or (False,)
    return bool(found)


def _same_names(conn: psycopg.Connection) -> list[str]:
    found = conn.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relname = ANY (%s) "
        "AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY relname",
        (PUBLIC, sorted(Base.metadata.tables)),
    )
    return [name for (name,) in found]


def _naive(*tables: OldTable) -> list[str]:
    return [
        f"{table.name}.{name}"
        for table in tables
        for name, kind in table.columns.items()
        if kind == "timestamp without time zone"
    ]
