"""Delivers events as HubSpot does: in batches, at least once, in no order, again and again when nobody takes them."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import aiohttp
import orjson

from hubspot_emulator.times import now_ms
from hubspot_emulator.webhooks.app import App
from hubspot_emulator.webhooks.signing import signed

Event = dict[str, Any]

MOST_IN_A_BATCH = 100
MOST_AT_ONCE = 10
# HubSpot, "Webhooks API": ten more attempts over a day, at random times. The delays grow and make 24 hours together.
RETRY_SECONDS = (60, 180, 600, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 26_160)


class Sender:
    """Sends what it is offered; `figures` tell what became of it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._queue: list[Event] = []
        self._filled = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._chance = random.Random(7)  # noqa: S311 - repeatable on purpose
        self._figures: Counter[str] = Counter()
        self._slowest = 0.0

    def offer(self, event: Event) -> None:
        """Take an event to be sent, or lose it, if the app has a target."""
        if self._app.target_url is None:
            return
        self._figures["happened"] += 1
        if self._chance.random() < self._app.knobs.drop_probability:
            self._figures["dropped"] += 1
            return
        self._queue.append(event)
        if self._chance.random() < self._app.knobs.duplicate_probability:
            self._figures["duplicated"] += 1
            self._queue.append(event)
        self._filled.set()

    async def start(self) -> None:
        """Begin to send."""
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._spawn(self._batches())

    async def stop(self) -> None:
        """Stop, whatever is still to be sent."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def figures(self) -> dict[str, Any]:
        """Return what became of the events, and how many are under way."""
        under_way = len(self._queue) + self._figures["taken"] - self._figures["delivered"] - self._figures["given_up"]
        shown = {k: v for k, v in self._figures.items() if k != "taken"}
        return {**shown, "under_way": under_way, "slowest_ms": round(self._slowest * 1000, 1)}

    def reset_figures(self) -> None:
        """Count anew; events that are under way are still counted when they arrive."""
        under_way = self._figures["taken"] - self._figures["delivered"] - self._figures["given_up"]
        self._figures = Counter({"taken": under_way})
        self._slowest = 0.0

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _batches(self) -> None:
        while True:
            await self._filled.wait()
            await asyncio.sleep(self._app.knobs.batch_ms / 1000)
            self._filled.clear()
            queue, self._queue = self._queue, []
            if self._app.knobs.disorder_ms:
                self._chance.shuffle(queue)
            for start in range(0, len(queue), MOST_IN_A_BATCH):
                self._figures["taken"] += len(queue[start : start + MOST_IN_A_BATCH])
                self._spawn(self._deliver(queue[start : start + MOST_IN_A_BATCH]))

    async def _deliver(self, events: list[Event]) -> None:
        await asyncio.sleep(self._chance.uniform(0, self._app.knobs.disorder_ms / 1000))
        for attempt, delay in enumerate((*RETRY_SECONDS, None)):
            if await self._attempt([{**event, "attemptNumber": attempt} for event in events]):
                self._figures["delivered"] += len(events)
                self._figures["delivered_at_once"] += 0 if attempt else len(events)
                return
            if delay is not None:
                await asyncio.sleep(delay * self._chance.uniform(0.5, 1.0) * self._app.knobs.time_scale)
        self._figures["given_up"] += len(events)

    async def _attempt(self, events: list[Event]) -> bool:
        url, knobs, body = self._app.target_url, self._app.knobs, orjson.dumps(events)
        if url is None or self._session is None:
            return False
        is_wrong = self._chance.random() < knobs.wrong_signature_probability
        secret = "not-the-secret" if is_wrong else self._app.secret
        timeout = aiohttp.ClientTimeout(total=knobs.timeout_seconds)
        async with self._slots:
            self._figures["requests"] += 1
            headers, started = signed(url, body, secret, now_ms(), v1=knobs.v1), time.perf_counter()
            status = "no_answer"
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self._session.post(url, data=body, headers=headers, timeout=timeout) as answer:
                    status = str(answer.status)
            self._slowest = max(self._slowest, time.perf_counter() - started)
            self._figures[f"answered_{status}"] += 1
        return status.startswith("2")
