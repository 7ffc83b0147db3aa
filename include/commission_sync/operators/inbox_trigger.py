"""Calls for the `hubspot_webhooks` DAG when events wait and nobody is at their lane."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from airflow.sdk import BaseHook
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from commission_sync.operators.database import COMMISSIONS_DB
from commission_sync.webhooks.inbox import CHANNEL
from commission_sync.webhooks.lanes import DUE_LANES

# It looks for itself as well: a notification that is sent while nobody listens is lost, and retries fall due silently.
LOOK_SECONDS = 2.0
# A run takes that long to get to work; calling again meanwhile would only make more of them.
CALL_AGAIN_SECONDS = 10.0
_RECONNECT_SECONDS = 3.0

_log = logging.getLogger(__name__)


class InboxTrigger(BaseEventTrigger):
    """Fires when a company has events that are due at a lane that is neither paused nor attended.

    :param database_conn_id: the Airflow connection of the commissions database
    """

    def __init__(self, database_conn_id: str = COMMISSIONS_DB) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.database_conn_id = database_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return where this class is, and its arguments."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {"database_conn_id": self.database_conn_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event whenever a worker is needed, for ever; a database that is away is waited for."""
        while True:
            try:
                dsn = (await BaseHook.aget_connection(self.database_conn_id)).get_uri()
                async for companies in due(dsn):
                    yield TriggerEvent({"companies": companies})  # type: ignore[no-untyped-call]
            except psycopg.Error as error:
                _log.warning("webhooks watcher waits error=%r", str(error).partition("\n")[0])
                await asyncio.sleep(_RECONNECT_SECONDS)


async def due(dsn: str) -> AsyncIterator[list[str]]:
    """Yield the companies at whose lanes a worker is needed, each at most once in a while.

    :raises psycopg.Error: when the connection is lost.
    """
    called: dict[str, float] = {}
    async with await psycopg.AsyncConnection.connect(
        dsn, autocommit=True, application_name="commission-sync-watcher", connect_timeout=10, keepalives_idle=30
    ) as conn:
        await conn.execute(f"LISTEN {CHANNEL}")
        while True:
            waiting = [company for _, company in await (await conn.execute(DUE_LANES)).fetchall()]
            now = time.monotonic()
            # A lane that is no longer waiting has been seen to: the next event there is a new call.
            called = {company: at for company, at in called.items() if company in waiting}
            needed = [company for company in waiting if now - called.get(company, -1e9) >= CALL_AGAIN_SECONDS]
            if needed:
                called |= dict.fromkeys(needed, now)
                yield needed
            async for _ in conn.notifies(timeout=LOOK_SECONDS, stop_after=1):
                pass
