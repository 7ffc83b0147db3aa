"""Breaking things, and making a portal behave like another one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from aiohttp import web

from hubspot_emulator.admin.requests import Endpoints, body_of, json_answer
from hubspot_emulator.portal import Knobs, Portal

_OF_LIMITS = {
    "limits": "enforced",
    "retry_after": "sends_retry_after",
    "search_fills_burst": "search_fills_burst",
    "links_fill_burst": "links_fill_burst",
    "used_today": "used_today",
}
_OF_INDICES = {"lag_seconds": "lag_ms", "jitter_seconds": "jitter_ms"}


class Breaking(Endpoints):
    """Faults, knobs, other apps and the way back."""

    def routes(self, base: str, portal: str) -> list[web.RouteDef]:
        """Return what is served."""
        return [
            web.post(f"{base}/reset", self.reset),
            web.put(f"{portal}/faults", self.faults),
            web.put(f"{portal}/knobs", self.knobs),
            web.post(f"{portal}/others", self.others),
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
        """Turn a portal's knobs: those of `Knobs`, of its limits and of its search indices."""
        portal, wanted = self._portal(request), await body_of(request)
        for name, value in wanted.items():
            _turn(portal, name, value)
        return json_answer({})

    async def others(self, request: web.Request) -> web.Response:
        """Use up limits as other apps of the account would."""
        wanted = await body_of(request)
        self._portal(request).limits.used_by_others(int(wanted.get("calls", 0)), int(wanted.get("searches", 0)))
        return json_answer({})


def _turn(portal: Portal, name: str, value: Any) -> None:
    if name in {f.name for f in fields(Knobs)}:
        setattr(portal.knobs, name, value)
    elif name in _OF_LIMITS:
        setattr(portal.limits, _OF_LIMITS[name], value)
    elif name in _OF_INDICES:
        for collection in portal.collections.values():
            setattr(collection.index, _OF_INDICES[name], float(value) * 1000)
    else:
        raise web.HTTPBadRequest(text=f"there is no knob {name!r}")
