"""How good a company's data are, day by day, and the rows that say so."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import EMPTY, Base, integration_key, new_id, now_stamp, zero


class DataQualityScore(Base):
    """What a stream of a company scored on a day, out of 100; null with a reason where there is nothing to judge."""

    __tablename__ = "data_quality_scores"
    __table_args__ = (UniqueConstraint("integration_id", "stream", "day"),)

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    stream: Mapped[str]
    day: Mapped[date]
    score: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    reason: Mapped[str | None]
    records: Mapped[int] = zero()
    money: Mapped[Decimal] = mapped_column(server_default="0")
    parts: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    dag_id: Mapped[str | None]
    run_id: Mapped[str | None]
    scored_by: Mapped[str]
    scored_at: Mapped[datetime] = now_stamp()


class DataQualityFinding(Base):
    """A row that cost points, and what is wrong with it."""

    __tablename__ = "data_quality_findings"
    __table_args__ = (Index("ix_data_quality_findings_score_id", "score_id", "dimension"), Index(None, "day"))

    id: Mapped[uuid.UUID] = new_id()
    score_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("data_quality_scores.id", ondelete="CASCADE"))
    integration_id: Mapped[uuid.UUID] = integration_key()
    stream: Mapped[str]
    day: Mapped[date]
    dimension: Mapped[str]
    rule: Mapped[str]
    entity: Mapped[str]
    crm_id: Mapped[str | None]
    points_lost: Mapped[Decimal]
    money: Mapped[Decimal]
    what: Mapped[str]
