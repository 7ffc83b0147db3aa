"""The app's settings and subscriptions, as HubSpot's webhooks API serves them to a developer's key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import orjson
from aiohttp import web

from hubspot_emulator.errors import ApiError, invalid, no_credentials, not_found
from hubspot_emulator.times import iso, now_ms
from hubspot_emulator.webhooks.app import APP_ID, DEVELOPER_KEY, App

# The release of 2026-09 moved them; the older releases keep the old place.
_BASES = ("/webhooks/{version:v3|2025-09|2026-03}/{app_id}", "/app-webhooks/{version:2026-09}/{app_id}")

Handler = Callable[[web.Request], Awaitable[web.Response]]


class AppEndpoints:
    """What a developer can do to the app."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._concurrency = 10

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        return [route for base in _BASES for route in self._below(base)]

    def _below(self, base: str) -> list[web.RouteDef]:
        one = f"{base}/subscriptions/{{id:\\d+}}"
        return [
            web.get(f"{base}/settings", self._admitted(self.settings)),
            web.put(f"{base}/settings", self._admitted(self.configure)),
            web.get(f"{base}/subscriptions", self._admitted(self.subscriptions)),
            web.post(f"{base}/subscriptions", self._admitted(self.subscribe)),
            web.patch(one, self._admitted(self.change)),
            web.delete(one, self._admitted(self.unsubscribe)),
        ]

    async def settings(self, _: web.Request) -> web.Response:
        """Tell where webhooks go."""
        if self._app.target_url is None:
            raise not_found("No webhooks settings found for this app")
        return _json(self._settings())

    async def configure(self, request: web.Request) -> web.Response:
        """Set where webhooks go."""
        wanted = await _body(request)
        url = str(wanted.get("targetUrl") or "")
        if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise invalid("targetUrl must be an https URL")
        self._app.target_url = url
        self._concurrency = int((wanted.get("throttling") or {}).get("maxConcurrentRequests", 10))
        return _json(self._settings())

    async def subscriptions(self, _: web.Request) -> web.Response:
        """List the subscriptions."""
        return _json({"results": [one.as_dict() for one in self._app.subscriptions.values()]})

    async def subscribe(self, request: web.Request) -> web.Response:
        """Add a subscription."""
        return _json(self._app.subscribe(await _body(request)).as_dict(), 201)

    async def change(self, request: web.Request) -> web.Response:
        """Switch a subscription on or off."""
        one = self._app.subscriptions.get(int(request.match_info["id"]))
        if one is None:
            raise not_found()
        one.active = bool((await _body(request)).get("active"))
        return _json(one.as_dict())

    async def unsubscribe(self, request: web.Request) -> web.Response:
        """Remove a subscription."""
        if self._app.subscriptions.pop(int(request.match_info["id"]), None) is None:
            raise not_found()
        return web.Response(status=204)

    def _settings(self) -> dict[str, Any]:
        throttling = {"maxConcurrentRequests": self._concurrency}
        now = iso(now_ms())
        return {"targetUrl": self._app.target_url, "throttling": throttling, "createdAt": now, "updatedAt": now}

    def _admitted(self, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            try:
                if request.query.get("hapikey") != DEVELOPER_KEY:
                    raise no_credentials()
                if request.match_info["app_id"] != str(APP_ID):
                    raise not_found("App not found")
                return await handler(request)
            except ApiError as error:
                return _json(error.body | {"correlationId": str(uuid4())}, error.status)

        return answer


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        raise invalid("Invalid input JSON on line 1, column 1") from None
    if not isinstance(body, dict):
        raise invalid("Invalid input JSON on line 1, column 1: the body is not an object")
    return body


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
