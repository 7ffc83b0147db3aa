"""The hook: an Airflow connection of type `hubspot` becomes a client."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from airflow_hubspot.client import (
    HubSpotClient,
    HubSpotError,
    InMemoryLimiter,
    Limiter,
    NeedsAuthorization,
    OAuthApp,
    StaticToken,
    TokenEndpoint,
    TokenSource,
)
from airflow_hubspot.client.client import API_VERSION, BASE_URL
from airflow_hubspot.client.inspection import inspect
from airflow_hubspot.client.paths import OAUTH_V1, checked_version
from airflow_hubspot.client.versions import warnings

CONN_TYPE = "hubspot"

# Makes a budget from the connection's own limits, calls in ten seconds and searches in one; None: as HubSpot allows.
MakeLimiter = Callable[[int | None, int | None], Limiter]


def own_limiter(burst: int | None, search: int | None) -> Limiter:
    """Return a budget that is shared with nobody outside this process."""
    return InMemoryLimiter(burst or 100, search or 5)


# Makes the source of one company's tokens from the token endpoint of the app that it authorized.
MakeTokens = Callable[[TokenEndpoint], TokenSource]


class HubSpotHook(BaseHook):
    """Reaches one HubSpot portal.

    :param hubspot_conn_id: a connection of type `hubspot`. `password` is the access token of a private app or a service
        key; with a `login`, the two are the client id and secret of an OAuth app. `host` is an optional base URL, and
        the extras `api_version`, `oauth_version`, `timeout_seconds`, `burst_limit` and `search_limit` override what
        HubSpot usually allows
    :param limiter: makes the budget that calls are taken from; by default one of this process's own
    :param time_zone: the portal's, in which HubSpot's days end
    :param tokens: for an OAuth app, which many companies may authorize: makes the source of one company's tokens
    """

    conn_name_attr = "hubspot_conn_id"
    default_conn_name = "hubspot_default"
    conn_type = CONN_TYPE
    hook_name = "HubSpot"

    def __init__(
        self,
        hubspot_conn_id: str = default_conn_name,
        *,
        limiter: MakeLimiter = own_limiter,
        time_zone: str | None = None,
        tokens: MakeTokens | None = None,
    ) -> None:
        super().__init__()
        self.hubspot_conn_id = hubspot_conn_id
        self._limiter = limiter
        self._time_zone = time_zone
        self._tokens = tokens

    def get_conn(self) -> HubSpotClient:
        """Return a client for the portal; use it as a context manager, or close it.

        :raises AirflowFailException: when the connection is missing or cannot be one to HubSpot.
        """
        connection = self._connection()
        try:
            return self._client(connection, self._token(connection))
        except ValueError as error:
            raise self._unusable(str(error)) from None

    def client_for(self, access_token: str) -> HubSpotClient:
        """Return a client like the connection's, for another token.

        :raises AirflowFailException: when the connection is missing or cannot be one to HubSpot.
        """
        try:
            return self._client(self._connection(), StaticToken(access_token))
        except ValueError as error:
            raise self._unusable(str(error)) from None

    def token_endpoint(self) -> TokenEndpoint:
        """Return the token endpoint of the connection's OAuth app.

        :raises AirflowFailException: when the connection is missing or is not that of an app.
        """
        connection = self._connection()
        if not connection.login:
            raise self._unusable("it has no client id and secret of an OAuth app; put them into login and password")
        try:
            return self._endpoint(connection)
        except ValueError as error:
            raise self._unusable(str(error)) from None

    def test_connection(self) -> tuple[bool, str]:
        """Tell what the token opens: portal, limits, and scopes that are missing; Airflow's Test button shows it."""
        try:
            connection = self._connection()
            if connection.login and self._tokens is None:
                works, said = self._test_app()
            else:
                with self.get_conn() as client:
                    found = inspect(client)
                works, said = found.is_sufficient, found.describe()
            ending = warnings(*self.versions(), today=datetime.now(UTC).date())
        except (AirflowFailException, HubSpotError) as error:
            return False, str(error)
        return works, " ".join([said, *(f"{warning}." for warning in ending)])

    def versions(self) -> tuple[str, str | None]:
        """Return the connection's version of the API, and that of the token endpoint where it is an OAuth app's.

        :raises AirflowFailException: when the connection is missing or names a version that cannot be.
        """
        connection = self._connection()
        try:
            return _version(connection), _oauth_version(connection) if connection.login else None
        except ValueError as error:
            raise self._unusable(str(error)) from None

    def _test_app(self) -> tuple[bool, str]:
        endpoint = self.token_endpoint()
        with suppress(NeedsAuthorization):
            # HubSpot has no call that only tells whether it knows an app; one that it does not know gets another error.
            endpoint.refresh("a-token-that-nobody-has")
        return (
            True,
            f"HubSpot knows the app {endpoint.app.client_id}; every company that authorizes it has its own tokens.",
        )

    def _connection(self) -> Any:
        try:
            connection = self.get_connection(self.hubspot_conn_id)
        except AirflowNotFoundException:
            raise self._unusable("it does not exist; add one of type hubspot") from None
        if not connection.password:
            raise self._unusable("it has no access token; put it into the connection's password")
        return connection

    def _client(self, connection: Any, token: TokenSource) -> HubSpotClient:
        extras = connection.extra_dejson
        return HubSpotClient(
            token=token,
            base_url=_base_url(connection),
            api_version=_version(connection),
            timeout_seconds=_positive(extras, "timeout_seconds", 30.0),
            limiter=self._limiter(_limit(extras, "burst_limit"), _limit(extras, "search_limit")),
            time_zone=self._time_zone,
        )

    def _token(self, connection: Any) -> TokenSource:
        if not connection.login:
            return StaticToken(connection.password)
        if self._tokens is None:
            raise ValueError("it is an OAuth app's, so it takes a company's tokens to make a call; see docs/oauth.md")
        return self._tokens(self._endpoint(connection))

    def _endpoint(self, connection: Any) -> TokenEndpoint:
        return TokenEndpoint(
            OAuthApp(connection.login, connection.password),
            base_url=_base_url(connection),
            version=_oauth_version(connection),
        )

    def _unusable(self, why: str) -> AirflowFailException:
        return AirflowFailException(f"connection {self.hubspot_conn_id!r} cannot be used: {why}")


def _version(connection: Any) -> str:
    return checked_version(str(connection.extra_dejson.get("api_version") or API_VERSION))


def _oauth_version(connection: Any) -> str:
    version = str(connection.extra_dejson.get("oauth_version") or _version(connection))
    return version if version == OAUTH_V1 else checked_version(version)


def _base_url(connection: Any) -> str:
    host = connection.host or BASE_URL
    if "://" not in host:
        scheme = connection.schema if connection.schema in {"http", "https"} else "https"
        host = f"{scheme}://{host}"
    return f"{host}:{connection.port}" if connection.port else host


def _limit(extras: dict[str, Any], name: str) -> int | None:
    return int(_positive(extras, name, 0.0)) or None


def _positive(extras: dict[str, Any], name: str, otherwise: float) -> float:
    value = extras.get(name)
    if value is None or value == "":
        return otherwise
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = 0.0
    if not 0 < number < inf:
        raise ValueError(f"extra {name}={value!r} is not a number above 0")
    return number
