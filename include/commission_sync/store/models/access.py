"""Who may read what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import Base, now_stamp


class DataReader(Base):
    """A login of `commission_readonly` and a company that it may read."""

    __tablename__ = "data_readers"

    role_name: Mapped[str] = mapped_column(primary_key=True)
    company_id: Mapped[str] = mapped_column(primary_key=True)
    granted_at: Mapped[datetime] = now_stamp()
    granted_by: Mapped[str]
