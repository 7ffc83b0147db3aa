"""HubSpot's own history of properties, and what the nightly reconciliation compared."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import Base, integration_key, new_id, now_stamp, zero


class PropertyHistory(Base):
    """A value that a property had from a time on, and who gave it to it from where."""

    __tablename__ = "property_history"

    integration_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_integrations.id"), primary_key=True)
    object_type: Mapped[str] = mapped_column(primary_key=True)
    crm_id: Mapped[str] = mapped_column(primary_key=True)
    property: Mapped[str] = mapped_column(primary_key=True)
    changed_at: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[str | None]
    source_type: Mapped[str | None]
    source_id: Mapped[str | None]
    source_label: Mapped[str | None]
    user_id: Mapped[str | None]


class PropertyHistoryRead(Base):
    """Until when a record's history is known."""

    __tablename__ = "property_history_reads"

    integration_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_integrations.id"), primary_key=True)
    object_type: Mapped[str] = mapped_column(primary_key=True)
    crm_id: Mapped[str] = mapped_column(primary_key=True)
    read_at: Mapped[datetime]
    crm_updated_at: Mapped[datetime | None]


class ReconcileState(Base):
    """How far the nightly reconciliation of a stream has come."""

    __tablename__ = "reconcile_state"

    integration_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_integrations.id"), primary_key=True)
    stream: Mapped[str] = mapped_column(primary_key=True)
    archived_until: Mapped[datetime | None]
    swept_upto: Mapped[int] = zero()
    updated_at: Mapped[datetime] = now_stamp()


class ReconcileCheck(Base):
    """A figure of HubSpot's beside ours."""

    __tablename__ = "reconcile_checks"
    __table_args__ = (Index(None, "integration_id", "stream", "at"),)

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    sync_run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sync_runs.id"))
    stream: Mapped[str]
    what: Mapped[str]
    hubspot: Mapped[Decimal]
    stored: Mapped[Decimal]
    at: Mapped[datetime] = now_stamp()
    is_money: Mapped[bool] = mapped_column(server_default=text("false"))
