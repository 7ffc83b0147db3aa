"""What a table of records looks like to the merge, and for whom it is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg import sql


@dataclass(frozen=True)
class Column:
    """A column of a stream's table and its PostgreSQL type, as `pg_type` names it."""

    name: str
    pg_type: str


class Cardinality(StrEnum):
    """On how many deals a record hangs: on one (a row of its own), or on several (a row for each)."""

    ONE = "one"
    MANY = "many"


@dataclass(frozen=True)
class TableSpec:
    """A table that rows are merged into.

    Among `columns` are crm_id, crm_updated_at (the version), content_hash (equal hashes mean nothing changed) and the
    `document` (jsonb, handed over as its text).

    :param type: the value of the column `type` in a table that holds several kinds of records
    :param on_deals: set for records that hang on deals: their rows also have deal_crm_id, deal_id and detached_at, and
        a row handed to the merge ends with the list of its deals' ids
    """

    table: str
    entity: str
    columns: tuple[Column, ...]
    document: str = "properties"
    type: str | None = None
    on_deals: Cardinality | None = None

    @property
    def conflict_key(self) -> tuple[str, ...]:
        """The columns by which one row is told from another."""
        own = () if self.type is None else ("type",)
        deal = ("deal_crm_id",) if self.on_deals is Cardinality.MANY else ()
        return ("integration_id", *own, "crm_id", *deal)

    @property
    def own_rows(self) -> sql.Composable:
        """What a condition on rows `d` ends with to leave out those that only tell of a link that is gone."""
        return sql.SQL("AND d.detached_at IS NULL" if self.on_deals is Cardinality.MANY else "")

    @property
    def identity(self) -> sql.Composable:
        """The condition by which rows `d` belong to the record `s`."""
        mine = sql.SQL("d.integration_id = %(integration_id)s AND d.crm_id = s.crm_id")
        return mine if self.type is None else sql.SQL("{} AND d.type = %(type)s").format(mine)


@dataclass(frozen=True)
class Writing:
    """For whom rows are written, and what the audit log says of who wrote them."""

    integration_id: UUID
    company_id: str
    actor: str
    sync_run_id: UUID | None

    def parameters(self, spec: TableSpec) -> dict[str, Any]:
        """Return the values that every statement on a table of `spec` names."""
        return {
            "integration_id": self.integration_id,
            "company_id": self.company_id,
            "entity": spec.entity,
            "type": spec.type,
            "actor": self.actor,
            "sync_run_id": self.sync_run_id,
        }
