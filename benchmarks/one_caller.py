"""A worker that calls as often as the gate lets it; half of its threads list and the other half search.

`one_caller.py URL TOKEN DSN INTEGRATION LANE THREADS SECONDS START`, the last one in seconds since 1970.
"""

import sys
import threading
import time
from contextlib import closing
from uuid import UUID

from airflow_hubspot.client import HubSpotClient, HubSpotError, Lane, Policy, SearchQuery
from commission_sync.gate import GateSession, PostgresLimiter
from commission_sync.store import connect
from commission_sync.store.integrations import integration

_SMALL = SearchQuery(limit=1)


def main(url: str, token: str, dsn: str, integration_id: str, *how: str) -> None:
    lane, threads, seconds, start = how
    with closing(connect(dsn)) as conn, closing(GateSession(dsn)) as session:
        company = integration(conn, UUID(integration_id))
        limiter = PostgresLimiter(session, company, Lane[lane])
        with HubSpotClient(token=token, base_url=url, limiter=limiter) as client:
            time.sleep(max(0.0, float(start) - time.time()))
            failures = _call_for(client, int(threads), float(seconds))
            print(f"calls={client.stats.snapshot().calls} failures={failures}")


def _call_for(client: HubSpotClient, threads: int, seconds: float) -> int:
    deadline = time.monotonic() + seconds
    failures = []

    def work(policy: Policy) -> None:
        while time.monotonic() < deadline:
            try:
                if policy is Policy.SEARCH:
                    client.objects.search_page("deals", _SMALL)
                else:
                    client.objects.list_page("deals", limit=1)
            except HubSpotError as error:
                if time.monotonic() < deadline:
                    failures.append(error)

    policies = [(Policy.BURST, Policy.SEARCH)[n % 2] for n in range(threads)]
    workers = [threading.Thread(target=work, args=(policy,), daemon=True) for policy in policies]
    for worker in workers:
        worker.start()
    time.sleep(max(0.0, deadline - time.monotonic()))
    client.give_up()
    for worker in workers:
        worker.join(timeout=5)
    return len(failures)


if __name__ == "__main__":
    main(*sys.argv[1:])
