"""Reads HubSpot's own history of the properties that affect pay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow_hubspot.client import Record
from airflow_hubspot.client.objects import HISTORY_BATCH_LIMIT
from commission_sync.store.history import Entry, save_history
from commission_sync.streams.step import StepContext
from commission_sync.streams.values import instant

FEATURE = "history"
_CONSUMER = "deals/history"


def follow_history(context: StepContext) -> None:
    """Take note, at the first run, that the deals which change from now on are to get their history read."""
    if context.is_on(FEATURE):
        with context.conn.transaction():
            context.feed(_CONSUMER).begin(datetime.now(UTC))


def keep_history(context: StepContext) -> None:
    """Read the history of deals of which a property that affects pay has changed since the last time."""
    if not context.is_on(FEATURE):
        return
    follow_history(context)
    for deals in context.feed(_CONSUMER).pages(context.target.stream.pay_properties):
        read_history(context, deals)


def read_history(context: StepContext, crm_ids: Sequence[str]) -> None:
    """Read the history of any number of deals, fifty a call, and keep it."""
    stream, integration = context.target.stream, context.target.integration
    for start in range(0, len(crm_ids), HISTORY_BATCH_LIMIT):
        read_at = datetime.now(UTC)
        few = crm_ids[start : start + HISTORY_BATCH_LIMIT]
        records = context.client.objects.batch_read_history(stream.object_type, few, stream.pay_properties).results
        # HubSpot lists the newest first: of two entries of one millisecond that is the one that holds.
        entries = {(e.crm_id, e.property_name, e.changed_at): e for r in records for e in reversed(list(_entries(r)))}
        with context.conn.transaction():
            save_history(
                context.conn,
                integration.id,
                stream.object_type,
                crm_ids=[record["id"] for record in records],
                entries=list(entries.values()),
                read_at=read_at,
            )


def _entries(record: Record) -> Iterator[Entry]:
    for name, past in (record.get("propertiesWithHistory") or {}).items():
        for raw in past:
            at = instant(raw.get("timestamp"))
            if at is not None:
                yield Entry(
                    crm_id=record["id"],
                    property_name=name,
                    changed_at=at,
                    value=_text(raw.get("value")),
                    source_type=_text(raw.get("sourceType")),
                    source_id=_text(raw.get("sourceId")),
                    source_label=_text(raw.get("sourceLabel")),
                    user_id=_text(raw.get("updatedByUserId")),
                )


def _text(value: Any) -> str | None:
    # PostgreSQL's text cannot hold U+0000; half of a surrogate pair cannot be encoded.
    return str(value).replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode() if value else None
