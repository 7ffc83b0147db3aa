"""How operators reach a company's portal: through the gate that all workers share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from airflow_hubspot.client import HubSpotClient, Lane
from commission_sync.gate import GateSession, PostgresLimiter
from commission_sync.operators.database import COMMISSIONS_DB, commissions_dsn
from commission_sync.operators.portal import portal_hook
from commission_sync.settings import load_settings
from commission_sync.store.budgets import Ceilings
from commission_sync.store.integrations import Integration


@contextmanager
def gated_client(company: Integration, lane: Lane, database_conn_id: str = COMMISSIONS_DB) -> Iterator[HubSpotClient]:
    """Yield a client of the company's portal whose calls are taken from the shared budget.

    :raises AirflowFailException: when the company's connection is missing or cannot be one to HubSpot.
    """
    with closing(GateSession(commissions_dsn(database_conn_id))) as session:

        def limiter(burst: int | None, search: int | None) -> PostgresLimiter:
            share = load_settings().daily_quota_share
            return PostgresLimiter(session, company, lane, day_share=share, ceilings=Ceilings(burst, search))

        with portal_hook(company, database_conn_id, limiter=limiter).get_conn() as client:
            yield client
