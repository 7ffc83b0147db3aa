"""Apps and what portals have granted them: codes, refresh tokens, access tokens and their ends."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hubspot_emulator.errors import ApiError, expired
from hubspot_emulator.faults import Faults
from hubspot_emulator.times import iso

CLIENT_ID, CLIENT_SECRET = "emulated-app", "emulated-secret"
# A second app of the same developer; portals have agreed to the first one only.
OTHER_CLIENT_ID, OTHER_CLIENT_SECRET = "other-app", "other-secret"
APPS = {CLIENT_ID: CLIENT_SECRET, OTHER_CLIENT_ID: OTHER_CLIENT_SECRET}
USER_ID = 5001
ENDPOINTS = ("v1", "v3", "2025-09", "2026-03", "2026-09")
_CODE_SECONDS = 600.0


@dataclass(eq=False)
class Grant:
    """One portal's consent to the app; it ends when the app is uninstalled."""

    portal_id: int
    scopes: tuple[str, ...]
    refresh_token: str = field(default_factory=lambda: f"refresh-{secrets.token_urlsafe(24)}")
    is_alive: bool = True


@dataclass(frozen=True)
class Code:
    """What an authorization code stands for, once."""

    grant: Grant
    redirect_uri: str
    expires_at: float


@dataclass
class Access:
    """An access token; times are seconds since 1970."""

    grant: Grant
    token: str
    expires_at: float


class OAuth:
    """The app, its knobs, and all that was granted to it.

    `token_seconds` is how long access tokens live, `rotates` whether a refresh token is good only once, `endpoints`
    which versions of the token endpoint answer.
    """

    def __init__(self) -> None:
        self.token_seconds = 1800.0
        self.rotates = False
        self.endpoints: Sequence[str] = ENDPOINTS
        self.faults = Faults()
        self.counts: Counter[str] = Counter()
        self._codes: dict[str, Code] = {}
        self._grants: dict[str, Grant] = {}
        self._access: dict[str, Access] = {}

    def consent(self, portal_id: int, scopes: tuple[str, ...], redirect_uri: str) -> str:
        """Let a person of a portal agree, and return the code for the app."""
        code = f"code-{secrets.token_urlsafe(16)}"
        self._codes[code] = Code(Grant(portal_id, scopes), redirect_uri, time.time() + _CODE_SECONDS)
        self.counts["consents"] += 1
        return code

    def exchange(self, code: str, redirect_uri: str) -> Access:
        """Turn a code into tokens.

        :raises ApiError: 400 for a code that is unknown, old or used, or one for another redirect
        """
        known = self._codes.pop(code, None)
        if known is None or known.expires_at < time.time():
            raise refused("BAD_AUTH_CODE", "missing or unknown auth code", "invalid_grant")
        if known.redirect_uri != redirect_uri:
            message = "redirect URI does not match the one used when the auth code was created"
            raise refused("MISMATCH_REDIRECT_URI_AUTH_CODE", message, "invalid_grant")
        self.counts["exchanges"] += 1
        return self.issue(known.grant)

    def refresh(self, refresh_token: str, client_id: str) -> Access:
        """Return a new access token; with a new refresh token when they rotate.

        :raises ApiError: 400 for a token that is unknown, used up, of another app, or of one that was uninstalled
        """
        grant = self.grant(refresh_token)
        if client_id != CLIENT_ID:
            message = "refresh token was not issued to this client"
            raise refused("BAD_REFRESH_TOKEN", message, "invalid_grant", message)
        if self.rotates:
            del self._grants[refresh_token]
            grant.refresh_token = Grant(grant.portal_id, ()).refresh_token
        self.counts["refreshes"] += 1
        return self.issue(grant)

    def grant(self, refresh_token: str) -> Grant:
        """Return what a refresh token stands for.

        :raises ApiError: 400
        """
        grant = self._grants.get(refresh_token)
        if grant is None or not grant.is_alive:
            self.counts["dead_refreshes"] += 1
            raise refused(
                "BAD_REFRESH_TOKEN",
                "missing or unknown refresh token",
                "invalid_grant",
                "refresh token is invalid, expired or revoked",
            )
        return grant

    def issue(self, grant: Grant) -> Access:
        """Return a new access token of a grant."""
        access = Access(grant, f"access-{secrets.token_urlsafe(24)}", time.time() + self.token_seconds)
        self._grants[grant.refresh_token] = grant
        self._access[access.token] = access
        return access

    def access(self, token: str) -> Access | None:
        """Return what an access token stands for, expired or not."""
        return self._access.get(token)

    def accepted(self, token: str) -> Grant | None:
        """Return the grant of a token that a call came with; None for one that is no OAuth token.

        :raises ApiError: 401 when it has expired or its app was uninstalled
        """
        access = self._access.get(token)
        if access is None:
            return None
        over = time.time() - access.expires_at
        if over >= 0 or not access.grant.is_alive:
            self.counts["expired_calls"] += 1
            raise expired(f"{max(0, int(over))} second(s)", iso(round(access.expires_at * 1000)))
        return access.grant

    def revoke(self, refresh_token: str) -> None:
        """Forget a refresh token; access tokens that were issued for it live on until they expire.

        :raises ApiError: 400 when there is none
        """
        self.grant(refresh_token)
        del self._grants[refresh_token]

    def uninstall(self, portal_id: int) -> None:
        """Take the app out of a portal: all of its tokens die."""
        for grant in [*self._grants.values()]:
            grant.is_alive = grant.is_alive and grant.portal_id != portal_id

    def expire(self, portal_id: int) -> None:
        """Let a portal's access tokens end now, before their time."""
        for access in self._access.values():
            if access.grant.portal_id == portal_id:
                access.expires_at = min(access.expires_at, time.time())

    def turn(self, wanted: dict[str, Any]) -> None:
        """Set knobs: `token_seconds`, `rotates`, `endpoints`, and `faults` of the token endpoint.

        :raises ValueError: for a knob or a fault that there is not
        """
        for name, value in wanted.items():
            if name == "faults":
                self.faults.set(value)
            elif name in {"token_seconds", "rotates", "endpoints"}:
                setattr(self, name, value)
            else:
                raise ValueError(f"there is no knob {name!r} of OAuth")


def refused(status: str, message: str, error: str, description: str | None = None) -> ApiError:
    """Return the 400 of the token endpoint, which has a shape of its own."""
    body = {"status": status, "message": message, "error": error, "error_description": description or message}
    return ApiError(400, body)
