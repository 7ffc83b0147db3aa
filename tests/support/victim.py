"""Runs one try of a sync in a process of its own, to be killed: `victim.py URL TOKEN DSN INTEGRATION TRY [WHAT]`.

WHAT is `deals` (default), `everything` for all streams, or `reconcile`.
"""

import sys
from contextlib import closing
from uuid import UUID

from airflow_hubspot.client import HubSpotClient, InMemoryLimiter
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.streams.activities import ACTIVITIES
from commission_sync.streams.company import Reconciliation
from commission_sync.streams.deals import DEALS
from commission_sync.streams.line_items import LINE_ITEMS
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.sync import StreamSync, in_turn

EVERY_STREAM = (DEALS, LINE_ITEMS, *ACTIVITIES)


def main(url: str, token: str, dsn: str, integration_id: str, attempt: str, what: str = "deals") -> None:
    limiter = InMemoryLimiter(burst_limit=100_000, search_limit=100_000)
    request = SyncRequest(Mode.INCREMENTAL, f"hubspot_{what}", "killed-run", int(attempt))
    with closing(connect(dsn)) as conn, HubSpotClient(token=token, base_url=url, limiter=limiter) as client:
        with conn.transaction():
            company = integration(conn, UUID(integration_id))
        if what == "reconcile":
            Reconciliation(EVERY_STREAM, company, client, conn, Settings(), max_archived_percent=100).run(request)
        else:
            streams = EVERY_STREAM if what == "everything" else (DEALS,)
            in_turn((StreamSync(stream, company, client, conn, Settings()) for stream in streams), request)


if __name__ == "__main__":
    main(*sys.argv[1:])
