"""What hangs on deals: line items, activities, other objects, and splits."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import EMPTY, NOW, Base, integration_key, new_id, now_stamp

NO_HASH = text("'\\x'::bytea")
_WAITS = text("deal_id IS NULL AND deal_crm_id IS NOT NULL")


def deal_key() -> Mapped[uuid.UUID | None]:
    """Declare the deal that a row hangs on; null while it is not there yet."""
    return mapped_column(ForeignKey("deals.id"))


class LineItem(Base):
    """A line item; it hangs on one deal at most."""

    __tablename__ = "deal_line_items"
    __table_args__ = (
        UniqueConstraint("integration_id", "crm_id"),
        Index(None, "deal_crm_id", "integration_id"),
        Index(None, "deal_id"),
        Index("ix_deal_line_items_waiting", "integration_id", "deal_crm_id", postgresql_where=_WAITS),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    company_id: Mapped[str]
    deal_id: Mapped[uuid.UUID | None] = deal_key()
    deal_crm_id: Mapped[str | None]
    crm_id: Mapped[str]
    product_name: Mapped[str | None]
    product_crm_id: Mapped[str | None]
    sku: Mapped[str | None]
    quantity: Mapped[Decimal | None]
    price: Mapped[Decimal | None]
    discount: Mapped[Decimal | None]
    discount_percentage: Mapped[Decimal | None]
    total: Mapped[Decimal | None]
    currency: Mapped[str | None]
    billing_frequency: Mapped[str | None]
    billing_term: Mapped[str | None]
    properties: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    content_hash: Mapped[bytes] = mapped_column(server_default=NO_HASH)
    crm_created_at: Mapped[datetime | None]
    crm_updated_at: Mapped[datetime] = mapped_column(server_default=NOW)
    archived_at: Mapped[datetime | None]
    detached_at: Mapped[datetime | None]
    purged_at: Mapped[datetime | None]
    merged_into_crm_id: Mapped[str | None]
    synced_at: Mapped[datetime] = now_stamp()


class Activity(Base):
    """An activity on one deal; one on several deals is several rows, one on none a row without a deal."""

    __tablename__ = "deal_activities"
    __table_args__ = (
        UniqueConstraint("integration_id", "type", "crm_id", "deal_id"),
        UniqueConstraint("integration_id", "type", "crm_id", "deal_crm_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("type IN ('email', 'note', 'call', 'meeting', 'task')", name="ck_deal_activities_type"),
        Index(None, "deal_crm_id", "integration_id"),
        Index(None, "deal_id"),
        Index("ix_deal_activities_waiting", "integration_id", "deal_crm_id", postgresql_where=_WAITS),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    company_id: Mapped[str]
    deal_id: Mapped[uuid.UUID | None] = deal_key()
    deal_crm_id: Mapped[str | None]
    crm_id: Mapped[str]
    type: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    owner_crm_id: Mapped[str | None]
    occurred_at: Mapped[datetime | None]
    created_at: Mapped[datetime | None]
    content_hash: Mapped[bytes] = mapped_column(server_default=NO_HASH)
    crm_updated_at: Mapped[datetime] = mapped_column(server_default=NOW)
    archived_at: Mapped[datetime | None]
    detached_at: Mapped[datetime | None]
    purged_at: Mapped[datetime | None]
    merged_into_crm_id: Mapped[str | None]
    synced_at: Mapped[datetime] = now_stamp()


class DealObject(Base):
    """A record of any other object type that hangs on deals, such as a custom object."""

    __tablename__ = "deal_objects"
    __table_args__ = (
        UniqueConstraint("integration_id", "type", "crm_id", "deal_crm_id", postgresql_nulls_not_distinct=True),
        Index(None, "deal_crm_id", "integration_id"),
        Index(None, "deal_id"),
        Index("ix_deal_objects_waiting", "integration_id", "deal_crm_id", postgresql_where=_WAITS),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    company_id: Mapped[str]
    deal_id: Mapped[uuid.UUID | None] = deal_key()
    deal_crm_id: Mapped[str | None]
    crm_id: Mapped[str]
    type: Mapped[str]
    name: Mapped[str | None]
    amount: Mapped[Decimal | None]
    currency: Mapped[str | None]
    properties: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    content_hash: Mapped[bytes] = mapped_column(server_default=NO_HASH)
    crm_created_at: Mapped[datetime | None]
    crm_updated_at: Mapped[datetime] = mapped_column(server_default=NOW)
    archived_at: Mapped[datetime | None]
    detached_at: Mapped[datetime | None]
    purged_at: Mapped[datetime | None]
    merged_into_crm_id: Mapped[str | None]
    synced_at: Mapped[datetime] = now_stamp()


class DealSplit(Base):
    """An owner's share of a deal."""

    __tablename__ = "deal_splits"
    __table_args__ = (UniqueConstraint("deal_id", "owner_crm_id"), Index(None, "integration_id"))

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    company_id: Mapped[str]
    deal_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("deals.id"))
    owner_crm_id: Mapped[str]
    percentage: Mapped[Decimal]
    archived_at: Mapped[datetime | None]
    synced_at: Mapped[datetime] = now_stamp()
