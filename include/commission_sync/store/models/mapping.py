"""Mappings in versions, and what is wrong with them or with what they make of single deals."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import EMPTY, Base, integration_key, new_id, now_stamp

_NOTHING = text("''")
_OPEN = text("resolved_at IS NULL")


class MappingVersion(Base):
    """A mapping as it was saved; at most one of a company is active."""

    __tablename__ = "mapping_versions"
    __table_args__ = (
        UniqueConstraint("integration_id", "version"),
        Index("uq_mapping_versions_active", "integration_id", unique=True, postgresql_where=text("is_active")),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    version: Mapped[int]
    property_mappings: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    calculated_fields: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    baseline: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    diff: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    author: Mapped[str]
    note: Mapped[str] = mapped_column(server_default=_NOTHING)
    is_active: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = now_stamp()
    activated_at: Mapped[datetime | None]
    activated_by: Mapped[str | None]
    recomputed_at: Mapped[datetime | None]


class MappingProblem(Base):
    """A field of a deal that has no sound value, and why."""

    __tablename__ = "mapping_problems"
    __table_args__ = (
        Index("uq_mapping_problems_open", "integration_id", "crm_id", "field", unique=True, postgresql_where=_OPEN),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    crm_id: Mapped[str]
    field: Mapped[str]
    reason: Mapped[str]
    first_seen_at: Mapped[datetime] = now_stamp()
    last_seen_at: Mapped[datetime] = now_stamp()
    resolved_at: Mapped[datetime | None]


class MappingBreach(Base):
    """Something wrong with a field for all deals: in the mapping itself, or changed in HubSpot beneath it."""

    __tablename__ = "mapping_breaches"
    __table_args__ = (
        Index(
            "uq_mapping_breaches_open",
            "integration_id",
            "field",
            "kind",
            "property",
            unique=True,
            postgresql_where=_OPEN,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID] = integration_key()
    field: Mapped[str]
    kind: Mapped[str]
    property: Mapped[str | None]
    message: Mapped[str]
    is_error: Mapped[bool]
    first_seen_at: Mapped[datetime] = now_stamp()
    last_seen_at: Mapped[datetime] = now_stamp()
    resolved_at: Mapped[datetime | None]
