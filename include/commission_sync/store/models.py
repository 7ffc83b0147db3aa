"""The tables, as typed definitions; migrations create them, and a test holds the two together."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NOW = text("now()")
NEW_ID = text("gen_random_uuid()")
EMPTY = text("'{}'::jsonb")


class Base(DeclarativeBase):
    """All tables of the commissions database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own protocol
        datetime: DateTime(timezone=True),
        # Without precision and scale, PostgreSQL's numeric keeps every digit that it is given.
        Decimal: Numeric,
        str: Text,
        int: Integer,
        bool: Boolean,
        bytes: LargeBinary,
        uuid.UUID: UUID(as_uuid=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


def _id() -> Mapped[uuid.UUID]:
    return mapped_column(primary_key=True, server_default=NEW_ID)


def _integration(*, index: bool = False) -> Mapped[uuid.UUID]:
    return mapped_column(ForeignKey("crm_integrations.id"), index=index)


def _now() -> Mapped[datetime]:
    return mapped_column(server_default=NOW)


def _zero() -> Mapped[int]:
    return mapped_column(BigInteger, server_default=text("0"))


class CrmIntegration(Base):
    """A company and the portal it is connected to; whoever onboards a company writes the first three."""

    __tablename__ = "crm_integrations"

    id: Mapped[uuid.UUID] = _id()
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
    created_at: Mapped[datetime] = _now()
    updated_at: Mapped[datetime] = _now()


class SyncCursor(Base):
    """How far a stream of a company is read."""

    __tablename__ = "sync_cursors"

    integration_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_integrations.id"), primary_key=True)
    stream: Mapped[str] = mapped_column(primary_key=True)
    cursor_at: Mapped[datetime]
    cursor_id: Mapped[str | None]
    updated_at: Mapped[datetime] = _now()


class Deal(Base):
    """A deal as HubSpot last showed it; never deleted, only marked archived or merged."""

    __tablename__ = "deals"
    __table_args__ = (UniqueConstraint("integration_id", "crm_id"),)

    id: Mapped[uuid.UUID] = _id()
    integration_id: Mapped[uuid.UUID] = _integration()
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
    synced_at: Mapped[datetime] = _now()


class SyncRun(Base):
    """One try of one stream for one company."""

    __tablename__ = "sync_runs"
    __table_args__ = (
        Index(None, "integration_id", "stream", "started_at"),
        Index(None, "dag_id", "run_id"),
    )

    id: Mapped[uuid.UUID] = _id()
    integration_id: Mapped[uuid.UUID] = _integration()
    stream: Mapped[str]
    mode: Mapped[str]
    dag_id: Mapped[str]
    run_id: Mapped[str]
    try_number: Mapped[int]
    window_from: Mapped[datetime | None]
    window_to: Mapped[datetime | None]
    started_at: Mapped[datetime] = _now()
    finished_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(server_default="running")
    fetched: Mapped[int] = _zero()
    inserted: Mapped[int] = _zero()
    updated: Mapped[int] = _zero()
    unchanged: Mapped[int] = _zero()
    stale: Mapped[int] = _zero()
    archived: Mapped[int] = _zero()
    rejected: Mapped[int] = _zero()
    api_calls: Mapped[int] = _zero()
    api_wait_ms: Mapped[int] = _zero()
    error: Mapped[str | None]


class SyncReceipt(Base):
    """The proof of what a part of a reading announced and landed."""

    __tablename__ = "sync_receipts"
    __table_args__ = (
        Index(None, "integration_id", "stream", "run_key"),
        Index(None, "integration_id", "stream", "window_to"),
    )

    id: Mapped[uuid.UUID] = _id()
    integration_id: Mapped[uuid.UUID] = _integration()
    stream: Mapped[str]
    sync_run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sync_runs.id"))
    run_key: Mapped[str]
    window_from: Mapped[datetime | None]
    window_to: Mapped[datetime]
    announced: Mapped[int] = _zero()
    landed: Mapped[int] = _zero()
    covered: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    opened_at: Mapped[datetime] = _now()
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

    id: Mapped[uuid.UUID] = _id()
    integration_id: Mapped[uuid.UUID] = _integration()
    stream: Mapped[str]
    crm_id: Mapped[str]
    payload: Mapped[dict[str, Any]]
    reason: Mapped[str]
    sync_run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sync_runs.id"))
    attempts: Mapped[int] = mapped_column(server_default=text("1"))
    first_seen_at: Mapped[datetime] = _now()
    last_seen_at: Mapped[datetime] = _now()
    resolved_at: Mapped[datetime | None]


class AuditEntry(Base):
    """One change of one record; a trigger refuses everything but INSERT."""

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "integration_id", "entity", "entity_id", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    integration_id: Mapped[uuid.UUID]
    entity: Mapped[str]
    entity_id: Mapped[str]
    action: Mapped[str]
    changes: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    actor: Mapped[str]
    sync_run_id: Mapped[uuid.UUID | None]
    at: Mapped[datetime] = _now()


class CatalogProperty(Base):
    """A property that a portal has or had."""

    __tablename__ = "property_catalog"

    integration_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_integrations.id"), primary_key=True)
    object_type: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    type: Mapped[str]
    field_type: Mapped[str]
    group_name: Mapped[str]
    calculated: Mapped[bool]
    read_only: Mapped[bool]
    options: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    archived_at: Mapped[datetime | None]
    first_seen_at: Mapped[datetime] = _now()
    fetched_at: Mapped[datetime] = _now()
