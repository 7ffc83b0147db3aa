"""Finds out what a token opens, for whoever sets up a connection."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_hubspot.client.account import AccountDetails, DailyUsage
from airflow_hubspot.client.client import HubSpotClient
from airflow_hubspot.client.errors import HubSpotError, MissingScopes

REQUIRED_SCOPES = ("crm.objects.deals.read",)
USEFUL_SCOPES = (
    "crm.objects.line_items.read",
    "crm.objects.products.read",
    "crm.objects.contacts.read",
    "crm.objects.owners.read",
    "sales-email-read",
    "settings.currencies.read",
    "crm.objects.deals.write",
    "crm.schemas.deals.write",
)


@dataclass(frozen=True)
class Inspection:
    """What was found; None stands for what HubSpot does not tell this token."""

    account: AccountDetails
    burst_limit: int | None
    daily: DailyUsage | None
    missing_required: tuple[str, ...]
    missing_useful: tuple[str, ...]

    @property
    def is_sufficient(self) -> bool:
        """Whether deals can be read."""
        return not self.missing_required

    def describe(self) -> str:
        """Return the findings as a sentence or two."""
        burst = f"{self.burst_limit} calls per 10 s" if self.burst_limit else "a burst limit that HubSpot does not tell"
        daily = f", {self.daily.used:,} of {self.daily.limit:,} calls used today" if self.daily else ""
        said = f"Portal {self.account.portal_id} ({self.account.account_type}), {burst}{daily}."
        if self.missing_required:
            said += f" Missing scopes, without which nothing can be synced: {', '.join(self.missing_required)}."
        if self.missing_useful:
            said += f" Not granted, needed only by some features: {', '.join(self.missing_useful)}."
        return said


def inspect(client: HubSpotClient) -> Inspection:
    """Ask HubSpot what the client's token opens.

    :raises HubSpotError: when the token is refused or HubSpot cannot be reached.
    """
    account = client.account.details()
    granted = client.account.token_scopes()
    return Inspection(
        account=account,
        burst_limit=client.told_burst_limit,
        daily=_daily(client),
        missing_required=_missing_required(client, granted),
        missing_useful=tuple(s for s in USEFUL_SCOPES if granted is not None and s not in granted),
    )


def _daily(client: HubSpotClient) -> DailyUsage | None:
    try:
        return client.account.daily_usage()
    except HubSpotError:
        return None


def _missing_required(client: HubSpotClient, granted: tuple[str, ...] | None) -> tuple[str, ...]:
    if granted is not None:
        return tuple(s for s in REQUIRED_SCOPES if s not in granted)
    try:
        client.objects.list_page("deals", limit=1)
    except MissingScopes as error:
        return error.scopes or REQUIRED_SCOPES
    return ()
