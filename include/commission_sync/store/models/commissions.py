"""Commissions, as the commission engine writes them."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import Base, now_stamp


class DealCommission(Base):
    """The commission on a deal; the engine writes it, we read it, and an approved one freezes the deal's rate."""

    __tablename__ = "deal_commissions"

    deal_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("deals.id"), primary_key=True)
    amount: Mapped[Decimal | None]
    currency: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="pending")
    approved_date: Mapped[date | None]
    paid: Mapped[bool] = mapped_column(server_default=text("false"))
    updated_at: Mapped[datetime] = now_stamp()
