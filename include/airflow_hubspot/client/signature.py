"""Tells whether a request that claims to come from HubSpot does.

Source: HubSpot, "Validating requests from HubSpot". Version 3 signs method, URI, body and time; versions 1 and 2 sign
no time, so whoever has seen one such request can send it again for ever: they are refused unless asked for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

OLDEST_MS = 5 * 60 * 1000

_V3_HEADER = "x-hubspot-signature-v3"
_TIME_HEADER = "x-hubspot-request-timestamp"
_LEGACY_HEADER = "x-hubspot-signature"
_VERSION_HEADER = "x-hubspot-signature-version"

# The escapes that HubSpot takes back before it signs; it leaves all others as they stand.
_ESCAPES = {f"%{ord(character):02X}": character for character in ":/?@!$'()*,;"}
_ESCAPE = re.compile("|".join(_ESCAPES))
_MILLISECONDS = re.compile(r"[0-9]{1,15}", re.ASCII)


class Scheme(StrEnum):
    """A version of HubSpot's signature."""

    V1 = "v1"
    V2 = "v2"
    V3 = "v3"


class BadSignature(ValueError):
    """A request does not prove that HubSpot sent it; the message tells why, and nothing of the secret."""


@dataclass(frozen=True)
class SignedRequest:
    """A request as it arrived.

    :param uri: the whole public URI as HubSpot called it, whatever a proxy made of it on the way
    :param body: the raw bytes; parsed and written again they would be others
    :param headers: with lower-case names
    """

    method: str
    uri: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def verify(
    request: SignedRequest,
    secrets: Sequence[str],
    *,
    now_ms: int,
    schemes: Collection[Scheme] = (Scheme.V3,),
) -> Scheme:
    """Return the scheme by which a request proves that HubSpot sent it.

    A request with a version 3 signature is judged by that one alone, so that nobody can leave it for a weaker one.

    :param secrets: the app's client secrets; more than one while it is being rotated
    :param now_ms: the time, in epoch milliseconds
    :raises BadSignature: when it does not.
    """
    scheme, given = _claimed(request.headers, schemes)
    time = _time(request.headers, now_ms) if scheme is Scheme.V3 else ""
    claimed = _encoded(given)
    # Every secret is tried, whichever fits, so that the time taken says nothing.
    matches = [hmac.compare_digest(signature(scheme, request, secret, time), claimed) for secret in secrets]
    if not any(matches):
        raise BadSignature(f"the {scheme} signature does not match")
    return scheme


def signature(scheme: Scheme, request: SignedRequest, secret: str, time: str = "") -> bytes:
    """Return the signature that HubSpot gives a request; `time` is that of version 3, as its header has it."""
    key, method = secret.encode(), request.method
    match scheme:
        case Scheme.V1:
            return hashlib.sha256(key + request.body).hexdigest().encode()
        case Scheme.V2:
            return hashlib.sha256(key + _encoded(method + request.uri) + request.body).hexdigest().encode()
        case Scheme.V3:
            source = _encoded(method + decoded(request.uri)) + request.body + time.encode()
            return base64.b64encode(hmac.digest(key, source, "sha256"))


def decoded(uri: str) -> str:
    """Return a URI with those escapes taken back that HubSpot takes back."""
    return _ESCAPE.sub(lambda found: _ESCAPES[found[0]], uri)


def _claimed(headers: Mapping[str, str], schemes: Collection[Scheme]) -> tuple[Scheme, str]:
    if given := headers.get(_V3_HEADER):
        scheme = Scheme.V3
    elif given := headers.get(_LEGACY_HEADER):
        version = headers.get(_VERSION_HEADER, "").lower()
        scheme = Scheme.V2 if version == Scheme.V2 else Scheme.V1
    else:
        raise BadSignature("there is no signature")
    if scheme not in schemes:
        raise BadSignature(f"only a signature of version {' or '.join(sorted(schemes))} is accepted")
    return scheme, given


def _time(headers: Mapping[str, str], now_ms: int) -> str:
    given = headers.get(_TIME_HEADER, "")
    if not _MILLISECONDS.fullmatch(given):
        raise BadSignature("the request's timestamp is missing or no number of milliseconds")
    # HubSpot's own helper lets requests from the future pass; a stolen one would be good for years.
    if abs(now_ms - int(given)) > OLDEST_MS:
        raise BadSignature("the request's timestamp is more than five minutes away; check this machine's clock")
    return given


def _encoded(text: str) -> bytes:
    # Anything may arrive; what cannot be encoded cannot match either, and must not fail.
    return text.encode("utf-8", "surrogatepass")
