"""The `state` that goes to HubSpot with a person and comes back with them: sealed, short-lived, theirs alone."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field

from commission_sync.store.keyring import Keyring, UnknownKey

# Long enough to read HubSpot's page and to ask a colleague; HubSpot's own codes live as long.
CONSENT_SECONDS = 600
# The keys seal tokens as well; a stored token must not pass for a state.
_PURPOSE = "hubspot-oauth-state"


class ConsentRefused(Exception):
    """A consent that came back cannot be used; the text says why and what to do."""


@dataclass(frozen=True)
class Consent:
    """Who set out to connect what; `flags` are the features to switch on for a company that is new."""

    company: str
    user: str
    flags: dict[str, bool | str] = field(default_factory=dict)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def seal(self, keyring: Keyring) -> str:
        """Return the state for HubSpot's page."""
        return keyring.encrypt(json.dumps({"purpose": _PURPOSE, **asdict(self)}))

    @classmethod
    def opened(cls, state: str, keyring: Keyring, *, user: str) -> Consent:
        """Return what a state says.

        :raises ConsentRefused: when we did not make it, it is too old, or somebody else set out with it
        """
        try:
            said = json.loads(keyring.decrypt(state, ttl_seconds=CONSENT_SECONDS))
        except (UnknownKey, ValueError):
            said = None
        if not isinstance(said, dict) or said.pop("purpose", None) != _PURPOSE:
            minutes = CONSENT_SECONDS // 60
            raise ConsentRefused(f"this consent was not started here, or more than {minutes} minutes ago; start again")
        consent = cls(**said)
        if consent.user != user:
            raise ConsentRefused("somebody else started this consent; start again as yourself")
        return consent
