"""From the bytes of a webhook to the rows of the inbox. Pure.

A body that is no array of events is refused as a whole, as HubSpot never sends one. An event among others that cannot
be understood is kept as a dead letter, so that it neither vanishes nor holds the others up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson
from pydantic import ValidationError

from commission_sync.store.rejects import storable
from commission_sync.webhooks.events import event_of

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_ID = 2**63 - 1


class Malformed(ValueError):
    """A body is not a JSON array of objects."""


class TooManyEvents(ValueError):
    """A body holds more events than are taken at once."""


@dataclass(frozen=True)
class Incoming:
    """An event as it is about to be kept; `problem` says why it can never be processed."""

    event_key: str
    occurred_at: datetime
    payload: str = field(repr=False)
    portal_id: int | None = None
    subscription_type: str | None = None
    object_type: str | None = None
    object_id: int | None = None
    problem: str | None = None


def incoming(body: bytes, *, most: int) -> list[Incoming]:
    """Return the events of a webhook's body.

    :raises Malformed: when it is no JSON array of objects.
    :raises TooManyEvents: when there are more than `most`.
    """
    parsed = _parsed(body)
    if not isinstance(parsed, list) or not all(isinstance(one, dict) for one in parsed):
        raise Malformed("the body has to be a JSON array of events, each an object")
    if len(parsed) > most:
        raise TooManyEvents(f"{len(parsed)} events in one request; at most {most} are taken")
    return [_kept(one) for one in parsed]


def _kept(payload: dict[str, Any]) -> Incoming:
    text = _text(payload)
    try:
        event = event_of(payload)
    except ValidationError as error:
        return _unreadable(payload, text, error)
    return Incoming(
        event_key=event.key,
        occurred_at=event.at,
        payload=text,
        portal_id=event.portal_id,
        subscription_type=event.subscription_type,
        object_type=event.object.object_type,
        object_id=event.object.crm_id,
    )


def _unreadable(payload: dict[str, Any], text: str, error: ValidationError) -> Incoming:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    # A repeated delivery differs in its number and in nothing else.
    same = storable({k: v for k, v in payload.items() if k != "attemptNumber"})
    digest = blake2b(json.dumps(same, sort_keys=True).encode(), digest_size=16).hexdigest()
    portal, kind = payload.get("portalId"), payload.get("subscriptionType")
    is_id = type(portal) is int and 0 <= portal <= _LARGEST_ID
    return Incoming(
        event_key=f"unreadable:{digest}:0",
        occurred_at=_NO_TIME,
        payload=text,
        portal_id=portal if is_id else None,
        subscription_type=str(storable(kind))[:200] if isinstance(kind, str) else None,
        problem=f"{where}: {first['msg']}" if where else first["msg"],
    )


def _parsed(body: bytes) -> Any:
    try:
        parsed = _decoded(body)
        # An escape is the only way in for characters that jsonb cannot hold.
        return storable(parsed) if b"\\u0000" in body or b"\\ud" in body.lower() else parsed
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None


def _decoded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # Half of a surrogate pair, as Java leaves it when it cuts a text within an emoji, is no reason to lose events.
        return json.loads(body, parse_constant=_refused)


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _text(payload: dict[str, Any]) -> str:
    try:
        return orjson.dumps(payload).decode()
    except TypeError:
        # An integer of more than 64 bits.
        return _strict(payload)


def _strict(payload: dict[str, Any]) -> str:
    try:
        return json.dumps(payload, allow_nan=False)
    except (ValueError, RecursionError):
        raise Malformed("the body holds a number that is too large") from None
