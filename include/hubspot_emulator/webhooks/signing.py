"""Signs requests as HubSpot does."""

from __future__ import annotations

import base64
import hashlib
import hmac

_ESCAPED = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}


def signed(url: str, body: bytes, secret: str, at_ms: int, *, v1: bool) -> dict[str, str]:
    """Return the headers of a POST: the signature of version 3, and that of version 1 which still comes along."""
    uri = url
    for escape, character in _ESCAPED.items():
        uri = uri.replace(escape, character)
    source = f"POST{uri}".encode() + body + str(at_ms).encode()
    digest = hmac.new(secret.encode(), source, hashlib.sha256).digest()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client) - emulated",
        "X-HubSpot-Request-Timestamp": str(at_ms),
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
    }
    if v1:
        headers["X-HubSpot-Signature"] = hashlib.sha256(secret.encode() + body).hexdigest()
        headers["X-HubSpot-Signature-Version"] = "v1"
    return headers
