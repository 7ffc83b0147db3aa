"""What a stream is: one frozen declaration of an object type and of the columns it fills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from commission_sync.store.merge import Column, TableSpec

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

    Every stream's table has, besides `fields`: crm_id, properties (all of HubSpot's, as it gave them), content_hash,
    crm_created_at and crm_updated_at.
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
                Column("crm_created_at", "timestamptz"),
                Column("crm_updated_at", "timestamptz"),
                Column("content_hash", "bytea"),
                Column("properties", "jsonb"),
                *own,
                *((Column("mapped", "jsonb"), Column("calculated", "jsonb")) if self.is_mapped else ()),
            ),
        )
