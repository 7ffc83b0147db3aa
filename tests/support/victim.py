"""Runs one try of a deals sync in a process of its own, to be killed: `victim.py URL TOKEN DSN INTEGRATION TRY`."""

import sys
from contextlib import closing
from uuid import UUID

from airflow_hubspot.client import HubSpotClient, InMemoryLimiter
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.streams.deals import DEALS
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.sync import StreamSync


def main(url: str, token: str, dsn: str, integration_id: str, attempt: str) -> None:
    limiter = InMemoryLimiter(burst_limit=100_000, search_limit=100_000)
    request = SyncRequest(Mode.INCREMENTAL, "hubspot_deals", "killed-run", int(attempt))
    with closing(connect(dsn)) as conn, HubSpotClient(token=token, base_url=url, limiter=limiter) as client:
        with conn.transaction():
            company = integration(conn, UUID(integration_id))
        StreamSync(DEALS, company, client, conn, Settings()).run(request)


if __name__ == "__main__":
    main(*sys.argv[1:])
