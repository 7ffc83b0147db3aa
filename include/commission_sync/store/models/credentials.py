"""What opens a company's portal."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, ForeignKey, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from commission_sync.store.models.base import Base, now_stamp, zero


class Credentials(Base):
    """A company's OAuth tokens, encrypted, and who refreshes them at the moment."""

    __tablename__ = "crm_credentials"

    integration_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("crm_integrations.id", ondelete="CASCADE"), primary_key=True
    )
    refresh_token: Mapped[str]
    access_token: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    lifetime_seconds: Mapped[int | None]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'::text[]"))
    state: Mapped[str] = mapped_column(server_default="valid")
    refreshing_until: Mapped[datetime | None]
    refreshes: Mapped[int] = zero()
    forced_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    alerted_at: Mapped[datetime | None]
    authorized_at: Mapped[datetime] = now_stamp()
    authorized_by: Mapped[str | None]
    updated_at: Mapped[datetime] = now_stamp()
    client_id: Mapped[str | None]


class OAuthState(Base):
    """A consent that came back."""

    __tablename__ = "oauth_states"

    nonce: Mapped[str] = mapped_column(primary_key=True)
    used_at: Mapped[datetime] = now_stamp()
