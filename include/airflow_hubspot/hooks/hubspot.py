"""The hook: an Airflow connection of type `hubspot` becomes a client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from airflow_hubspot.client import (
    HubSpotClient,
    HubSpotError,
    InMemoryLimiter,
    NeedsAuthorization,
    OAuthApp,
    StaticToken,
    TokenEndpoint,
    TokenSource,
)
from airflow_hubspot.client.client import API_VERSION, BASE_URL
from airflow_hubspot.client.inspection import inspect
from airflow_hubspot.client.paths import OAUTH_V1, checked_version

CONN_TYPE = "hubspot"

# Makes the source of one company's tokens from the token endpoint of the app that it authorized.
MakeTokens = Callable[[TokenEndpoint], TokenSource]


class HubSpotHook(BaseHook):
    """Reaches one HubSpot portal.

    :param hubspot_conn_id: a connection of type `hubspot`. `password` is the access token of a private app or a service
        key; with a `login`, the two are the client id and secret of an OAuth app. `host` is an optional base URL, and
        the extras `api_version`, `oauth_version`, `timeout_seconds`, `burst_limit` and `search_limit` override what
        HubSpot usually allows
    :param tokens: for an OAuth app, which many companies may authorize: makes the source of one company's tokens
    """

    conn_name_attr = "hubspot_conn_id"
    default_conn_name = "hubspot_default"
    conn_type = CONN_TYPE
    hook_name = "HubSpot"

    def __init__(self, hubspot_conn_id: str = default_conn_name, *, tokens: MakeTokens | None = None) -> None:
        super().__init__()
        self.hubspot_conn_id = hubspot_conn_id
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
                return self._test_app(self._endpoint(connection))
            with self.get_conn() as client:
                found = inspect(client)
        except (AirflowFailException, HubSpotError) as error:
            return False, str(error)
        return found.is_sufficient, found.describe()

    def _test_app(self, endpoint: TokenEndpoint) -> tuple[bool, str]:
        # There is no other call by which HubSpot tells whether it knows an app.
        try:
            endpoint.refresh("a-token-that-nobody-has")
        except NeedsAuthorization:
            return True, (
                f"HubSpot knows the app {endpoint.app.client_id}. Each company authorizes it on its own, on the pages "
                "under /hubspot/oauth/start."
            )
        return True, f"The app {endpoint.app.client_id} got an answer."

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
            limiter=InMemoryLimiter(
                int(_positive(extras, "burst_limit", 100)), int(_positive(extras, "search_limit", 5))
            ),
        )

    def _token(self, connection: Any) -> TokenSource:
        if not connection.login:
            return StaticToken(connection.password)
        if self._tokens is None:
            raise ValueError("it is an OAuth app's, so it takes a company's tokens to make a call; see docs/oauth.md")
        return self._tokens(self._endpoint(connection))

    def _endpoint(self, connection: Any) -> TokenEndpoint:
        version = str(connection.extra_dejson.get("oauth_version") or _version(connection))
        return TokenEndpoint(
            OAuthApp(connection.login, connection.password),
            base_url=_base_url(connection),
            version=version if version == OAUTH_V1 else checked_version(version),
        )

    def _unusable(self, why: str) -> AirflowFailException:
        return AirflowFailException(f"connection {self.hubspot_conn_id!r} cannot be used: {why}")


def _version(connection: Any) -> str:
    return checked_version(str(connection.extra_dejson.get("api_version") or API_VERSION))


def _base_url(connection: Any) -> str:
    host = connection.host or BASE_URL
    if "://" not in host:
        scheme = connection.schema if connection.schema in {"http", "https"} else "https"
        host = f"{scheme}://{host}"
    return f"{host}:{connection.port}" if connection.port else host


def _positive(extras: dict[str, Any], name: str, otherwise: float) -> float:
    value = extras.get(name)
    if value in {None, ""}:
        return otherwise
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if number <= 0:
        raise ValueError(f"extra {name}={value!r} is not a number above 0")
    return number
