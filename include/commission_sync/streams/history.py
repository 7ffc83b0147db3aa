"""Reads HubSpot's own history of the properties that affect pay.

An edit that was taken back before anybody looked leaves nothing in a deal but its modified time. So the history of
every deal that was modified is read, whatever differs in it, unless it was read since.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from airflow_hubspot.client import PastValue, Record
from airflow_hubspot.client.objects import HISTORY_BATCH_LIMIT
from commission_sync.store.history import Entry, outdated_among, outdated_histories, save_history
from commission_sync.streams.step import StepContext
from commission_sync.streams.values import UnreadableValue, instant

FEATURE = "history"
_CONSUMER = "deals/history"

_log = logging.getLogger(__name__)


def follow_history(context: StepContext) -> None:
    """Take note, before anything is read for the first time, that deals edited from now on get their history read."""
    if context.is_on(FEATURE):
        now = context.now()
        with context.conn.transaction():
            context.feed(_CONSUMER).begin(now)


def keep_history(context: StepContext) -> None:
    """Read the history of deals that were edited since the last time, and of those whose pay changed silently."""
    if not context.is_on(FEATURE):
        return
    follow_history(context)
    conn, target = context.conn, context.target
    pay = target.stream.pay_properties
    for deals in context.feed(_CONSUMER).pages(silent=pay, echoes=True):
        with conn.transaction():
            outdated = outdated_among(conn, target.integration.id, deals, pay)
        read_history(context, outdated)


def complete_history(context: StepContext) -> None:
    """Read the history of every deal whose own is older than its last edit, however that came to be."""
    if not context.is_on(FEATURE):
        return
    with context.conn.transaction():
        since = context.feed(_CONSUMER).since()
        outdated = outdated_histories(context.conn, context.target.integration.id, since) if since is not None else []
    read_history(context, outdated)


def read_history(context: StepContext, crm_ids: Sequence[str]) -> None:
    """Read the history of any number of deals, fifty a call, and keep it."""
    stream, integration = context.target.stream, context.target.integration
    for start in range(0, len(crm_ids), HISTORY_BATCH_LIMIT):
        read_at = context.now()
        few = crm_ids[start : start + HISTORY_BATCH_LIMIT]
        records = context.client.objects.batch_read_history(
            stream.object_type, few, stream.pay_properties, also=(stream.modified_property,)
        ).results
        # HubSpot lists the newest first: of two entries of one millisecond that is the one that holds.
        entries = {(e.crm_id, e.property_name, e.changed_at): e for r in records for e in reversed(list(entries_of(r)))}
        with context.conn.transaction():
            save_history(
                context.conn,
                integration.id,
                stream.object_type,
                versions={record["id"]: _version(record, stream.modified_property) for record in records},
                entries=list(entries.values()),
                read_at=read_at,
            )


def entries_of(record: Record) -> Iterator[Entry]:
    """Yield what HubSpot lists of a record's past; an entry whose time cannot be read is left out and told of."""
    for name, past in (record.get("propertiesWithHistory") or {}).items():
        for raw in past:
            at = _time(record["id"], name, raw.get("timestamp"))
            if at is not None:
                yield _entry(record["id"], name, at, raw)


def _entry(crm_id: str, name: str, at: datetime, raw: PastValue) -> Entry:
    return Entry(
        crm_id=crm_id,
        property_name=name,
        changed_at=at,
        value=_text(raw.get("value")),
        source_type=_text(raw.get("sourceType")),
        source_id=_text(raw.get("sourceId")),
        source_label=_text(raw.get("sourceLabel")),
        user_id=_text(raw.get("updatedByUserId")),
    )


def _version(record: Record, modified_property: str) -> datetime | None:
    told = record["properties"].get(modified_property) or record.get("updatedAt")
    return _time(record["id"], modified_property, told)


def _time(crm_id: str, name: str, value: str | None) -> datetime | None:
    try:
        return instant(value)
    except UnreadableValue as error:
        _log.warning("history entry left out deal=%s property=%s error=%r", crm_id, name, str(error))
        return None


def _text(value: Any) -> str | None:
    # PostgreSQL's text cannot hold U+0000; half of a surrogate pair cannot be encoded.
    return str(value).replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode() if value else None
