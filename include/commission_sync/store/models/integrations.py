"""A company, the portal it is connected to, and how far its streams are read."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Enum, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import EMPTY, Base, new_id, now_stamp


class CrmIntegration(Base):
    """A company and the portal it is connected to; whoever onboards a company writes the first three."""

    __tablename__ = "crm_integrations"

    id: Mapped[uuid.UUID] = new_id()
    company_id: Mapped[str]
    portal_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    conn_id: Mapped[str]
    provider: Mapped[str] = mapped_column(server_default="hubspot")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    base_currency: Mapped[str] = mapped_column(server_default="USD")
    property_mappings: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    calculated_fields: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    feature_flags: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    last_sync: Mapped[datetime | None]
    sync_cursor: Mapped[str | None]
    sync_status: Mapped[str] = mapped_column(
        Enum("idle", "syncing", "error", name="sync_status"), server_default="idle"
    )
    last_error_message: Mapped[str | None]
    error_count: Mapped[int] = mapped_column(server_default=text("0"))
    portal_currency: Mapped[str | None]
    portal_time_zone: Mapped[str | None]
    verified_token_fingerprint: Mapped[str | None]
    writeback_settings: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    fx_anchor: Mapped[str] = mapped_column(server_default="close_date")
    fx_drift_threshold: Mapped[Decimal] = mapped_column(server_default=text("0.05"))
    created_at: Mapped[datetime] = now_stamp()
    updated_at: Mapped[datetime] = now_stamp()


class SyncCursor(Base):
    """How far a stream of a company is read."""

    __tablename__ = "sync_cursors"

    integration_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_integrations.id"), primary_key=True)
    stream: Mapped[str] = mapped_column(primary_key=True)
    cursor_at: Mapped[datetime]
    cursor_id: Mapped[str | None]
    updated_at: Mapped[datetime] = now_stamp()
