"""Which streams have to be fresh."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import psycopg

from commission_sync.flags.read import all_with_flags
from commission_sync.store.integrations import active_integrations
from commission_sync.streams.products import PRODUCTS
from commission_sync.streams.standard import STREAMS

# Read once a night, so the SLA says nothing of it.
NIGHTLY = (PRODUCTS.name,)


def switched_off(conn: psycopg.Connection) -> Sequence[tuple[UUID, str]]:
    """Return the streams that active companies have switched off: they stay as they were."""
    companies = all_with_flags(conn, active_integrations(conn))
    return [(one.id, stream.name) for one in companies for stream in STREAMS if not one.has_feature(stream.feature)]
