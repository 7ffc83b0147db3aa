"""Reads what HubSpot says of the account behind a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_hubspot.client.errors import Invalid, NotFound
from airflow_hubspot.client.paths import path
from airflow_hubspot.client.sdk import Sdk
from airflow_hubspot.client.tokens import TokenSource


@dataclass(frozen=True)
class AccountDetails:
    """The portal; `time_zone` is the one in which HubSpot counts days."""

    portal_id: int
    account_type: str
    time_zone: str | None
    company_currency: str | None
    additional_currencies: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> AccountDetails:
        """Return the details as HubSpot sends them."""
        return cls(
            portal_id=int(raw["portalId"]),
            account_type=raw.get("accountType") or "STANDARD",
            time_zone=raw.get("timeZone"),
            company_currency=raw.get("companyCurrency"),
            additional_currencies=tuple(raw.get("additionalCurrencies") or ()),
            raw=raw,
        )


@dataclass(frozen=True)
class DailyUsage:
    """How much of the account's daily quota its private apps have used."""

    limit: int
    used: int
    resets_at: str | None


class Account:
    """The account behind the token."""

    def __init__(self, sdk: Sdk, version: str, token: TokenSource) -> None:
        self._sdk = sdk
        self._version = version
        self._token = token

    def details(self) -> AccountDetails:
        """Return the portal's id, zone and currencies."""
        details: AccountDetails = self._sdk.call("GET", path("account", self._version), read=AccountDetails.of)
        return details

    def daily_usage(self) -> DailyUsage | None:
        """Return the use of the daily quota; None when HubSpot does not tell (it does for private apps only)."""
        usage: DailyUsage | None = self._sdk.call("GET", path("daily_usage", self._version), read=_usage)
        return usage

    def token_scopes(self) -> tuple[str, ...] | None:
        """Return the scopes that were granted to the token; None when neither its source nor HubSpot tells."""
        if (known := self._token.scopes()) is not None:
            return known
        try:
            asked = {"tokenKey": self._token.token()}
            scopes: tuple[str, ...] | None = self._sdk.call(
                "POST", path("token_info", self._version), body=asked, read=_scopes
            )
        except (Invalid, NotFound):
            return None
        return scopes


def _usage(answer: Mapping[str, Any]) -> DailyUsage | None:
    for one in answer["results"]:
        return DailyUsage(int(one["usageLimit"]), int(one["currentUsage"]), one.get("resetsAt"))
    return None


def _scopes(answer: Mapping[str, Any]) -> tuple[str, ...] | None:
    scopes = answer.get("scopes")
    return tuple(scopes) if isinstance(scopes, list) else None
