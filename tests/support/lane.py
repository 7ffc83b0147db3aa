"""A company's lane: events put into its inbox, and a worker that works them off, without Airflow."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.webhooks.inbox import Inbox
from commission_sync.webhooks.intake import incoming
from commission_sync.webhooks.processing import Tally
from commission_sync.webhooks.worker import LaneWorker
from webhook_requests import body_of
from world import World


def receive(dsn: str, *events: dict[str, Any]) -> int:
    """Keep events as the receiver does, and return how many were new."""

    async def keep() -> int:
        inbox = Inbox(dsn)
        try:
            return await inbox.keep(incoming(body_of(*events), most=100_000))
        finally:
            await inbox.close()

    return asyncio.run(keep())


def work(world: World, *, most_retries: int = 3, quiet_seconds: float = 0.0, token: str | None = None) -> Tally:
    """Work off what is due."""
    with closing(connect(world.dsn)) as conn, world.client(token=token) as client:
        with conn.transaction():
            company = integration(conn, world.integration_id)
        worker = LaneWorker(company, client, conn, most_retries=most_retries, quiet_seconds=quiet_seconds)
        return worker.run(dag_id="hubspot_webhooks", run_id="test", try_number=1)


def states(world: World) -> dict[str, int]:
    return dict(world.query("SELECT state, count(*)::int FROM webhook_events GROUP BY state"))


def make_due(world: World) -> None:
    """Let the time pass that events wait for."""
    world.execute("UPDATE webhook_events SET next_attempt_at = now() WHERE state IN ('retry', 'processing')")
