"""A company's deals and rates straight in the database, and the questions tests of conversion ask of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

from commission_sync.fx.amounts import TABLES, rule_for
from commission_sync.settings import Settings
from commission_sync.store.anchor_days import Convertible
from commission_sync.store.conversion import convert, read_company
from commission_sync.store.rates import Rate, RateCounts, save_rates

# The day on which the tests of conversion take place, unless they say otherwise.
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@dataclass
class Books:
    """One company and what is stored of it."""

    dsn: str
    integration_id: UUID
    company: str = "acme"
    settings: Settings = field(default_factory=Settings)

    @classmethod
    def of(cls, dsn: str, company: str = "acme", portal_id: int = 1001, **columns: Any) -> Books:
        values = {"company_id": company, "portal_id": portal_id, "conn_id": f"hubspot_{company}", **columns}
        names, marks = ", ".join(values), ", ".join("%s" for _ in values)
        with psycopg.connect(dsn) as conn:
            statement = f"INSERT INTO crm_integrations ({names}) VALUES ({marks}) RETURNING id"
            return cls(dsn, conn.execute(statement, list(values.values())).fetchone()[0], company)

    def add_deal(self, crm_id: str, **columns: Any) -> None:
        values = {
            "integration_id": self.integration_id,
            "company_id": self.company,
            "crm_id": crm_id,
            "crm_created_at": datetime(2026, 1, 2, tzinfo=UTC),
            "crm_updated_at": datetime(2026, 1, 2, tzinfo=UTC),
            **{name: Jsonb(value) if isinstance(value, Mapping) else value for name, value in columns.items()},
        }
        names, marks = ", ".join(values), ", ".join("%s" for _ in values)
        self.execute(f"INSERT INTO deals ({names}) VALUES ({marks})", *values.values())

    def add_property(self, name: str, hubspot_type: str) -> None:
        self.execute(
            "INSERT INTO property_catalog (integration_id, object_type, name, label, type, field_type, group_name, "
            "calculated, read_only) VALUES (%s, 'deals', %s, %s, %s, 'date', 'dealinformation', false, false)",
            self.integration_id, name, name, hubspot_type,
        )  # fmt: skip

    def add_rates(self, day: date, rates: Mapping[str, str], *, source: str = "ecb", base: str = "EUR") -> RateCounts:
        with closing(psycopg.connect(self.dsn)) as conn, conn.transaction():
            return save_rates(conn, source, [Rate(base, quote, day, Decimal(rate)) for quote, rate in rates.items()])

    def convert(
        self, deals: list[str] | None = None, *, now: datetime = NOW, tables: tuple[Convertible, ...] = TABLES
    ) -> int:
        with closing(psycopg.connect(self.dsn)) as conn, conn.transaction():
            company = read_company(conn, self.integration_id)
            rule = rule_for(company, self.settings, now=now)
            return sum(convert(conn, table, company, rule, deals=deals) for table in tables)

    def deal(self, crm_id: str) -> Any:
        with psycopg.connect(self.dsn, row_factory=namedtuple_row) as conn:
            return conn.execute(
                "SELECT * FROM deals WHERE integration_id = %s AND crm_id = %s", (self.integration_id, crm_id)
            ).fetchone()

    def waiting(self) -> dict[str, str]:
        return dict(self.query("SELECT crm_id, reason FROM deals_waiting_for_rate"))

    def audit(self) -> list[tuple[Any, ...]]:
        return self.query("SELECT entity_id, action, changes FROM audit_log WHERE actor = 'fx' ORDER BY id")

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(statement, parameters).fetchall()

    def execute(self, statement: str, *parameters: Any) -> None:
        with psycopg.connect(self.dsn) as conn:
            conn.execute(statement, parameters)
