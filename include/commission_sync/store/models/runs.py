"""What every try of every sync did, what it proves, and what it could not read."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import Base, integration_key, new_id, now_stamp, zero


class SyncRun(Base):
    """One try of one stream for one company."""

    __tablename__ = "sync_runs"
    __table_args__ = (
        Index(None, "integration_id", "stream", "started_at"),
        Index(None, "dag_id", "run_id"),
        Index(None, "dag_id", "integration_id", "finished_at"),
        Index(None, "integration_id", "finished_at"),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    stream: Mapped[str]
    mode: Mapped[str]
    dag_id: Mapped[str]
    run_id: Mapped[str]
    try_number: Mapped[int]
    task_id: Mapped[str | None]
    map_index: Mapped[int] = mapped_column(server_default=text("-1"))
    window_from: Mapped[datetime | None]
    window_to: Mapped[datetime | None]
    started_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    finished_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(server_default="running")
    fetched: Mapped[int] = zero()
    inserted: Mapped[int] = zero()
    updated: Mapped[int] = zero()
    unchanged: Mapped[int] = zero()
    stale: Mapped[int] = zero()
    archived: Mapped[int] = zero()
    rejected: Mapped[int] = zero()
    api_calls: Mapped[int] = zero()
    api_wait_ms: Mapped[int] = zero()
    calls_saved: Mapped[int] = zero()
    error: Mapped[str | None]
    clock_warning: Mapped[str | None]


class StreamStatus(Base):
    """How a stream of a company last ended, as one DAG runs it; the company's own status is the worst of them."""

    __tablename__ = "sync_stream_status"
    __table_args__ = (CheckConstraint("state IN ('running', 'idle', 'waiting', 'failed')", name="state"),)

    integration_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("crm_integrations.id", ondelete="CASCADE"), primary_key=True
    )
    dag_id: Mapped[str] = mapped_column(primary_key=True)
    stream: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    failures: Mapped[int] = zero()
    message: Mapped[str | None]
    updated_at: Mapped[datetime] = now_stamp()


class SyncReceipt(Base):
    """The proof of what a part of a reading announced and landed."""

    __tablename__ = "sync_receipts"
    __table_args__ = (
        Index(None, "integration_id", "stream", "run_key"),
        Index(None, "integration_id", "stream", "window_to"),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    stream: Mapped[str]
    sync_run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sync_runs.id"))
    run_key: Mapped[str]
    window_from: Mapped[datetime | None]
    window_to: Mapped[datetime]
    announced: Mapped[int] = zero()
    landed: Mapped[int] = zero()
    covered: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    opened_at: Mapped[datetime] = now_stamp()
    completed_at: Mapped[datetime | None]


class SyncReject(Base):
    """A record that could not become a row."""

    __tablename__ = "sync_rejects"
    __table_args__ = (
        Index(
            "uq_sync_rejects_open",
            "integration_id",
            "stream",
            "crm_id",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    stream: Mapped[str]
    crm_id: Mapped[str]
    payload: Mapped[dict[str, Any]]
    reason: Mapped[str]
    sync_run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sync_runs.id"))
    attempts: Mapped[int] = mapped_column(server_default=text("1"))
    first_seen_at: Mapped[datetime] = now_stamp()
    last_seen_at: Mapped[datetime] = now_stamp()
    resolved_at: Mapped[datetime | None]
