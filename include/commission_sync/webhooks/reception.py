"""Judges a webhook before it is let in: its size, its signature, its form. Pure: values in, a verdict out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from airflow_hubspot.client.signature import BadSignature, Scheme, SignedRequest, verify
from commission_sync.settings import Settings
from commission_sync.webhooks.intake import Incoming, Malformed, TooManyEvents, incoming


class Refused(Exception):
    """A webhook is not let in; HubSpot sends it again later, whatever `status` is."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Arrival:
    """A request as the web server saw it.

    `scheme` and `host` are those of the last hop, which behind a proxy are not as HubSpot called them.

    :param target: path and query, as they came
    :param headers: with lower-case names
    """

    method: str
    scheme: str
    host: str
    target: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def admitted(arrival: Arrival, settings: Settings, *, now_ms: int) -> list[Incoming]:
    """Return the events of a webhook that HubSpot has signed.

    :raises Refused: 401 when it does not prove that it comes from HubSpot, 400 for a malformed body, 413 for too large.
    """
    schemes = set(Scheme) if settings.hubspot_webhook_legacy_signatures else {Scheme.V3}
    signed = SignedRequest(arrival.method, public_url(arrival, settings), arrival.body, arrival.headers)
    try:
        verify(signed, settings.webhook_secrets, now_ms=now_ms, schemes=schemes)
        return incoming(arrival.body, most=settings.hubspot_webhook_max_events)
    except BadSignature as error:
        raise Refused(401, str(error)) from None
    except Malformed as error:
        raise Refused(400, str(error)) from None
    except TooManyEvents as error:
        raise Refused(413, str(error)) from None


def public_url(arrival: Arrival, settings: Settings) -> str:
    """Return the URL as HubSpot called it, which is what it has signed.

    What the settings say is certain. Without it, a proxy's headers are believed only when the settings say so, as
    anybody can send them.
    """
    if settings.hubspot_webhook_url:
        told = urlsplit(settings.hubspot_webhook_url)
        return urlunsplit(told._replace(query=arrival.target.partition("?")[2]))
    scheme, host = arrival.scheme, arrival.host
    if settings.hubspot_webhook_trust_proxy:
        scheme = _first(arrival.headers, "x-forwarded-proto") or scheme
        host = _first(arrival.headers, "x-forwarded-host") or host
    # Joined as it came: a URL that is parsed and put together again may differ in its escapes.
    return f"{scheme}://{host}{arrival.target}"


def _first(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "").partition(",")[0].strip()
