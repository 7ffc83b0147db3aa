"""Reads again what was written.

A write whose answer told the values needs no call at once: the change comes back with the next sync of deals, where the
echo ledger compares it. What has not come back after a while, and what no answer told of, is read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import psycopg

from airflow_hubspot.client import HubSpotClient, Record
from airflow_hubspot.client.objects import BATCH_LIMIT
from commission_sync.store.sent_rows import SentRow, Verdict, record_verdicts, unverified_rows
from commission_sync.streams.values import instant
from commission_sync.writeback.properties import OBJECT_TYPE, Layout
from commission_sync.writeback.target import MODIFIED

PATIENCE = timedelta(minutes=15)


@dataclass(frozen=True)
class Verified:
    """How many rows were read again, and the records whose values are not those that were written."""

    rows: int
    differing: list[str]


def verify(
    client: HubSpotClient, conn: psycopg.Connection, integration_id: UUID, layout: Layout, *, at_once: bool = False
) -> Verified:
    """Read the rows that need it again, and keep what was found.

    :param at_once: read everything that was not read again yet, also what the sync would bring
    """
    rows, differing = 0, []
    while batch := _next(conn, integration_id, at_once=at_once):
        names = [*layout.by_name, *sorted({name for row in batch for name in row.properties}), MODIFIED]
        found = client.objects.batch_read(OBJECT_TYPE, [row.crm_id for row in batch], list(dict.fromkeys(names)))
        by_id = {record["id"]: record for record in found.results}
        verdicts = [_verdict(layout, row, by_id.get(row.crm_id)) for row in batch]
        with conn.transaction():
            record_verdicts(conn, verdicts)
        rows += len(batch)
        differing += [row.crm_id for row, verdict in zip(batch, verdicts, strict=True) if verdict.mismatch]
    return Verified(rows, differing)


def _next(conn: psycopg.Connection, integration_id: UUID, *, at_once: bool) -> list[SentRow]:
    with conn.transaction():
        return unverified_rows(conn, integration_id, at_once=at_once, patience=PATIENCE, limit=BATCH_LIMIT)


def _verdict(layout: Layout, row: SentRow, record: Record | None) -> Verdict:
    if record is None:
        return Verdict(row.id, None, {"(deal)": [row.crm_id, None]}, None)
    now = {name: record["properties"].get(name) for name in row.properties}
    mismatch = {
        name: [written, now[name]]
        for name, written in row.properties.items()
        if not (layout.by_name[name].agree(written, now[name]) if name in layout.by_name else written == now[name])
    }
    at = instant(record["properties"].get(MODIFIED) or record["updatedAt"])
    return Verdict(row.id, now, mismatch or None, at)
