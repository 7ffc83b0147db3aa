"""The append-only log of changes."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import EMPTY, Base, now_stamp


class AuditEntry(Base):
    """One change of one record; a trigger refuses everything but INSERT."""

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "integration_id", "entity", "entity_id", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    integration_id: Mapped[uuid.UUID | None]
    entity: Mapped[str]
    entity_id: Mapped[str]
    action: Mapped[str]
    changes: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY)
    actor: Mapped[str]
    sync_run_id: Mapped[uuid.UUID | None]
    at: Mapped[datetime] = now_stamp()
