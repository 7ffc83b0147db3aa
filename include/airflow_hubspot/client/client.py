"""One portal's client."""

from __future__ import annotations

from types import TracebackType

from airflow_hubspot.client.account import Account
from airflow_hubspot.client.associations import Associations
from airflow_hubspot.client.currencies import Currencies
from airflow_hubspot.client.limits import InMemoryLimiter, Limiter
from airflow_hubspot.client.objects import Objects
from airflow_hubspot.client.paths import checked_version
from airflow_hubspot.client.properties import Properties
from airflow_hubspot.client.reference import Reference
from airflow_hubspot.client.sdk import Sdk
from airflow_hubspot.client.server_clock import ServerClock
from airflow_hubspot.client.share import ListsShare
from airflow_hubspot.client.splits import Splits
from airflow_hubspot.client.stats import CallStats
from airflow_hubspot.client.tokens import StaticToken, TokenSource
from airflow_hubspot.client.transport import Transport

BASE_URL = "https://api.hubapi.com"
API_VERSION = "2026-09"


class HubSpotClient:
    """Everything that can be asked of one portal; safe to use from several threads, and a context manager.

    :param token: an access token, or where to get one from for each call
    :param base_url: HubSpot's, or an emulator's
    :param api_version: a dated version, or `v3` for the numbered paths
    :param timeout_seconds: how long an answer may stay away
    :param limiter: the budget to take calls from; by default one of this client's own
    :param time_zone: the portal's, in which HubSpot's days end; unknown: a spent day is tried again after an hour
    """

    def __init__(
        self,
        *,
        token: str | TokenSource,
        base_url: str = BASE_URL,
        api_version: str = API_VERSION,
        timeout_seconds: float = 30.0,
        limiter: Limiter | None = None,
        time_zone: str | None = None,
    ) -> None:
        source = StaticToken(token) if isinstance(token, str) else token
        base_url, version = base_url.rstrip("/"), checked_version(api_version)
        self._transport = Transport(
            base_url=base_url,
            token=source,
            limiter=limiter or InMemoryLimiter(),
            timeout_seconds=timeout_seconds,
            time_zone=time_zone,
        )
        self._base_url = base_url
        self.sdk = Sdk(self._transport, base_url)
        self.objects = Objects(self.sdk, version)
        self.associations = Associations(self.sdk, version)
        self.splits = Splits(self.sdk, version)
        self.properties = Properties(self.sdk, version)
        self.reference = Reference(self.sdk, version)
        self.account = Account(self.sdk, version, source)
        self.currencies = Currencies(self.sdk, version)
        self.lists_share = ListsShare(self._transport)

    @property
    def server_clock(self) -> ServerClock:
        """HubSpot's time, by the answers so far."""
        return self._transport.server_clock

    @property
    def stats(self) -> CallStats:
        """What the calls so far cost."""
        return self._transport.stats

    @property
    def told_burst_limit(self) -> int | None:
        """The calls per ten seconds that HubSpot's answers allow this app; None before the first one that tells."""
        return self._transport.told_burst_limit

    def token_fingerprint(self) -> str:
        """Return a hash by which the token can be recognised and that tells nothing of it."""
        return self._transport.token_fingerprint()

    def prove_token(self) -> None:
        """Say that HubSpot has accepted the token before, so that a 401 alone does not prove it to be dead."""
        self._transport.prove_token()

    def give_up(self) -> None:
        """Make calls that wait for a limit or a retry fail now, and any further one; calls under way still end."""
        self._transport.give_up()

    def go_on(self) -> None:
        """Make calls again after `give_up`."""
        self._transport.go_on()

    def close(self) -> None:
        """Give up and let go of the connections."""
        self._transport.close()

    def __enter__(self) -> HubSpotClient:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"HubSpotClient({self._base_url!r})"
