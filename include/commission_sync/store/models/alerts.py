"""What people are told when a DAG stops working for a company."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import Base, new_id, now_stamp


class AlertIncident(Base):
    """From when a DAG stops working for a company until it works again."""

    __tablename__ = "alert_incidents"
    __table_args__ = (
        Index(
            "uq_alert_incidents_open",
            "integration_id",
            "dag_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(None, "opened_at"),
    )

    id: Mapped[uuid.UUID] = new_id()
    integration_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("crm_integrations.id", ondelete="CASCADE"))
    dag_id: Mapped[str]
    kind: Mapped[str]
    error_class: Mapped[str | None]
    message: Mapped[str | None]
    since: Mapped[datetime]
    last_good_at: Mapped[datetime | None]
    run_id: Mapped[str | None]
    task_id: Mapped[str | None]
    map_index: Mapped[int] = mapped_column(server_default=text("-1"))
    opened_at: Mapped[datetime] = now_stamp()
    seen_at: Mapped[datetime] = now_stamp()
    closed_at: Mapped[datetime | None]
    announced_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    recovery_announced_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]
