"""Reference data: products, owners, and the stages of pipelines."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import EMPTY, Base, integration_key, new_id, now_stamp


class Product(Base):
    """A product of the portal's library."""

    __tablename__ = "crm_products"
    __table_args__ = (UniqueConstraint("integration_id", "crm_id"),)

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    company_id: Mapped[str]
    crm_id: Mapped[str]
    name: Mapped[str | None]
    sku: Mapped[str | None]
    price: Mapped[Decimal | None]
    properties: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    content_hash: Mapped[bytes] = mapped_column(server_default=text("'\\x'::bytea"))
    crm_created_at: Mapped[datetime | None]
    crm_updated_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    purged_at: Mapped[datetime | None]
    merged_into_crm_id: Mapped[str | None]
    synced_at: Mapped[datetime] = now_stamp()


class Owner(Base):
    """A person or queue that deals belong to, archived ones included."""

    __tablename__ = "crm_owners"

    integration_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_integrations.id"), primary_key=True)
    crm_id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str | None]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    user_id: Mapped[str | None]
    teams: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    is_archived: Mapped[bool] = mapped_column(server_default=text("false"))
    fetched_at: Mapped[datetime] = now_stamp()


class Stage(Base):
    """A stage of a deal pipeline."""

    __tablename__ = "crm_stages"

    integration_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_integrations.id"), primary_key=True)
    pipeline: Mapped[str] = mapped_column(primary_key=True)
    pipeline_label: Mapped[str]
    stage: Mapped[str] = mapped_column(primary_key=True)
    stage_label: Mapped[str]
    display_order: Mapped[int]
    is_closed: Mapped[bool | None]
    probability: Mapped[Decimal | None]
    archived_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime] = now_stamp()
