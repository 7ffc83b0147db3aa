"""Who gets which capability."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import Base, new_id, now_stamp

_NOBODY = text("'{}'::text[]")


class FeatureFlag(Base):
    """A rule for a flag, for all companies or for one."""

    __tablename__ = "feature_flags"
    __table_args__ = (UniqueConstraint("flag", "integration_id", postgresql_nulls_not_distinct=True),)

    id: Mapped[uuid.UUID] = new_id()
    flag: Mapped[str]
    integration_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("crm_integrations.id"))
    default_value: Mapped[str | None]
    value: Mapped[str]
    percentage: Mapped[int] = mapped_column(server_default=text("0"))
    allow: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=_NOBODY)
    deny: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=_NOBODY)
    note: Mapped[str] = mapped_column(server_default=text("''"))
    updated_at: Mapped[datetime] = now_stamp()
    updated_by: Mapped[str]
