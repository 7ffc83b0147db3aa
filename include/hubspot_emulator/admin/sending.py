"""Webhooks from outside: where they go, how they go wrong, and what became of them."""

from __future__ import annotations

from aiohttp import web

from hubspot_emulator.admin.requests import Endpoints, body_of, json_answer
from hubspot_emulator.errors import ApiError


class Sending(Endpoints):
    """The app's webhooks."""

    def routes(self, base: str, portal: str) -> list[web.RouteDef]:  # noqa: ARG002 - the app is of all portals
        """Return what is served."""
        return [
            web.get(f"{base}/webhooks", self.figures),
            web.put(f"{base}/webhooks", self.turn),
            web.post(f"{base}/webhooks/reset", self.reset),
            web.post(f"{base}/webhooks/events", self.send),
        ]

    async def figures(self, _: web.Request) -> web.Response:
        """Tell what became of the events."""
        return json_answer(self._server.webhooks.sender.figures())

    async def turn(self, request: web.Request) -> web.Response:
        """Set the target, the secret, the subscriptions and the knobs; see `App.turn`."""
        try:
            self._server.webhooks.app.turn(await body_of(request))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        except ApiError as error:
            raise web.HTTPBadRequest(text=error.body["message"]) from None
        return json_answer({})

    async def reset(self, _: web.Request) -> web.Response:
        """Count anew."""
        self._server.webhooks.sender.reset_figures()
        return json_answer({})

    async def send(self, request: web.Request) -> web.Response:
        """Send given events, whether or not anything happened."""
        events = (await body_of(request)).get("events") or []
        for event in events:
            self._server.webhooks.sender.offer(event)
        return json_answer({"events": len(events)})
