"""Makes sure that a connection's token belongs to the portal that the integration names."""

from __future__ import annotations

from dataclasses import replace

import psycopg

from airflow_hubspot.client import HubSpotClient, HubSpotError
from commission_sync.gate.cache import ACCOUNT_AGE, ANY_AGE_IS_TOO_OLD, PortalCache
from commission_sync.store.integrations import Integration, record_account


class WrongPortal(HubSpotError):
    """A token belongs to another portal than the one whose rows it would fill."""

    is_final = True


def verified(
    client: HubSpotClient, conn: psycopg.Connection, integration: Integration, cache: PortalCache
) -> Integration:
    """Return the integration with its portal's currency and time zone, having checked the token's portal.

    HubSpot is asked (one call) for a token that has not been checked before, as mixing up two customers' tokens would
    pay people from another company's deals, and once a day for currency and time zone.

    :raises WrongPortal: when the token belongs to another portal.
    """
    fingerprint = client.token_fingerprint()
    is_known = fingerprint == integration.verified_token_fingerprint
    if is_known:
        client.prove_token()
    account = cache.account(ACCOUNT_AGE if is_known else ANY_AGE_IS_TOO_OLD)
    if account.portal_id != integration.portal_id:
        raise WrongPortal(
            f"connection {integration.conn_id!r} has a token of portal {account.portal_id}, "
            f"but company {integration.company_id!r} is portal {integration.portal_id}",
            hint="nothing was read or written; put the right token into the connection, "
            "or correct crm_integrations.portal_id",
        )
    if not is_known or (account.company_currency, account.time_zone) != (
        integration.portal_currency,
        integration.portal_time_zone,
    ):
        with conn.transaction():
            record_account(
                conn,
                integration.id,
                token_fingerprint=fingerprint,
                currency=account.company_currency,
                time_zone=account.time_zone,
            )
    return replace(
        integration,
        portal_currency=account.company_currency,
        portal_time_zone=account.time_zone,
        verified_token_fingerprint=fingerprint,
    )
