"""Webhooks as HubSpot sends them: one app, its subscriptions, and deliveries that may go wrong in every way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from aiohttp import web

from hubspot_emulator.portal import Portal
from hubspot_emulator.webhooks.app import App
from hubspot_emulator.webhooks.endpoints import AppEndpoints
from hubspot_emulator.webhooks.happenings import Happenings
from hubspot_emulator.webhooks.sender import Sender

__all__ = ["App", "AppEndpoints", "Webhooks"]


class Webhooks:
    """The app, and what it sends about the portals that it is installed in: all of them."""

    def __init__(self) -> None:
        self.app = App()
        self.sender = Sender(self.app)

    def watch(self, portals: Iterable[Portal]) -> None:
        """Listen to what happens in the portals."""
        for portal in portals:
            Happenings(portal, self.app, self.sender.offer).listen()

    async def running(self, _: web.Application) -> AsyncIterator[None]:
        """Send for as long as the server runs."""
        await self.sender.start()
        yield
        await self.sender.stop()
