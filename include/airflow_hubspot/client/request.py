"""A call to HubSpot, and what its answer becomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

from airflow_hubspot.client.errors import UnreadableAnswer
from airflow_hubspot.client.limits import Policy


@dataclass(frozen=True)
class Request:
    """A call to be made; `operation` is its name in messages and statistics, such as `deals.search`.

    `read` makes of the parsed answer what the caller wants; an answer that it cannot read counts as none. An `exact`
    answer is parsed with decimals in place of binary numbers. `check` is run right before each time that the request is
    sent, after every wait for a limit or a token; what it raises keeps it from being sent.
    """

    method: str
    path: str
    operation: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    policy: Policy = Policy.BURST
    repeatable: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    read: Callable[[Any], Any] | None = None
    exact: bool = False
    check: Callable[[], None] | None = None


@dataclass(frozen=True)
class Response:
    """An answer that succeeded; header names are lower-case, `value` is what the request's `read` made of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    value: Any


def value_of(request: Request, status: int, body: bytes) -> Any:
    """Return what the request's `read` makes of an answer that succeeded, or its parsed JSON.

    :raises UnreadableAnswer: when it is no JSON, or does not have the shape that `read` expects
    """
    document = _document(request, status, body)
    if request.read is None:
        return document
    try:
        return request.read(document)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UnreadableAnswer(
            f"HubSpot answered {request.operation} with {status}, but not in the documented shape "
            f"({len(body)} bytes; {type(error).__name__}: {str(error)[:300]})",
            status=status,
            hint="it is tried again by itself; if it lasts, send HubSpot's support the time and the operation",
        ) from None


def _document(request: Request, status: int, body: bytes) -> Any:
    if not body:
        return None
    if request.exact:
        return _tolerantly_parsed(request, status, body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _tolerantly_parsed(request, status, body)


def _tolerantly_parsed(request: Request, status: int, body: bytes) -> Any:
    # Half of a surrogate pair, as Java leaves it when it cuts a text within an emoji, is no reason to lose the page:
    # whoever stores the record decides.
    numbers: dict[str, Any] = {"parse_float": Decimal, "parse_int": Decimal, "parse_constant": str}
    try:
        return json.loads(body, **(numbers if request.exact else {}))
    except ValueError as error:
        raise UnreadableAnswer(
            f"HubSpot's answer to {request.operation} is not whole: {len(body)} bytes of invalid JSON ({error})",
            status=status,
            hint="it is tried again by itself",
        ) from None
