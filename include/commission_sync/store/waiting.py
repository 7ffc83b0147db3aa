"""Rows that were there before the deal they hang on."""

from __future__ import annotations

from uuid import UUID

import psycopg


def join_waiting_rows(conn: psycopg.Connection, integration_id: UUID, sync_run_id: UUID) -> int:
    """Give every waiting row whose deal has come that deal, and return how many there were."""
    row = conn.execute("SELECT join_waiting_rows(%s, %s)", (integration_id, sync_run_id)).fetchone()
    assert row is not None
    return int(row[0])
