"""The commissions database for as long as a request takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import psycopg
from fastapi import Depends

from commission_sync.operators.database import commissions_connection


def _connection() -> Iterator[psycopg.Connection]:
    with commissions_connection() as conn:
        yield conn


Database = Annotated[psycopg.Connection, Depends(_connection)]
