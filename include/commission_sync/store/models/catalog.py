"""The properties of each portal."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import Base, now_stamp


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
    first_seen_at: Mapped[datetime] = now_stamp()
    fetched_at: Mapped[datetime] = now_stamp()
    hubspot_defined: Mapped[bool] = mapped_column(server_default=text("false"))
