"""How operators and pages reach a company's portal: its Airflow connection, and the tokens that it gave our app."""

from __future__ import annotations

from functools import partial

from airflow.sdk import BaseHook, Connection
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from airflow_hubspot.client import TokenEndpoint
from airflow_hubspot.hooks.hubspot import HubSpotHook
from commission_sync.oauth.installation import start_url
from commission_sync.oauth.tokens import StoredTokens
from commission_sync.operators.database import COMMISSIONS_DB, commissions_dsn
from commission_sync.settings import load_settings
from commission_sync.store import connect
from commission_sync.store.integrations import Integration
from commission_sync.store.keyring import Keyring

# The connection that holds our app; HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET stand in for it.
OAUTH_APP = "hubspot_oauth"


class PortalHook(HubSpotHook):
    """A hook that also finds the app which the settings name."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        """Return an Airflow connection; the app's from the settings when Airflow knows none."""
        try:
            return BaseHook.get_connection(conn_id)
        except AirflowNotFoundException:
            settings = load_settings()
            if conn_id != OAUTH_APP or not settings.hubspot_client_id:
                raise
            return Connection(
                conn_id=conn_id,
                conn_type=cls.conn_type,
                login=settings.hubspot_client_id,
                password=settings.hubspot_client_secret.get_secret_value(),
            )


def portal_hook(company: Integration, database_conn_id: str = COMMISSIONS_DB) -> PortalHook:
    """Return the hook of a company; where its connection is an OAuth app's, with the company's tokens."""
    return PortalHook(company.conn_id, tokens=partial(_stored_tokens, company, database_conn_id))


def keyring() -> Keyring:
    """Return the keys of the stored tokens.

    :raises AirflowFailException: when there are none.
    """
    keys = load_settings().token_keys
    if not keys:
        raise AirflowFailException(
            "TOKEN_ENCRYPTION_KEYS is not set, so stored OAuth tokens can be neither read nor written; "
            "set the keys that wrote them (docs/oauth.md)"
        )
    return Keyring(keys)


def pages() -> str:
    """Return the address of our pages as browsers see it."""
    return f"{conf.get('api', 'base_url', fallback='http://localhost:8080').rstrip('/')}/hubspot"


def _stored_tokens(company: Integration, database_conn_id: str, endpoint: TokenEndpoint) -> StoredTokens:
    return StoredTokens(
        company,
        open_connection=partial(connect, commissions_dsn(database_conn_id)),
        keyring=keyring(),
        endpoint=endpoint,
        authorize_at=start_url(pages(), company.company_id),
    )
