"""Looking at what is true, and at what was asked."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from hubspot_emulator import truth
from hubspot_emulator.admin.requests import Endpoints, json_answer, streamed, type_of
from hubspot_emulator.portal import Portal


class Looking(Endpoints):
    """Health, portals, figures and the truth."""

    def routes(self, base: str, portal: str) -> list[web.RouteDef]:
        """Return what is served."""
        return [
            web.get(f"{base}/health", self.health),
            web.get(f"{base}/portals", self.portals),
            web.get(f"{base}/stats", self.stats),
            web.post(f"{base}/stats/reset", self.reset_stats),
            web.get(f"{portal}/truth/links/{{type}}/{{to}}", self.links),
            web.get(f"{portal}/truth/history/{{type}}/{{name}}", self.history),
            web.get(f"{portal}/truth/merged/{{type}}", self.merged),
            web.get(f"{portal}/truth/splits", self.splits),
            web.get(f"{portal}/truth/{{type}}", self.records),
        ]

    async def health(self, _: web.Request) -> web.Response:
        """Say that the emulator is up."""
        return json_answer({"status": "ok", "portals": len(self._server.portals)})

    async def portals(self, _: web.Request) -> web.Response:
        """List the portals."""
        listed = [
            {
                "portal_id": p.spec.portal_id,
                "company": p.spec.company,
                "deals": p.records("deals").count,
                "tier": p.spec.tier,
                "token": p.spec.token,
            }
            for p in self._server.portals.values()
        ]
        return json_answer(listed)

    async def stats(self, _: web.Request) -> web.Response:
        """Tell what was asked of each portal, and how full its windows were at most."""
        return json_answer({str(i): _figures(p) for i, p in self._server.portals.items()})

    async def reset_stats(self, _: web.Request) -> web.Response:
        """Start counting anew."""
        for portal in self._server.portals.values():
            portal.stats = type(portal.stats)()
            portal.limits.burst.most = portal.limits.search.most = 0
        return json_answer({})

    async def records(self, request: web.Request) -> web.StreamResponse:
        """Stream every live record with every property; `archived=true`: the recycle bin."""
        archived = request.query.get("archived") == "true"
        return await streamed(request, truth.records(self._portal(request), type_of(request), archived=archived))

    async def links(self, request: web.Request) -> web.StreamResponse:
        """Stream every link between two types."""
        return await streamed(request, truth.links(self._portal(request), type_of(request), type_of(request, "to")))

    async def merged(self, request: web.Request) -> web.StreamResponse:
        """Stream what was merged away, and into what."""
        return await streamed(request, truth.merged(self._portal(request), type_of(request)))

    async def history(self, request: web.Request) -> web.StreamResponse:
        """Stream what was written to a property since the start, of records that are gone, too."""
        portal, name = self._portal(request), request.match_info["name"]
        return await streamed(request, truth.history(portal, type_of(request), name))

    async def splits(self, request: web.Request) -> web.StreamResponse:
        """Stream how deals are split."""
        return await streamed(request, truth.splits(self._portal(request)))


def _figures(portal: Portal) -> dict[str, Any]:
    most = {"burst": portal.limits.burst.most, "search": portal.limits.search.most}
    return portal.stats.as_dict() | {"most_in_window": most, "used_today": portal.limits.used_today}
