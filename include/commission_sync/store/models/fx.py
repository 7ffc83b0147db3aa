"""Exchange rates as their sources published them, and what became of fetching them."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import Base, new_id, now_stamp, zero


class FxRate(Base):
    """One unit of `base` in units of `quote` on a day; a trigger refuses everything but INSERT."""

    __tablename__ = "fx_rates"
    __table_args__ = (UniqueConstraint("id"), Index(None, "source", "rate_date"))

    source: Mapped[str] = mapped_column(primary_key=True)
    base: Mapped[str] = mapped_column(primary_key=True)
    quote: Mapped[str] = mapped_column(primary_key=True)
    rate_date: Mapped[date] = mapped_column(primary_key=True)
    rate: Mapped[Decimal]
    fetched_at: Mapped[datetime] = now_stamp()
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True))


class FxFixedRate(Base):
    """A currency that became a part of the euro: one euro is `rate` units of it from `joined` on, for ever."""

    __tablename__ = "fx_fixed_rates"
    __table_args__ = (CheckConstraint("rate > 0", name="rate"),)

    currency: Mapped[str] = mapped_column(primary_key=True)
    joined: Mapped[date]
    rate: Mapped[Decimal]


class FxEnteredRate(Base):
    """A rate that a person entered for a company, for what its source does not have."""

    __tablename__ = "fx_entered_rates"
    __table_args__ = (
        CheckConstraint("base ~ '^[A-Z]{3}$'", name="base"),
        CheckConstraint("quote ~ '^[A-Z]{3}$'", name="quote"),
        CheckConstraint("rate > 0 AND rate <> 'Infinity' AND rate <> 'NaN'", name="rate"),
        CheckConstraint("valid_from <= valid_to", name="days"),
        CheckConstraint("base <> quote", name="pair"),
        Index(None, "integration_id", postgresql_where=text("withdrawn_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    integration_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_integrations.id"))
    base: Mapped[str]
    quote: Mapped[str]
    rate: Mapped[Decimal]
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    reason: Mapped[str]
    entered_by: Mapped[str]
    entered_at: Mapped[datetime] = now_stamp()
    withdrawn_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]


class FxRateCorrection(Base):
    """Another value that a source gave for a rate later; it counts once a person accepts it."""

    __tablename__ = "fx_rate_corrections"

    fx_rate_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("fx_rates.id"), primary_key=True)
    rate: Mapped[Decimal] = mapped_column(primary_key=True)
    first_seen_at: Mapped[datetime] = now_stamp()
    last_seen_at: Mapped[datetime] = now_stamp()
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None]


class FxRateReject(Base):
    """A rate that cannot be one."""

    __tablename__ = "fx_rate_rejects"
    __table_args__ = (
        Index(
            "uq_fx_rate_rejects_open",
            "source",
            "base",
            "quote",
            "rate_date",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = new_id()
    source: Mapped[str]
    base: Mapped[str]
    quote: Mapped[str]
    rate_date: Mapped[date]
    value: Mapped[str]
    reason: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default=text("1"))
    first_seen_at: Mapped[datetime] = now_stamp()
    last_seen_at: Mapped[datetime] = now_stamp()
    resolved_at: Mapped[datetime | None]


class FxFetch(Base):
    """One try of reading one source."""

    __tablename__ = "fx_fetches"
    __table_args__ = (Index(None, "source", "started_at"),)

    id: Mapped[uuid.UUID] = new_id()
    source: Mapped[str]
    dag_id: Mapped[str]
    run_id: Mapped[str]
    try_number: Mapped[int]
    days_from: Mapped[date | None]
    days_to: Mapped[date | None]
    started_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    finished_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(server_default="running")
    inserted: Mapped[int] = zero()
    unchanged: Mapped[int] = zero()
    corrected: Mapped[int] = zero()
    rejected: Mapped[int] = zero()
    error: Mapped[str | None]
