"""The inbox of HubSpot's webhooks."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import Base, now_stamp

WAITING = "state IN ('received', 'retry', 'processing')"


class WebhookEvent(Base):
    """One event of a webhook; the table is partitioned by the week of `occurred_at`."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        UniqueConstraint("event_key", "occurred_at"),
        Index("ix_webhook_events_waiting", "integration_id", "next_attempt_at", postgresql_where=text(WAITING)),
        Index("ix_webhook_events_dead", "integration_id", "received_at", postgresql_where=text("state = 'dead'")),
        Index("ix_webhook_events_object", "integration_id", "object_type", "object_id"),
        {"postgresql_partition_by": "RANGE (occurred_at)"},
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    integration_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("crm_integrations.id"))
    portal_id: Mapped[int | None] = mapped_column(BigInteger)
    event_key: Mapped[str]
    subscription_type: Mapped[str | None]
    object_type: Mapped[str | None]
    object_id: Mapped[int | None] = mapped_column(BigInteger)
    occurred_at: Mapped[datetime] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = now_stamp()
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(server_default="received")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_attempt_at: Mapped[datetime] = now_stamp()
    lease: Mapped[uuid.UUID | None]
    last_error: Mapped[str | None]
    error_class: Mapped[str | None]
    correlation_ids: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'::text[]"))
    finished_at: Mapped[datetime | None]
    replays: Mapped[int] = mapped_column(server_default=text("0"))
    replayed_by: Mapped[str | None]
    dismissed_at: Mapped[datetime | None]
    dismissed_by: Mapped[str | None]
    dismissed_reason: Mapped[str | None]


class WebhookLane(Base):
    """How a company's events are worked off: paused or not, and by whom."""

    __tablename__ = "webhook_lanes"

    integration_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_integrations.id"), primary_key=True)
    paused_at: Mapped[datetime | None]
    paused_by: Mapped[str | None]
    paused_reason: Mapped[str | None]
    attended_by: Mapped[uuid.UUID | None]
    attended_until: Mapped[datetime] = mapped_column(server_default=text("'-infinity'::timestamptz"))
