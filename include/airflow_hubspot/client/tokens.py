"""Where access tokens come from."""

from __future__ import annotations

import hashlib
from typing import Protocol


class TokenSource(Protocol):
    """Where the gate gets the access token from, afresh for every call."""

    def token(self) -> str:
        """Return a token that is valid now.

        :raises NeedsAuthorization: when only a person can bring one.
        """

    def fingerprint(self) -> str:
        """Return a hash by which the authorization can be recognised and that tells nothing of it."""

    def scopes(self) -> tuple[str, ...] | None:
        """Return what the token may be used for; None when only HubSpot knows."""

    def refused(self, token: str) -> bool:
        """Hear that HubSpot refused a token; return whether asking for another one is worth a try."""


class StaticToken:
    """A token that does not change: a private app's, a service key's."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        """Return the token."""
        return self._token

    def fingerprint(self) -> str:
        """Return a hash of the token."""
        return hashlib.sha256(self._token.encode()).hexdigest()[:32]

    def scopes(self) -> tuple[str, ...] | None:
        """Return None: a private app's scopes are HubSpot's to tell."""
        return None

    def refused(self, token: str) -> bool:  # noqa: ARG002 - the protocol's
        """Return False: there is no other token."""
        return False

    def __repr__(self) -> str:
        return "StaticToken(***)"
