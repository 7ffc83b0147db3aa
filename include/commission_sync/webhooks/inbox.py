"""The inbox: events are on disk before HubSpot is told that they are accepted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import orjson
import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from commission_sync.flags.read import COMPANIES, decided_off
from commission_sync.store.flags import ALL_RULES, rules_by_company
from commission_sync.webhooks.intake import Incoming

CHANNEL = "webhook_events"
# HubSpot waits for five seconds; two tries at a connection and the insert have to fit.
_WAIT_SECONDS = 1.0
_RING_SECONDS = 0.1
_CLOCK_SECONDS = 60.0
# A worker looks at the flags itself, so what slips through in between is not worked off.
_FLAGS_SECONDS = 5.0
FLAG = "webhooks"
# While one waits for the disk, another gets ready.
_WRITERS = 2
_MOST_AT_ONCE = 1_000
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
FROM json_to_recordset(%s::json)
     AS e (portal_id bigint, event_key text, subscription_type text, object_type text, object_id bigint,
           occurred_at timestamptz, payload text, problem text)
LEFT JOIN crm_integrations i ON i.portal_id = e.portal_id
CROSS JOIN LATERAL (
    SELECT * FROM (VALUES
        ('dead', 'unreadable', NULL, e.problem IS NOT NULL),
        ('ignored', NULL, 'no company has this portal', i.id IS NULL),
        ('ignored', NULL, 'the company is not active', NOT i.is_active),
        ('ignored', NULL, 'webhooks are switched off for the company', i.id = ANY (%s)),
        ('received', NULL, NULL, true)
    ) AS rule (state, error_class, reason, applies) WHERE applies LIMIT 1
) verdict
ON CONFLICT (event_key, occurred_at) DO NOTHING
RETURNING event_key
"""

_NOW_MS = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"


@dataclass(eq=False)
class _Waiting:
    """Events of one request, and the number of new ones once they are kept."""

    events: Sequence[Incoming]
    kept: asyncio.Future[int]


@dataclass(frozen=True)
class _Told:
    """What time the database told, and when by this process's monotonic clock."""

    ms: int
    monotonic: float


@dataclass(frozen=True)
class _Decided:
    """Which companies do not have webhooks, and when that was decided by this process's monotonic clock."""

    without: list[UUID]
    monotonic: float


class Inbox:
    """Where a web server keeps events; one for each process, opened at the first event.

    Requests that arrive while others are being written share the next insert, and its wait for the disk: the slower the
    disk, the more of them.

    :param dsn: the commissions database
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: AsyncConnectionPool | None = None
        self._opening = asyncio.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._writers: set[asyncio.Task[None]] = set()
        self._ringing: asyncio.Task[None] | None = None
        self._told: _Told | None = None
        self._decided: _Decided | None = None

    async def keep(self, events: Sequence[Incoming]) -> int:
        """Keep all of the events, or none, and return how many were new.

        :raises InboxUnavailable: when the database does not confirm it.
        """
        if not events:
            return 0
        waiting = _Waiting(events, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._writers) < _WRITERS:
            writer = asyncio.create_task(self._write())
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return await waiting.kept

    async def now_ms(self) -> int:
        """Return the database's time, in milliseconds since 1970: asked for once a minute, carried on in between.

        A web server's own clock may be off, and would then refuse whatever HubSpot has signed.

        :raises InboxUnavailable: when the database has never told it.
        """
        if self._told is None or time.monotonic() - self._told.monotonic > _CLOCK_SECONDS:
            try:
                async with (await self._opened()).connection() as conn:
                    row = await (await conn.execute(_NOW_MS)).fetchone()
                assert row is not None
                self._told = _Told(row[0], time.monotonic())
            except (psycopg.Error, PoolTimeout) as error:
                if self._told is None:
                    raise InboxUnavailable(f"{type(error).__name__}: {_first_line(error)}") from None
        return self._told.ms + round((time.monotonic() - self._told.monotonic) * 1000)

    async def close(self) -> None:
        """Let go of the connections, once what waits is kept."""
        await asyncio.gather(*self._writers, return_exceptions=True)
        if self._ringing is not None:
            await self._ringing
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _write(self) -> None:
        while self._waiting:
            some = [self._waiting.popleft()]
            room = _MOST_AT_ONCE - len(some[0].events)
            while self._waiting and len(self._waiting[0].events) <= room:
                some.append(self._waiting.popleft())
                room -= len(some[-1].events)
            await self._settle(some)

    async def _settle(self, some: Sequence[_Waiting]) -> None:
        try:
            new = await self._insert([event for waiting in some for event in waiting.events])
        except psycopg.Error as error:
            if len(some) > 1:
                # One request's events must not be another's undoing.
                for waiting in some:
                    await self._settle([waiting])
                return
            _fail(some, InboxUnavailable(f"{type(error).__name__}: {_first_line(error)}"))
        except Exception as error:
            _fail(some, error)
        else:
            for waiting in some:
                if not waiting.kept.done():
                    waiting.kept.set_result(len(new & {event.event_key for event in waiting.events}))
            if new and self._ringing is None:
                self._ringing = asyncio.create_task(self._ring())

    async def _insert(self, events: Sequence[Incoming]) -> set[str]:
        pool = await self._opened()
        # Transactions that insert the same keys at the same time must do so in the same order, or they may deadlock.
        ordered = sorted({event.event_key: event for event in events}.items())
        # One text, as psycopg writes arrays in Python, which was a fifth of what a webhook cost the server.
        rows = orjson.dumps([event for _, event in ordered]).decode()
        try:
            return await _run(pool, rows, await self._without(pool))
        except psycopg.OperationalError:
            # The server may have been restarted since: inserting twice does the same as once.
            with suppress(psycopg.Error):
                await pool.check()
        return await _run(pool, rows, await self._without(pool))

    async def _without(self, pool: AsyncConnectionPool) -> list[UUID]:
        """Return the companies that do not have webhooks, as their flags decided a few seconds ago at most."""
        if self._decided is None or time.monotonic() - self._decided.monotonic > _FLAGS_SECONDS:
            try:
                async with pool.connection() as conn:
                    companies = await (await conn.execute(COMPANIES)).fetchall()
                    rules = await (await conn.execute(ALL_RULES)).fetchall()
            except PoolTimeout:
                raise InboxUnavailable("the commissions database does not answer") from None
            without = decided_off(FLAG, companies, rules_by_company(rules))
            self._decided = _Decided(sorted(without), time.monotonic())
        return self._decided.without

    async def _opened(self) -> AsyncConnectionPool:
        async with self._opening:
            if self._pool is None:
                self._pool = AsyncConnectionPool(
                    self._dsn,
                    # One to ring the bell beside those that write.
                    min_size=_WRITERS + 1,
                    max_size=_WRITERS + 1,
                    timeout=_WAIT_SECONDS,
                    reconnect_timeout=5.0,
                    open=False,
                    name="webhooks",
                    kwargs={
                        "autocommit": True,
                        "connect_timeout": 2,
                        "prepare_threshold": 0,
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


async def _run(pool: AsyncConnectionPool, rows: str, without: list[UUID]) -> set[str]:
    try:
        async with pool.connection() as conn:
            return {row[0] for row in await (await conn.execute(_KEEP, (rows, without))).fetchall()}
    except PoolTimeout:
        raise InboxUnavailable("the commissions database does not answer") from None


def _fail(some: Sequence[_Waiting], error: Exception) -> None:
    for waiting in some:
        if not waiting.kept.done():
            waiting.kept.set_exception(error)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
