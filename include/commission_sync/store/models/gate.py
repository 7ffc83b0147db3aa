"""What all workers share about a portal."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Double, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import Base, now_stamp, zero


def _portal() -> Mapped[uuid.UUID]:
    return mapped_column(ForeignKey("crm_integrations.id", ondelete="CASCADE"), primary_key=True)


def _count() -> Mapped[int]:
    return mapped_column(server_default=text("0"))


def _seconds(default: int = 0) -> Mapped[float]:
    return mapped_column(Double, server_default=text(str(default)))


class ApiBudget(Base):
    """What is left of one of a portal's limits; the functions of migration 0002 keep it."""

    __tablename__ = "api_budgets"

    integration_id: Mapped[uuid.UUID] = _portal()
    policy: Mapped[str] = mapped_column(primary_key=True)
    allowed: Mapped[int | None]
    ceiling: Mapped[int | None]
    window_seconds: Mapped[float] = mapped_column(Double)
    arrivals: Mapped[list[float]] = mapped_column(ARRAY(Double), server_default=text("'{}'::double precision[]"))
    others: Mapped[int] = _count()
    others_lately: Mapped[int] = _count()
    others_until: Mapped[float] = _seconds()
    hold_seconds: Mapped[float] = _seconds(5)
    strikes: Mapped[int] = _count()
    closed_until: Mapped[float] = _seconds()
    waiting: Mapped[list[float]] = mapped_column(ARRAY(Double), server_default=text("'{0,0,0,0}'::double precision[]"))
    paced_at: Mapped[float] = _seconds()
    used: Mapped[int] = zero()
    resets_at: Mapped[datetime | None]
    granted: Mapped[int] = zero()
    refused: Mapped[int] = zero()
    updated_at: Mapped[datetime] = now_stamp()


class CircuitBreaker(Base):
    """Whether a portal is called at present; no row is a closed one."""

    __tablename__ = "circuit_breakers"

    integration_id: Mapped[uuid.UUID] = _portal()
    state: Mapped[str] = mapped_column(server_default="closed")
    failures: Mapped[int] = _count()
    opened_at: Mapped[datetime | None]
    probe_at: Mapped[datetime | None]
    openings: Mapped[int] = _count()
    last_error: Mapped[str | None]
    updated_at: Mapped[datetime] = now_stamp()


class CachedAnswer(Base):
    """Something that a portal says of itself and that rarely changes."""

    __tablename__ = "portal_cache"

    integration_id: Mapped[uuid.UUID] = _portal()
    kind: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]
    calls: Mapped[int] = mapped_column(server_default=text("1"))
    fetched_at: Mapped[datetime] = now_stamp()
    changed_at: Mapped[datetime] = now_stamp()
