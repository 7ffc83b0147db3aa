"""The inbox: events are on disk before HubSpot is told that they are accepted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from commission_sync.webhooks.intake import Incoming

CHANNEL = "webhook_events"
# HubSpot waits for five seconds; two tries at a connection and the insert have to fit.
_WAIT_SECONDS = 1.0
_RING_SECONDS = 0.1
# The disk, not only memory, holds what is acknowledged, whatever the server's own default is.
_SESSION = "-c timezone=UTC -c synchronous_commit=on -c statement_timeout=1s"

_log = logging.getLogger(__name__)


class InboxUnavailable(RuntimeError):
    """Events could not be kept; whoever sent them has to send them again."""


# The portal decides whose events they are; one that nobody has is kept and never guessed at.
_KEEP = """
INSERT INTO webhook_events (integration_id, portal_id, event_key, subscription_type, object_type, object_id,
                            occurred_at, payload, state, error_class, last_error, finished_at)
SELECT i.id, e.portal_id, e.event_key, e.subscription_type, e.object_type, e.object_id, e.occurred_at, e.payload::jsonb,
       verdict.state, verdict.error_class, coalesce(e.problem, verdict.reason),
       CASE WHEN verdict.state <> 'received' THEN now() END
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[])
     AS e (portal_id, event_key, subscription_type, object_type, object_id, occurred_at, payload, problem)
LEFT JOIN crm_integrations i ON i.portal_id = e.portal_id
CROSS JOIN LATERAL (
    SELECT * FROM (VALUES
        ('dead', 'unreadable', NULL, e.problem IS NOT NULL),
        ('ignored', NULL, 'no company has this portal', i.id IS NULL),
        ('ignored', NULL, 'the company is not active', NOT i.is_active),
        ('ignored', NULL, 'webhooks are switched off for the company', i.feature_flags->>'webhooks' = 'false'),
        ('received', NULL, NULL, true)
    ) AS rule (state, error_class, reason, applies) WHERE applies LIMIT 1
) verdict
ON CONFLICT (event_key, occurred_at) DO NOTHING
"""


class Inbox:
    """Where a web server keeps events; one for each process, opened at the first event.

    :param dsn: the commissions database
    :param connections: how many it may use at once
    """

    def __init__(self, dsn: str, *, connections: int = 8) -> None:
        self._dsn = dsn
        self._connections = connections
        self._pool: AsyncConnectionPool | None = None
        self._opening = asyncio.Lock()
        self._ringing: asyncio.Task[None] | None = None

    async def keep(self, events: Sequence[Incoming]) -> int:
        """Keep all of the events, or none, and return how many were new.

        :raises InboxUnavailable: when the database does not confirm it.
        """
        kept = await self._insert(events) if events else 0
        if kept and self._ringing is None:
            self._ringing = asyncio.create_task(self._ring())
        return kept

    async def close(self) -> None:
        """Let go of the connections."""
        if self._ringing is not None:
            await self._ringing
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _insert(self, events: Sequence[Incoming]) -> int:
        pool = await self._opened()
        columns = [list(column) for column in zip(*map(_row, events), strict=True)]
        try:
            return await _run(pool, columns)
        except psycopg.OperationalError:
            # The server may have been restarted since: inserting twice does the same as once.
            with suppress(psycopg.Error):
                await pool.check()
        try:
            return await _run(pool, columns)
        except psycopg.Error as error:
            raise InboxUnavailable(f"{type(error).__name__}: {_first_line(error)}") from None

    async def _opened(self) -> AsyncConnectionPool:
        async with self._opening:
            if self._pool is None:
                self._pool = AsyncConnectionPool(
                    self._dsn,
                    min_size=1,
                    max_size=self._connections,
                    timeout=_WAIT_SECONDS,
                    reconnect_timeout=5.0,
                    open=False,
                    name="webhooks",
                    kwargs={
                        "autocommit": True,
                        "connect_timeout": 2,
                        "application_name": "commission-sync-webhooks",
                        "options": _SESSION,
                    },
                )
                await self._pool.open()
            return self._pool

    async def _ring(self) -> None:
        # In a transaction of its own, and one for many inserts: those that notify are committed one after the other.
        # A bell that does not ring costs seconds, as whoever listens looks for himself as well.
        await asyncio.sleep(_RING_SECONDS)
        self._ringing = None
        try:
            async with (await self._opened()).connection() as conn:
                await conn.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
        except psycopg.Error as error:
            _log.warning("webhooks bell not rung error=%r", _first_line(error))


async def _run(pool: AsyncConnectionPool, columns: list[list[object]]) -> int:
    try:
        async with pool.connection() as conn:
            return (await conn.execute(_KEEP, columns)).rowcount
    except PoolTimeout:
        raise InboxUnavailable("the commissions database does not answer") from None


def _row(event: Incoming) -> tuple[object, ...]:
    return (
        event.portal_id,
        event.event_key,
        event.subscription_type,
        event.object_type,
        event.object_id,
        event.occurred_at,
        event.payload,
        event.problem,
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
