"""Installs the app in a portal: sends a person to HubSpot and makes of what comes back a company that can be synced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

import psycopg

from airflow_hubspot.client import AccountDetails, HubSpotClient, TokenEndpoint, TokenGrant
from airflow_hubspot.client.oauth import authorize_url
from commission_sync.oauth.consent import CONSENT_SECONDS, Consent, ConsentRefused
from commission_sync.oauth.features import Flags, features_without, scopes_for
from commission_sync.store.credentials import Tokens, store_authorized, use_state
from commission_sync.store.keyring import Keyring
from commission_sync.store.onboarding import Onboarding, flags_of, onboard

START, CALLBACK = "/oauth/start", "/oauth/callback"


def start_url(pages: str, company: str) -> str:
    """Return where a person authorizes the app for a company.

    :param pages: the address of our pages, such as `https://airflow.example.com/hubspot`
    """
    return f"{pages.rstrip('/')}{START}?{urlencode({'company': company})}"


@dataclass(frozen=True)
class Installed:
    """What became of a consent; `lacking` are features that are on but were not granted their scopes."""

    integration_id: UUID
    company: str
    portal_id: int
    is_new: bool
    lacking: tuple[str, ...]


@dataclass(frozen=True)
class Installation:
    """Connects companies to portals through one app.

    :param conn: a connection to the commissions database, autocommit off
    :param endpoint: the app's token endpoint
    :param client_for: makes a client for an access token
    :param conn_id: the Airflow connection that holds the app, which new integrations name
    :param pages: the address of our pages as browsers see it
    """

    conn: psycopg.Connection
    keyring: Keyring
    endpoint: TokenEndpoint
    client_for: Callable[[str], HubSpotClient]
    conn_id: str
    pages: str

    @property
    def _redirect_uri(self) -> str:
        return f"{self.pages.rstrip('/')}{CALLBACK}"

    def begin(self, company: str, *, user: str, flags: Flags) -> str:
        """Return the address of HubSpot's page that asks for the scopes which the company's features need.

        :param flags: for a company that is not there yet; one that is has its own
        """
        consent = Consent(company, user, dict(flags))
        return authorize_url(
            self.endpoint.app,
            base_url=self.endpoint.base_url,
            redirect_uri=self._redirect_uri,
            scopes=scopes_for(self._flags(consent)),
            state=consent.seal(self.keyring),
        )

    def complete(self, *, state: str, code: str, user: str) -> Installed:
        """Turn a consent that came back into an integration with its credentials, or renew them.

        :raises ConsentRefused: when it may not be used, or the portal is not the company's
        :raises HubSpotError: when HubSpot does not give tokens for the code
        """
        consent = Consent.opened(state, self.keyring, user=user)
        with self.conn.transaction():
            is_first = use_state(self.conn, consent.nonce, keep_seconds=2 * CONSENT_SECONDS)
        if not is_first:
            raise ConsentRefused("this consent has been used already; start again if the company is not connected")
        grant = self.endpoint.exchange(code, self._redirect_uri)
        with self.client_for(grant.access_token) as client:
            account = client.account.details()
        return self._kept(consent, grant, account)

    def _kept(self, consent: Consent, grant: TokenGrant, account: AccountDetails) -> Installed:
        flags = self._flags(consent)
        # v1 does not tell what was granted; nothing but what was asked for can have been.
        granted = grant.scopes if grant.scopes is not None else scopes_for(flags)
        with self.conn.transaction():
            onboarded = onboard(
                self.conn,
                Onboarding(
                    company_id=consent.company,
                    portal_id=account.portal_id,
                    conn_id=self.conn_id,
                    feature_flags=dict(flags),
                    portal_currency=account.company_currency,
                    portal_time_zone=account.time_zone,
                    actor=f"user:{consent.user}",
                ),
            )
            tokens = Tokens(grant.access_token, grant.refresh_token, grant.lifetime_seconds)
            store_authorized(
                self.conn,
                self.keyring,
                onboarded.id,
                tokens,
                scopes=list(granted),
                by=consent.user,
                client_id=self.endpoint.app.client_id,
            )
        lacking = features_without(flags, granted)
        return Installed(onboarded.id, consent.company, account.portal_id, onboarded.is_new, lacking)

    def _flags(self, consent: Consent) -> Flags:
        with self.conn.transaction():
            known = flags_of(self.conn, consent.company)
        return consent.flags if known is None else known
