"""What all tables share: the metadata, how Python types become columns, and the columns that recur."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Text,
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


def new_id() -> Mapped[uuid.UUID]:
    """Declare a UUID key that the database makes."""
    return mapped_column(primary_key=True, server_default=NEW_ID)


def integration_key() -> Mapped[uuid.UUID]:
    """Declare the company that a row belongs to."""
    return mapped_column(ForeignKey("crm_integrations.id"))


def now_stamp() -> Mapped[datetime]:
    """Declare a time that is now unless said."""
    return mapped_column(server_default=NOW)


def zero() -> Mapped[int]:
    """Declare a counter that starts at 0."""
    return mapped_column(BigInteger, server_default=text("0"))
