"""Breaking things, and making a portal behave like another one."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from aiohttp import web

from hubspot_emulator.admin.requests import Endpoints, body_of, json_answer
from hubspot_emulator.others import OtherApp
from hubspot_emulator.portal import Knobs, Portal

if TYPE_CHECKING:
    from hubspot_emulator.server import HubSpotServer

_OF_LIMITS = {
    "limits": "enforced",
    "retry_after": "sends_retry_after",
    "search_fills_burst": "search_fills_burst",
    "links_fill_burst": "links_fill_burst",
    "used_today": "used_today",
}
_OF_INDICES = {"lag_seconds": "lag_ms", "jitter_seconds": "jitter_ms"}


class Breaking(Endpoints):
    """Faults, knobs, held calls, other apps and the way back."""

    def __init__(self, server: HubSpotServer) -> None:
        super().__init__(server)
        self._others: dict[int, tuple[OtherApp, asyncio.Task[None]]] = {}

    def routes(self, base: str, portal: str) -> list[web.RouteDef]:
        """Return what is served."""
        return [
            web.post(f"{base}/reset", self.reset),
            web.put(f"{portal}/faults", self.faults),
            web.put(f"{portal}/knobs", self.knobs),
            web.get(f"{portal}/holds", self.waiting),
            web.put(f"{portal}/holds", self.hold),
            web.delete(f"{portal}/holds", self.release),
            web.post(f"{portal}/others", self.others),
            web.post(f"{portal}/others/stream", self.start_other),
            web.delete(f"{portal}/others/stream", self.stop_other),
        ]

    async def reset(self, _: web.Request) -> web.Response:
        """Forget everything that was done to the portals."""
        self._server.reset()
        return json_answer({})

    async def faults(self, request: web.Request) -> web.Response:
        """Replace a portal's faults."""
        try:
            self._portal(request).faults.set(await body_of(request))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return json_answer({})

    async def knobs(self, request: web.Request) -> web.Response:
        """Turn a portal's knobs: those of `Knobs`, of its limits, its search indices and its clock."""
        portal, wanted = self._portal(request), await body_of(request)
        for name, value in wanted.items():
            _turn(portal, name, value)
        return json_answer({})

    async def waiting(self, request: web.Request) -> web.Response:
        """Tell how many calls wait."""
        return json_answer(self._portal(request).holds.waiting())

    async def hold(self, request: web.Request) -> web.Response:
        """Replace what happens to calls that are still to come."""
        try:
            self._portal(request).holds.set((await body_of(request)).get("holds", []))
        except TypeError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return json_answer({})

    async def release(self, request: web.Request) -> web.Response:
        """Let every call that waits go on, and hold no more."""
        self._portal(request).holds.release()
        return json_answer({})

    async def others(self, request: web.Request) -> web.Response:
        """Use up limits as other apps of the account would."""
        wanted = await body_of(request)
        self._portal(request).limits.used_by_others(int(wanted.get("calls", 0)), int(wanted.get("searches", 0)))
        return json_answer({})

    async def start_other(self, request: web.Request) -> web.Response:
        """Let another app of the account call at a steady rate from now on."""
        portal, wanted = self._portal(request), await body_of(request)
        app = OtherApp()
        use = app.use(
            portal.limits,
            calls_a_second=float(wanted.get("calls_a_second", 0)),
            searches_a_second=float(wanted.get("searches_a_second", 0)),
            seconds=float(wanted.get("seconds", 60)),
        )
        self._others[portal.spec.portal_id] = (app, asyncio.create_task(use))
        return json_answer({})

    async def stop_other(self, request: web.Request) -> web.Response:
        """Stop the other app and tell what it got."""
        app, task = self._others.pop(self._portal(request).spec.portal_id, (OtherApp(), None))
        if task is not None:
            task.cancel()
        return json_answer(app.as_dict())


def _turn(portal: Portal, name: str, value: Any) -> None:
    if name in {f.name for f in fields(Knobs)}:
        setattr(portal.knobs, name, value)
    elif name in _OF_LIMITS:
        setattr(portal.limits, _OF_LIMITS[name], value)
    elif name in _OF_INDICES:
        for collection in portal.collections.values():
            setattr(collection.index, _OF_INDICES[name], float(value) * 1000)
    elif name == "clock_skew_seconds":
        portal.clock.skew_ms = float(value) * 1000
    else:
        raise web.HTTPBadRequest(text=f"there is no knob {name!r}")
