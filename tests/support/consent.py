"""A company whose portal is opened by OAuth: its app, its stored tokens, its workers."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

from airflow_hubspot.client import HubSpotClient, InMemoryLimiter, NeedsAuthorization, OAuthApp, TokenEndpoint
from commission_sync.oauth.tokens import StoredTokens
from commission_sync.store import connect
from commission_sync.store.credentials import Tokens, store_authorized
from commission_sync.store.integrations import Integration, integration
from commission_sync.store.keyring import Keyring, new_key
from hubspot_emulator import Emulator

APP = OAuthApp("emulated-app", "emulated-secret")
AUTHORIZE_AT = "http://localhost:8080/hubspot/oauth/start?company=acme"


@dataclass
class Consented:
    """One company with tokens in the database."""

    emulator: Emulator
    dsn: str
    company: Integration
    keyring: Keyring = field(default_factory=lambda: Keyring([new_key()]))
    app: OAuthApp = APP
    version: str = "2026-03"
    timeout_seconds: float = 10.0
    alerts: list[NeedsAuthorization] = field(default_factory=list)

    @classmethod
    def of(cls, emulator: Emulator, dsn: str, integration_id: UUID, *, token_seconds: int = 1800) -> Consented:
        with closing(connect(dsn)) as conn, conn.transaction():
            company = integration(conn, integration_id)
        made = cls(emulator, dsn, company)
        made.authorize(token_seconds=token_seconds)
        return made

    def authorize(self, *, token_seconds: int = 1800) -> dict[str, Any]:
        """Install the app and keep its tokens, as a person's consent would."""
        self.emulator.admin.set_oauth(token_seconds=token_seconds)
        tokens = self.emulator.admin.install(self.company.portal_id)
        with closing(connect(self.dsn)) as conn, conn.transaction():
            kept = Tokens(tokens["access_token"], tokens["refresh_token"], token_seconds)
            store_authorized(
                conn, self.keyring, self.company.id, kept, scopes=["oauth"], by="a test", client_id=APP.client_id
            )
        return tokens

    def worker(self) -> StoredTokens:
        """What one task process would use."""
        endpoint = TokenEndpoint(
            self.app, base_url=self.emulator.url, version=self.version, timeout_seconds=self.timeout_seconds
        )
        return StoredTokens(
            self.company,
            open_connection=lambda: connect(self.dsn),
            keyring=self.keyring,
            endpoint=endpoint,
            authorize_at=AUTHORIZE_AT,
            alert=lambda _, error: self.alerts.append(error),
        )

    def client(self, worker: StoredTokens) -> HubSpotClient:
        limiter = InMemoryLimiter(burst_limit=100_000, search_limit=100_000)
        return HubSpotClient(token=worker, base_url=self.emulator.url, limiter=limiter, timeout_seconds=10)

    def opens(self, token: str) -> bool:
        """Whether HubSpot accepts a token now."""
        with HubSpotClient(token=token, base_url=self.emulator.url) as client:
            return client.account.details().portal_id == self.company.portal_id

    def make_due(self, *, seconds_left: float) -> None:
        """Let the token be so near its end that it is due for another one."""
        self.change("expires_at = clock_timestamp() + make_interval(secs => %s)", seconds_left)

    def change(self, assignment: str, *values: Any) -> None:
        with psycopg.connect(self.dsn) as conn:
            conn.execute(f"UPDATE crm_credentials SET {assignment}", values)

    def row(self) -> dict[str, Any]:
        with psycopg.connect(self.dsn, row_factory=psycopg.rows.dict_row) as conn:
            return conn.execute("SELECT * FROM crm_credentials").fetchone()

    @property
    def counts(self) -> dict[str, int]:
        """What was asked of the token endpoint."""
        return self.emulator.admin.oauth()
