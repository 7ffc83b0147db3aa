"""The companies of a local run: which HubSpot each has, its row in `crm_integrations`, its connection."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import psycopg

from commission_sync.local.errors import LocalError

HUBSPOT = "https://api.hubapi.com"
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Tenant:
    """A company and the HubSpot portal it is synced from."""

    company: str
    portal_id: int
    token: str = field(repr=False)
    base_currency: str = "USD"
    sample_deals: int = 0

    @property
    def conn_id(self) -> str:
        """The name of its Airflow connection."""
        return connection_name(self.company)

    def connection(self, url: str) -> dict[str, Any]:
        """Return its Airflow connection as the API takes it."""
        # The port in a field of its own: the Test button refuses a stored connection without one.
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.hostname}"
        return {"conn_type": "hubspot", "host": host, "port": parts.port, "password": self.token}

    def portal_argument(self) -> str:
        """Return the emulator's `--portal` argument that stands for it."""
        return f"company={self.company},id={self.portal_id},deals={self.sample_deals},token={self.token}"


# A busy company, a usual one, a small one. The tokens open nothing but the emulator on the same machine.
SAMPLES = (
    Tenant("acme", 1001, "pat-demo-acme", "USD", 10_000),
    Tenant("globex", 1002, "pat-demo-globex", "USD", 1_000),
    Tenant("initech", 1003, "pat-demo-initech", "USD", 50),
)


def connection_name(company: str) -> str:
    """Return the connection's name for a company, in the characters that Airflow takes everywhere."""
    return "hubspot_" + re.sub(r"[^a-z0-9]+", "_", company.lower()).strip("_")


def connection_variable(company: str, host: str, token: str) -> dict[str, str]:
    """Return the variable of the environment that is a company's connection."""
    connection = {"conn_type": "hubspot", "host": host, "password": token}
    return {f"AIRFLOW_CONN_{connection_name(company).upper()}": json.dumps(connection)}


def real_connection(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that makes HUBSPOT_ACCESS_TOKEN a connection for every `airflow` command.

    The token stays in the environment and is not stored in Airflow's database.
    """
    token = variables.get("HUBSPOT_ACCESS_TOKEN")
    if not token:
        return {}
    return connection_variable(company_name(variables), variables.get("HUBSPOT_BASE_URL") or HUBSPOT, token)


def app_connection(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that makes HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET the connection of our OAuth app."""
    app, secret = variables.get("HUBSPOT_CLIENT_ID"), variables.get("HUBSPOT_CLIENT_SECRET")
    if not app or not secret:
        return {}
    host = variables.get("HUBSPOT_BASE_URL") or HUBSPOT
    connection = {"conn_type": "hubspot", "host": host, "login": app, "password": secret}
    return {"AIRFLOW_CONN_HUBSPOT_OAUTH": json.dumps(connection)}


def enlist(dsn: str, tenants: Sequence[Tenant]) -> None:
    """Put the companies into `crm_integrations` and make them active; what is set on a row already stays."""
    with psycopg.connect(dsn) as connection:
        for tenant in tenants:
            connection.execute(
                "INSERT INTO crm_integrations (company_id, provider, portal_id, conn_id, base_currency)"
                " VALUES (%s, 'hubspot', %s, %s, %s) ON CONFLICT (portal_id) DO UPDATE"
                " SET company_id = excluded.company_id, conn_id = excluded.conn_id, is_active = true",
                (tenant.company, tenant.portal_id, tenant.conn_id, tenant.base_currency),
            )


def retire_samples(dsn: str) -> None:
    """Make the sample companies inactive: without the emulator each of their runs would fail."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "UPDATE crm_integrations SET is_active = false WHERE portal_id = ANY(%s) AND conn_id = ANY(%s)",
            ([sample.portal_id for sample in SAMPLES], [sample.conn_id for sample in SAMPLES]),
        )


def real_tenant(variables: Mapping[str, str]) -> Tenant | None:
    """Return the company behind HUBSPOT_ACCESS_TOKEN, None when that is not set.

    Asks HubSpot which portal the token is for.

    :raises LocalError: the token is not accepted, or HubSpot cannot be reached.
    """
    token = variables.get("HUBSPOT_ACCESS_TOKEN")
    if not token:
        return None
    details = _account_details(variables.get("HUBSPOT_BASE_URL") or HUBSPOT, token)
    return Tenant(
        company=company_name(variables),
        portal_id=int(details["portalId"]),
        token=token,
        base_currency=str(details.get("companyCurrency") or "USD"),
    )


def company_name(variables: Mapping[str, str]) -> str:
    """Return the name for the company behind HUBSPOT_ACCESS_TOKEN."""
    return variables.get("COMPANY") or "my-company"


def _account_details(host: str, token: str) -> Mapping[str, Any]:
    request = urllib.request.Request(f"{host.rstrip('/')}/account-info/2026-09/details")  # noqa: S310 - https
    # An unredirected header: a redirect to another host must not carry the token along.
    request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            details: Mapping[str, Any] = json.load(answer)
            return details
    except urllib.error.HTTPError as error:
        raise LocalError(
            f"HubSpot answered {error.code} to the token in HUBSPOT_ACCESS_TOKEN: it has to be the token of "
            "a private app or a service key of your portal (starts with pat-), not revoked; copy it again."
        ) from None
    except (OSError, ValueError) as error:
        raise LocalError(
            f"HubSpot at {host} cannot be reached ({error}): check the network, then start again."
        ) from None
