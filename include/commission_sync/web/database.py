"""The commissions database for as long as a request takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import psycopg
from fastapi import Depends

from commission_sync.operators.database import commissions_connection


def _connection() -> Iterator[psycopg.Connection]:
    with commissions_connection() as conn:
        # What has to be done together stands in a transaction of its own, whatever was read before.
        conn.autocommit = True
        yield conn


Database = Annotated[psycopg.Connection, Depends(_connection)]
