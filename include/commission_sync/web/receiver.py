"""`POST /webhooks`: takes in what HubSpot sends.

Nothing is answered with 2xx before it is on disk: whatever goes wrong, HubSpot sends it again. Bodies, signatures and
secrets are not logged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from commission_sync.operators.database import commissions_dsn
from commission_sync.settings import Settings, load_settings
from commission_sync.webhooks.inbox import Inbox, InboxUnavailable
from commission_sync.webhooks.reception import Arrival, Refused, admitted

_QUIET_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Receiver:
    """Lets webhooks into an inbox.

    :param inbox: gives the inbox, at the first webhook and not before
    """

    def __init__(self, inbox: Callable[[], Awaitable[Inbox]], settings: Callable[[], Settings] = load_settings) -> None:
        self._inbox = inbox
        self._settings = settings
        self._refusals = _Refusals()

    def router(self) -> APIRouter:
        """Return the route."""
        router = APIRouter()
        router.add_api_route("/webhooks", self.receive, methods=["POST"], include_in_schema=False)
        return router

    async def receive(self, request: Request) -> Response:
        """Take in one webhook: 200, or 400, 401, 413 with the reason, or 503 when it could not be kept."""
        try:
            settings = self._settings()
            body = await _body(request, settings.hubspot_webhook_max_bytes)
            inbox = await self._inbox()
            events = admitted(_arrival(request, body), settings, now_ms=await inbox.now_ms())
            new = await inbox.keep(events)
        except Refused as refused:
            self._refusals.note(refused)
            return JSONResponse({"status": "refused", "message": refused.reason}, refused.status)
        except InboxUnavailable as error:
            _log.error("webhook not kept reason=%r next=%r", str(error), "HubSpot sends it again for 24 hours")
            return JSONResponse({"status": "unavailable", "message": "try again later"}, 503, {"Retry-After": "5"})
        return JSONResponse({"status": "accepted", "events": len(events), "new": new})


class _Refusals:
    """Says that webhooks are refused, but not each time: anybody can send what is refused."""

    def __init__(self) -> None:
        self._said: dict[int, float] = {}
        self._unsaid: Counter[int] = Counter()

    def note(self, refused: Refused) -> None:
        status, now = refused.status, time.monotonic()
        if now - self._said.get(status, -_QUIET_SECONDS) < _QUIET_SECONDS:
            self._unsaid[status] += 1
            return
        _log.warning(
            "webhook refused status=%d reason=%r others_since=%d", status, refused.reason, self._unsaid.pop(status, 0)
        )
        self._said[status] = now


async def _body(request: Request, most: int) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise Refused(413, f"the body is larger than {most} bytes")
    except ClientDisconnect:
        raise Refused(400, "the connection ended before the body did") from None
    return bytes(body)


def _arrival(request: Request, body: bytes) -> Arrival:
    path = request.scope.get("raw_path") or request.scope["path"].encode()
    query = request.scope["query_string"]
    target = (path + b"?" + query if query else path).decode("latin-1")
    return Arrival(
        request.method, request.scope["scheme"], request.headers.get("host", ""), target, body, dict(request.headers)
    )


class _ProcessInbox:
    """The inbox of this process; Airflow is asked where the database is when the first webhook comes."""

    def __init__(self) -> None:
        self._inbox: Inbox | None = None

    async def __call__(self) -> Inbox:
        if self._inbox is None:
            self._inbox = Inbox(await asyncio.to_thread(commissions_dsn))
        return self._inbox


router = Receiver(_ProcessInbox()).router()
