"""The receiver and a worker in processes of their own, to be killed: `webhook_processes.py receiver|worker ...`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from uuid import UUID

import psycopg
import uvicorn
from fastapi import FastAPI

from airflow_hubspot.client import HubSpotClient, InMemoryLimiter
from commission_sync.store import DatabaseUnavailable, connect
from commission_sync.store.integrations import integration
from commission_sync.web.receiver import Receiver
from commission_sync.webhooks.inbox import Inbox
from commission_sync.webhooks.worker import LaneWorker

HERE = Path(__file__)


class Kept:
    """A process that is started again whenever it was killed."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._arguments, self._environment = arguments, environment
        self.kills = 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, str(HERE), *self._arguments]
        self.process = subprocess.Popen(command, env={**os.environ, **self._environment})

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.kills += 1

    def restart(self) -> None:
        self.kill()
        self.start()


def receive(dsn: str, port: str) -> None:
    """Serve the receiver as Airflow's web server does, without Airflow."""
    inbox: list[Inbox] = []

    async def opened() -> Inbox:
        if not inbox:
            inbox.append(Inbox(dsn))
        return inbox[0]

    app = FastAPI()
    app.include_router(Receiver(opened).router(), prefix="/hubspot")
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


def work(dsn: str, url: str, token: str, integration_id: str) -> None:
    """Work off one company's lane for ever, as one task after another does."""
    limiter = InMemoryLimiter(burst_limit=100_000, search_limit=100_000)
    while True:
        try:
            with closing(connect(dsn)) as conn, HubSpotClient(token=token, base_url=url, limiter=limiter) as client:
                with conn.transaction():
                    company = integration(conn, UUID(integration_id))
                worker = LaneWorker(company, client, conn, most_retries=3, quiet_seconds=1.0)
                worker.run(dag_id="hubspot_webhooks", run_id="chaos", try_number=1)
        except (DatabaseUnavailable, psycopg.Error):
            time.sleep(0.5)
        time.sleep(0.2)


def main(arguments: Sequence[str]) -> None:
    {"receiver": receive, "worker": work}[arguments[0]](*arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
