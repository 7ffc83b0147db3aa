"""The HTTP server: token, limits and faults around the resources."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs
from uuid import uuid4

import orjson
from aiohttp import web

from hubspot_emulator.admin import add_admin
from hubspot_emulator.call import Answer, Call
from hubspot_emulator.errors import ApiError, expired, missing_scopes, no_credentials, uri_too_long
from hubspot_emulator.faults import Fault
from hubspot_emulator.oauth import OAuth
from hubspot_emulator.oauth_http import OAuthPages
from hubspot_emulator.portal import Portal
from hubspot_emulator.recording import record
from hubspot_emulator.routes import Found, find
from hubspot_emulator.spec import PortalSpec
from hubspot_emulator.times import http_date
from hubspot_emulator.webhooks import AppEndpoints, Webhooks

_LARGEST_BODY = 32 * 1024**2
_JSON = "application/json;charset=utf-8"
# Successes that are none: what took effect did so all the same.
_WRONG_BODIES: dict[Fault | None, bytes] = {
    Fault.EMPTY: b"",
    Fault.ERROR_AS_SUCCESS: b'{"status":"error","message":"internal error","correlationId":"0"}',
}


@dataclass(frozen=True)
class Caller:
    """The portal that a token opens, and the token's scopes: those of a private app or of a grant."""

    portal: Portal
    token: str
    scopes: tuple[str, ...]


class HubSpotServer:
    """Answers for several portals, told apart by their tokens."""

    def __init__(self, specs: Sequence[PortalSpec], *, seed: int = 1, limits: bool = True) -> None:
        self.specs, self.seed, self.limits = tuple(specs), seed, limits
        self.webhooks = Webhooks()
        self.reset()

    def reset(self) -> None:
        """Forget everything that was done."""
        self.portals = {s.portal_id: Portal(s, self.seed, limits=self.limits) for s in self.specs}
        self._by_token = {p.spec.token: p for p in self.portals.values()}
        self.oauth = OAuth()
        self.webhooks.watch(self.portals.values())

    def app(self) -> web.Application:
        """Return the application to be served."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        record(app)
        add_admin(app, self)
        app.add_routes(OAuthPages(self).routes())
        app.add_routes(AppEndpoints(self.webhooks.app).routes())
        app.cleanup_ctx.append(self.webhooks.running)
        app.router.add_route("*", "/{path:.*}", self.answer)
        return app

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one API call."""
        started = time.perf_counter()
        name = "unknown"
        portal: Portal | None = None
        try:
            caller = self._caller(request)
            portal = caller.portal
            found = find(request.method, request.path)
            name = found.operation
            return await self._admitted(request, caller, found)
        except ApiError as error:
            return self._refusal(error, portal, name, started)
        except ConnectionResetError:
            # The caller went away; nobody reads this.
            return web.Response(status=499)

    async def _admitted(self, request: web.Request, caller: Caller, found: Found) -> web.StreamResponse:
        portal = caller.portal
        is_search = found.name == "search"
        if len(str(request.rel_url)) > portal.knobs.longest_url:
            raise uri_too_long()
        if portal.knobs.latency_ms:
            await asyncio.sleep(portal.knobs.latency_ms / 1000)
        self._count(portal, is_search=is_search, is_links_read=found.name == "links.read")
        for any_of in (*found.scopes, *(found.guards if portal.knobs.email_needs_scope else ())):
            if not set(any_of) & set(caller.scopes):
                raise missing_scopes(any_of)
        fault = portal.faults.draw()
        if fault is not None:
            portal.stats.faults[fault] += 1
            request["fault"] = fault
            if (failure := portal.faults.answer(fault, is_search=is_search)) is not None:
                raise failure
        raw = await request.read()
        if fault in {Fault.RESET, Fault.TIMEOUT}:
            return await self._broken(request, portal, fault)
        return await self._carried_out(request, caller, found, raw, fault)

    async def _carried_out(
        self, request: web.Request, caller: Caller, found: Found, raw: bytes, fault: Fault | None
    ) -> web.StreamResponse:
        portal = caller.portal
        hold = portal.holds.taken(found.operation)
        await hold.wait("before")
        busy = time.perf_counter()
        call = Call(
            portal,
            request.path,
            found.version,
            found.parameters,
            parse_qs(request.query_string),
            raw,
            caller.token,
            caller.scopes,
        )
        answer = found.handler(call)
        if portal.knobs.odd_records:
            request["fault"] = "odd records"
        body = _WRONG_BODIES[fault] if fault in _WRONG_BODIES else _body_of(answer)
        portal.stats.called(found.operation, answer.status, size=len(body), seconds=time.perf_counter() - busy)
        await hold.wait("after")
        if fault is Fault.RESET_AFTER_COMMIT:
            return await self._broken(request, portal, fault)
        headers = self._headers(portal, is_search=found.name == "search")
        if fault is Fault.TRUNCATED_JSON:
            return await _truncated(request, answer, body, headers)
        return web.Response(status=answer.status, body=body, headers=headers)

    def _caller(self, request: web.Request) -> Caller:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise no_credentials()
        if (portal := self._by_token.get(token)) is not None:
            return Caller(portal, token, portal.spec.scopes)
        if (grant := self.oauth.accepted(token)) is not None:
            return Caller(self.portals[grant.portal_id], token, grant.scopes)
        raise expired("20543 day(s)", "1970-01-01T00:00:00Z")

    def _count(self, portal: Portal, *, is_search: bool, is_links_read: bool) -> None:
        try:
            portal.limits.admit(is_search=is_search, is_links_read=is_links_read)
        except ApiError:
            portal.stats.refused += 1
            raise

    def _headers(self, portal: Portal, *, is_search: bool) -> dict[str, str]:
        own = {"Content-Type": _JSON, "X-HubSpot-Correlation-Id": str(uuid4()), "Date": http_date(portal.clock.now())}
        return own | portal.limits.headers(is_search=is_search)

    def _refusal(self, error: ApiError, portal: Portal | None, name: str, started: float) -> web.Response:
        if portal is not None:
            portal.stats.called(name, error.status, size=0, seconds=time.perf_counter() - started)
        correlation_id = error.body.get("correlationId") or str(uuid4())
        headers = {"X-HubSpot-Correlation-Id": correlation_id, **error.headers}
        if portal is not None:
            headers["Date"] = http_date(portal.clock.now())
        if error.html is not None:
            return web.Response(status=error.status, text=error.html, content_type="text/html", headers=headers)
        if portal is not None:
            headers |= portal.limits.headers(is_search=name.endswith(".search"))
        return web.Response(
            status=error.status, body=orjson.dumps(error.body), headers={"Content-Type": _JSON, **headers}
        )

    async def _broken(self, request: web.Request, portal: Portal, fault: Fault) -> web.Response:
        if fault is Fault.TIMEOUT:
            await asyncio.sleep(portal.faults.timeout_seconds)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


def _body_of(answer: Answer) -> bytes:
    return b"" if answer.body is None else orjson.dumps(answer.body)


async def _truncated(request: web.Request, answer: Answer, body: bytes, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers={**headers, "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
