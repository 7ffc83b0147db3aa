"""OAuth as values: the address where a person agrees, the forms of the token endpoint, and what its answers mean.

Nothing here touches the network; `token_endpoint.py` does. Sources: HubSpot, "Working with OAuth" and its changelog:
the v1 endpoint is off from 2027-02-16, dated ones take the same form; refusals have a shape of their own, with `status`
and `error`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from airflow_hubspot.client.errors import (
    HubSpotError,
    Invalid,
    NeedsAuthorization,
    Unauthorized,
    Unavailable,
    WrongApp,
    error_from_response,
)

_API_DOMAIN, _APP_URL = "hubapi.com", "https://app.hubspot.com"


@dataclass(frozen=True)
class OAuthApp:
    """An app of HubSpot's developer platform, as its settings page shows it."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class TokenGrant:
    """What the token endpoint gave; `portal_id` and `scopes` are None where it does not tell, as v1 does not."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    lifetime_seconds: int
    portal_id: int | None = None
    scopes: tuple[str, ...] | None = None


def authorize_url(app: OAuthApp, *, base_url: str, redirect_uri: str, scopes: Iterable[str], state: str) -> str:
    """Return where to send a person who is to agree.

    :param base_url: the API's; the page of another host than HubSpot's, such as an emulator, is on that host
    """
    host = urlsplit(base_url).hostname or ""
    is_hubspot = host == _API_DOMAIN or host.endswith(f".{_API_DOMAIN}")
    query = {
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
    }
    return f"{_APP_URL if is_hubspot else base_url.rstrip('/')}/oauth/authorize?{urlencode(query)}"


def exchange_form(app: OAuthApp, code: str, redirect_uri: str) -> dict[str, str]:
    """Return the form that turns a code into tokens."""
    return _form(app, grant_type="authorization_code", code=code, redirect_uri=redirect_uri)


def refresh_form(app: OAuthApp, refresh_token: str) -> dict[str, str]:
    """Return the form that asks for a new access token."""
    return _form(app, grant_type="refresh_token", refresh_token=refresh_token)


def _form(app: OAuthApp, **fields: str) -> dict[str, str]:
    return {"client_id": app.client_id, "client_secret": app.client_secret, **fields}


def token_grant(
    status: int, headers: Mapping[str, str], body: bytes, *, refresh_token: str | None = None
) -> TokenGrant:
    """Return what an answer of the token endpoint grants.

    :param headers: with lower-case names
    :param refresh_token: the one that was sent; it goes on being good when the answer brings no other
    :raises NeedsAuthorization: when the refresh token or the code is dead
    :raises Unauthorized: when HubSpot does not know the app by this id and secret
    :raises HubSpotError: another subclass, as for any call
    """
    answer = _parsed(body)
    if not 200 <= status < 300:
        raise _refusal(status, headers, body, answer)
    try:
        scopes = answer.get("scopes")
        return TokenGrant(
            access_token=str(answer["access_token"]),
            refresh_token=str(answer.get("refresh_token") or refresh_token or answer["refresh_token"]),
            lifetime_seconds=int(answer["expires_in"]),
            portal_id=int(answer["hub_id"]) if answer.get("hub_id") else None,
            scopes=tuple(scopes) if isinstance(scopes, list) else None,
        )
    except (KeyError, TypeError, ValueError):
        # The answer itself may hold tokens, so nothing of it is told.
        raise Unavailable(
            f"HubSpot's answer about tokens is not whole: {len(body)} bytes", status=status, hint="it is tried again"
        ) from None


# HubSpot's words for a refresh token that comes with the client id of another app.
_OF_ANOTHER_APP = "not issued to this client"


def _refusal(status: int, headers: Mapping[str, str], body: bytes, answer: Mapping[str, Any]) -> HubSpotError:
    said, kind = str(answer.get("status") or ""), str(answer.get("error") or "")
    told = f"HubSpot refused the token request: {said or kind or status}"
    if said == "BAD_REFRESH_TOKEN" and _OF_ANOTHER_APP in str(answer.get("message") or "").lower():
        return WrongApp(
            f"{told}: the refresh token was not issued to this app",
            status=status,
            hint="put back the client id and secret of the app that the customers agreed to; no consent is lost",
        )
    if kind == "invalid_grant" or said in {"BAD_REFRESH_TOKEN", "BAD_AUTH_CODE", "MISMATCH_REDIRECT_URI_AUTH_CODE"}:
        return NeedsAuthorization(told, status=status, hint="a person has to authorize the app again")
    if kind == "invalid_client" or said.startswith("BAD_CLIENT"):
        return Unauthorized(
            told, status=status, hint="correct the app's client id and secret; the customers' consents are not affected"
        )
    error = error_from_response(status, headers, body, operation="oauth.token")
    # HubSpot's own words may repeat what was sent, which is nothing but secrets.
    error.message = told
    error.args = (told,)
    if isinstance(error, Invalid | Unauthorized):
        error.hint = "check the app's settings in HubSpot; nothing was changed"
    return error


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}
