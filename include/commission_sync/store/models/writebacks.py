"""Write-back plans, their rows, and the desk for deals that changed after their commission was approved."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import EMPTY, Base, integration_key, new_id, now_stamp

ZERO = text("0")


class WritebackPlan(Base):
    """What one run would change in HubSpot for one company, and who agreed to it."""

    __tablename__ = "writeback_plans"
    __table_args__ = (Index(None, "integration_id", "created_at"),)

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    kind: Mapped[str] = mapped_column(server_default="write")
    undoes_run_id: Mapped[str | None]
    dag_id: Mapped[str]
    run_id: Mapped[str]
    state: Mapped[str]
    approval_reason: Mapped[str | None]
    digest: Mapped[bytes]
    rows: Mapped[int]
    totals: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    property_names: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = now_stamp()
    expires_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    worked_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)


class CommissionWriteback(Base):
    """One attempted change of one deal's commission properties."""

    __tablename__ = "commission_writebacks"
    __table_args__ = (
        Index(None, "deal_id", "created_at"),
        Index(None, "plan_id", "state"),
        Index(
            "ix_commission_writebacks_awaited",
            "integration_id",
            "crm_id",
            postgresql_where=text("state = 'sent' AND echoed_at IS NULL"),
        ),
        Index(
            "ix_commission_writebacks_unverified",
            "integration_id",
            "sent_at",
            postgresql_where=text("state = 'sent' AND verified_at IS NULL"),
        ),
        Index("ix_commission_writebacks_unanswered", "integration_id", "deal_id", postgresql_where=text("unanswered")),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    plan_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("writeback_plans.id"))
    deal_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("deals.id"))
    crm_id: Mapped[str]
    merged_from_crm_id: Mapped[str | None]
    properties: Mapped[dict[str, Any]]
    before: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    observed: Mapped[dict[str, Any] | None]
    stored: Mapped[dict[str, Any] | None]
    crm_updated_at: Mapped[datetime | None]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default=ZERO)
    unanswered: Mapped[bool] = mapped_column(server_default=text("false"))
    last_error: Mapped[str | None]
    correlation_id: Mapped[str | None]
    conflict: Mapped[list[Any] | None]
    resolution: Mapped[str | None]
    resolved_by: Mapped[str | None]
    mismatch: Mapped[dict[str, Any] | None]
    near_misses: Mapped[int] = mapped_column(server_default=ZERO)
    created_at: Mapped[datetime] = now_stamp()
    attempted_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    echoed_at: Mapped[datetime | None]
    superseded_at: Mapped[datetime | None]
    sending: Mapped[dict[str, Any] | None]


class CommissionFingerprint(Base):
    """What an approved commission was worked out from."""

    __tablename__ = "commission_fingerprints"
    __table_args__ = (Index(None, "integration_id"),)

    deal_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("deals.id"), primary_key=True)
    integration_id: Mapped[uuid.UUID] = integration_key()
    inputs: Mapped[dict[str, Any]]
    fingerprint: Mapped[bytes]
    taken_at: Mapped[datetime] = now_stamp()


class CommissionReview(Base):
    """An approved commission whose deal has changed since, for a person to decide on."""

    __tablename__ = "commission_reviews"
    __table_args__ = (
        Index("uq_commission_reviews_open", "deal_id", unique=True, postgresql_where=text("state = 'open'")),
        Index(None, "integration_id", "state"),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    deal_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("deals.id"))
    changes: Mapped[dict[str, Any]]
    commission_status: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="open")
    note: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    opened_at: Mapped[datetime] = now_stamp()
    updated_at: Mapped[datetime] = now_stamp()
