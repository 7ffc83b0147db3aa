"""What is known of a portal, so that a run need not ask for it: shared by all workers, and asked for again in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg

from airflow_hubspot.client import AccountDetails, HubSpotClient
from commission_sync.store.portal_cache import keep_cached, read_cached

ACCOUNT_AGE = timedelta(days=1)
ANY_AGE_IS_TOO_OLD = timedelta(0)


class PortalCache:
    """Answers from PostgreSQL while they are young enough, and from HubSpot otherwise; `saved` counts calls not made.

    `conn` is a run's own connection, with no transaction open while HubSpot is asked. Two workers that find an answer
    too old at the same time both ask: a lock across a call would cost more than the call.
    """

    def __init__(self, conn: psycopg.Connection, client: HubSpotClient, integration_id: UUID) -> None:
        self.saved = 0
        self._conn = conn
        self._client = client
        self._integration_id = integration_id

    def get(self, kind: str, max_age: timedelta, ask: Callable[[], Any]) -> Any:
        """Return the JSON-like answer of a kind, at most `max_age` old."""
        with self._conn.transaction():
            known = read_cached(self._conn, self._integration_id, kind, max_age)
        if known is not None:
            self.saved += known.calls
            return known.content
        before = self._client.stats.snapshot().calls
        answer = ask()
        calls = self._client.stats.snapshot().calls - before
        with self._conn.transaction():
            keep_cached(self._conn, self._integration_id, kind, answer, calls)
        return answer

    def account(self, max_age: timedelta = ACCOUNT_AGE) -> AccountDetails:
        """Return the portal's id, zone and currencies."""
        return AccountDetails.of(self.get("account", max_age, lambda: dict(self._client.account.details().raw)))
