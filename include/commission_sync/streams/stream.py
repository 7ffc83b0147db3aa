"""What a stream is: one frozen declaration of an object type and of the columns it fills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from commission_sync.store.table import Cardinality, Column, TableSpec

if TYPE_CHECKING:
    from commission_sync.streams.step import StepContext

Step = Callable[["StepContext"], None]
Value = str | bool | datetime | Decimal | None


@dataclass(frozen=True)
class Field:
    """A column filled from one HubSpot property.

    `convert` takes the property's string (or None) and raises `UnreadableValue` when it cannot be read.
    """

    column: str
    pg_type: str
    property_name: str
    convert: Callable[[str | None], Value]


@dataclass(frozen=True, repr=False)
class Stream:
    """An object type that is kept in a table.

    Every stream's table has, besides `fields`: crm_id, the `document` (all of HubSpot's properties, as it gave them),
    content_hash, the `created_column` and crm_updated_at, and the marks archived_at, purged_at and merged_into_crm_id.

    :param entity: what the audit log calls one of its records
    :param type: the value of the column `type` in a table that several streams share
    :param on_deals: set for records that hang on deals, which then have deal_crm_id, deal_id and detached_at
    :param feature: the key of `crm_integrations.feature_flags` by which a company can switch it off
    :param pay_properties: the properties that affect pay, whose history HubSpot is asked for
    :param changes_silently: whether HubSpot changes values (calculated ones) without a new modified time
    :param sums: the columns by which the reconciliation compares sums, as (group, amount)
    :param before: what is done beyond reading records, at the beginning of each run that moves the cursor
    :param after: the same, at its end
    :param alongside: at its end, too, and also while everything is read, again and again, as it need not wait for it
    :param hourly: at its end, but only with the settled pass
    :param nightly: at the end of each reconciliation
    """

    name: str
    object_type: str
    entity: str
    table: str
    modified_property: str
    created_property: str
    fields: tuple[Field, ...]
    # The column that falls back to the portal's own currency, as HubSpot leaves it empty for deals in that currency.
    currency_column: str | None = None
    document: str = "properties"
    created_column: str = "crm_created_at"
    type: str | None = None
    on_deals: Cardinality | None = None
    feature: str | None = None
    pay_properties: tuple[str, ...] = ()
    changes_silently: bool = False
    sums: tuple[str, str] | None = None
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    alongside: tuple[Step, ...] = ()
    hourly: tuple[Step, ...] = ()
    nightly: tuple[Step, ...] = ()
    # Whether the company's mapping fills its columns `mapped` and `calculated`.
    is_mapped: bool = False

    def __repr__(self) -> str:
        # Airflow writes it into the serialized DAG: the addresses of functions would make a new version at every parse.
        return f"Stream({self.name!r})"

    @property
    def spec(self) -> TableSpec:
        """The stream's table as the merge sees it; `rows.RowBuilder` yields tuples in this order."""
        own = tuple(Column(field.column, field.pg_type) for field in self.fields)
        return TableSpec(
            table=self.table,
            entity=self.entity,
            columns=(
                Column("crm_id", "text"),
                Column(self.created_column, "timestamptz"),
                Column("crm_updated_at", "timestamptz"),
                Column("content_hash", "bytea"),
                Column(self.document, "jsonb"),
                *own,
                *((Column("mapped", "jsonb"), Column("calculated", "jsonb")) if self.is_mapped else ()),
            ),
            document=self.document,
            type=self.type,
            on_deals=self.on_deals,
        )
