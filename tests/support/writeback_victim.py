"""Plans and applies one run of a write-back in a process of its own, to be killed: `URL TOKEN DSN INTEGRATION RUN`.

`FREEZE_AT_CALL=3` stops it (SIGSTOP) right before its third call to HubSpot.
"""

import sys
from contextlib import closing
from uuid import UUID

from airflow_hubspot.client import HubSpotClient
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.writeback.planning import PlanRequest
from commission_sync.writeback.runs import apply_plan, plan_company
from frozen_limiter import FreezesBeforeWriting


def main(url: str, token: str, dsn: str, integration_id: str, run_id: str) -> None:
    limiter = FreezesBeforeWriting()
    with closing(connect(dsn)) as conn, HubSpotClient(token=token, base_url=url, limiter=limiter) as client:
        with conn.transaction():
            company = integration(conn, UUID(integration_id))
        plan = plan_company(conn, company, PlanRequest("commission_writeback", run_id))
        if plan is not None:
            apply_plan(conn, company, client, plan.id)


if __name__ == "__main__":
    main(*sys.argv[1:])
