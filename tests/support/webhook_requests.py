"""Webhooks as HubSpot would send them, signed by HubSpot's own helper."""

from __future__ import annotations

import base64
import hmac
import time
from itertools import count
from typing import Any

import orjson
from hubspot.utils.signature import Signature

SECRET = "5c7c7b24-1bb4-4a0c-9d8b-2f3a"
URL = "https://sync.example.com/hubspot/webhooks"

_numbers = count(1)


def event(object_id: int = 123, kind: str = "deal.propertyChange", **values: Any) -> dict[str, Any]:
    """One event of portal 1001, unlike any other unless told so."""
    return {
        "eventId": next(_numbers),
        "subscriptionId": 4711,
        "portalId": 1001,
        "appId": 99,
        "occurredAt": now_ms(),
        "subscriptionType": kind,
        "attemptNumber": 0,
        "objectId": object_id,
        "changeSource": "CRM_UI",
        "propertyName": "amount",
        "propertyValue": "a-value-that-nobody-may-log",
        **values,
    }


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def signed_headers(body: bytes, *, secret: str = SECRET, url: str = URL, at_ms: int | None = None) -> dict[str, str]:
    timestamp = str(at_ms or now_ms())
    return {
        "Content-Type": "application/json",
        "X-HubSpot-Request-Timestamp": timestamp,
        "X-HubSpot-Signature-v3": Signature.get_signature(secret, body.decode(), "v3", url, "POST", timestamp),
    }


def signed_bytes(body: bytes, *, url: str = URL) -> dict[str, str]:
    """Sign bytes that may be no text, which HubSpot's helper cannot."""
    timestamp = str(now_ms())
    digest = hmac.digest(SECRET.encode(), b"POST" + url.encode() + body + timestamp.encode(), "sha256")
    return {
        "X-HubSpot-Request-Timestamp": timestamp,
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
    }


def body_of(*events: Any) -> bytes:
    return orjson.dumps(list(events))
