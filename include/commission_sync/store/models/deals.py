"""Deals as HubSpot last showed them."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import EMPTY, Base, integration_key, new_id, now_stamp


class Deal(Base):
    """A deal as HubSpot last showed it; never deleted, only marked archived or merged."""

    __tablename__ = "deals"
    __table_args__ = (
        UniqueConstraint("integration_id", "crm_id"),
        Index("ix_deals_fx_waiting", "integration_id", postgresql_where=text("fx_waiting IS NOT NULL")),
        Index(
            "ix_deals_merged_into",
            "integration_id",
            "merged_into_crm_id",
            postgresql_where=text("merged_into_crm_id IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    company_id: Mapped[str]
    crm_id: Mapped[str]
    name: Mapped[str | None]
    amount: Mapped[Decimal | None]
    currency: Mapped[str | None]
    amount_base: Mapped[Decimal | None]
    fx_rate: Mapped[Decimal | None]
    fx_rate_date: Mapped[date | None]
    pipeline: Mapped[str | None]
    stage: Mapped[str | None]
    is_closed: Mapped[bool | None]
    is_won: Mapped[bool | None]
    owner_crm_id: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    properties: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    mapped: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    calculated: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    content_hash: Mapped[bytes] = mapped_column(server_default=text("'\\x'::bytea"))
    crm_created_at: Mapped[datetime | None]
    crm_updated_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    merged_into_crm_id: Mapped[str | None]
    synced_at: Mapped[datetime] = now_stamp()
    purged_at: Mapped[datetime | None]
    fx_pair: Mapped[str | None]
    fx_source: Mapped[str | None]
    fx_rate_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'::bigint[]"))
    fx_anchor_date: Mapped[date | None]
    fx_waiting: Mapped[str | None]
    fx_frozen_at: Mapped[datetime | None]
