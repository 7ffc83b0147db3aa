"""The token endpoint over HTTP: forms go out, grants come back.

It has no bearer token and no part in an app's budget, so it is not behind the gate of `transport.py`. Nothing is
retried here: whoever asks for tokens knows whether the present one still is good.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import urllib3

from airflow_hubspot.client.errors import NotFound, Unavailable
from airflow_hubspot.client.oauth import OAuthApp, TokenGrant, exchange_form, refresh_form, token_grant
from airflow_hubspot.client.paths import OAUTH_V1, path

ANSWER_SECONDS = 15.0


class TokenEndpoint:
    """Asks for tokens on behalf of an app; safe to use from several threads.

    :param version: the version of the path; a numbered or dated one that answers 404 is followed by v1
    """

    def __init__(self, app: OAuthApp, *, base_url: str, version: str, timeout_seconds: float = ANSWER_SECONDS) -> None:
        self.app = app
        self.base_url = base_url.rstrip("/")
        self._version = version
        # A total, so that a refresh never outlives the lease under which it is made.
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=timeout_seconds))

    def exchange(self, code: str, redirect_uri: str) -> TokenGrant:
        """Return the tokens that a code stands for.

        :raises NeedsAuthorization: when the code is used up or too old
        """
        return self._ask(exchange_form(self.app, code, redirect_uri))

    def refresh(self, refresh_token: str) -> TokenGrant:
        """Return a new access token, and the refresh token to use from now on.

        :raises NeedsAuthorization: when the refresh token is dead
        :raises HubSpotError: another subclass when HubSpot refuses or stays away
        """
        return self._ask(refresh_form(self.app, refresh_token), refresh_token)

    def _ask(self, form: Mapping[str, str], refresh_token: str | None = None) -> TokenGrant:
        try:
            return self._posted(self._version, form, refresh_token)
        except NotFound:
            if self._version == OAUTH_V1:
                raise
        return self._posted(OAUTH_V1, form, refresh_token)

    def _posted(self, version: str, form: Mapping[str, str], refresh_token: str | None) -> TokenGrant:
        try:
            answer = self._pool.request(
                "POST",
                f"{self.base_url}{path('oauth_token', version)}",
                body=urlencode(form),
                headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable(
                f"HubSpot did not answer a request for a token: {type(error).__name__}",
                hint="check that the host of the connection can be reached; it is tried again by itself",
            ) from None
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return token_grant(answer.status, headers, answer.data, refresh_token=refresh_token)
