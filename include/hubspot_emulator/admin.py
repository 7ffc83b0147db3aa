"""What tests and people do to the emulator from outside HubSpot's API: look at the truth, edit, and break things."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from hubspot_emulator import truth
from hubspot_emulator.catalog import completed
from hubspot_emulator.collection import Collection
from hubspot_emulator.edits import edit
from hubspot_emulator.errors import ApiError
from hubspot_emulator.kinds import kind_of
from hubspot_emulator.portal import Knobs, Portal
from hubspot_emulator.records import Version

if TYPE_CHECKING:
    from hubspot_emulator.server import HubSpotServer

BASE = "/_emulator"
_LINES_AT_ONCE = 500


class Admin:
    """The admin endpoints, under `/_emulator`; neither tokens nor limits nor faults hold there."""

    def __init__(self, server: HubSpotServer) -> None:
        self._server = server
        self._streams: dict[int, asyncio.Task[None]] = {}
        self._streamed: dict[int, int] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        portal = f"{BASE}/portals/{{portal_id:\\d+}}"
        record = f"{portal}/{{type}}/{{crm_id:\\d+}}"
        return [
            web.get(f"{BASE}/health", self.health),
            web.get(f"{BASE}/portals", self.portals),
            web.get(f"{BASE}/stats", self.stats),
            web.post(f"{BASE}/stats/reset", self.reset_stats),
            web.post(f"{BASE}/reset", self.reset),
            web.get(f"{portal}/truth/links/{{type}}/{{to}}", self.true_links),
            web.get(f"{portal}/truth/merged/{{type}}", self.true_merges),
            web.get(f"{portal}/truth/{{type}}", self.true_records),
            web.post(f"{portal}/edits", self.edits),
            web.post(f"{portal}/edits/stream", self.start_stream),
            web.delete(f"{portal}/edits/stream", self.stop_stream),
            web.put(f"{portal}/faults", self.faults),
            web.put(f"{portal}/knobs", self.knobs),
            web.post(f"{portal}/others", self.others),
            web.post(f"{portal}/properties/{{type}}", self.create_property),
            web.patch(record, self.override),
            web.post(f"{record}/restore", self.restore),
        ]

    async def health(self, _: web.Request) -> web.Response:
        """Say that the emulator is up."""
        return _json({"status": "ok", "portals": len(self._server.portals)})

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
        return _json(listed)

    async def stats(self, _: web.Request) -> web.Response:
        """Tell what was asked of each portal, and how full its windows were at most."""
        return _json({str(i): _figures(p) for i, p in self._server.portals.items()})

    async def reset_stats(self, _: web.Request) -> web.Response:
        """Start counting anew."""
        for portal in self._server.portals.values():
            portal.stats = type(portal.stats)()
            portal.limits.burst.most = portal.limits.search.most = 0
        return _json({})

    async def reset(self, _: web.Request) -> web.Response:
        """Forget everything that was done to the portals."""
        self._server.reset()
        return _json({})

    async def true_records(self, request: web.Request) -> web.StreamResponse:
        """Stream every live record with every property, one JSON document per line; `archived=true`: the bin."""
        archived = request.query.get("archived") == "true"
        return await _streamed(request, truth.records(self._portal(request), _type(request), archived=archived))

    async def true_links(self, request: web.Request) -> web.StreamResponse:
        """Stream every link between two types."""
        return await _streamed(request, truth.links(self._portal(request), _type(request), _type(request, "to")))

    async def true_merges(self, request: web.Request) -> web.StreamResponse:
        """Stream what was merged away, and into what."""
        return await _streamed(request, truth.merged(self._portal(request), _type(request)))

    async def edits(self, request: web.Request) -> web.Response:
        """Change many records at once."""
        wanted, portal = await _body(request), self._portal(request)
        collection = portal.collections[kind_of(wanted.get("type", "deals")).name]
        touched = edit(portal, portal.chance, **wanted)
        return _json({"ids": [collection.crm_id(v.number) for v in touched]})

    async def start_stream(self, request: web.Request) -> web.Response:
        """Change deals at a steady rate from now on."""
        wanted, portal = await _body(request), self._portal(request)
        self._streamed[portal.spec.portal_id] = 0
        stream = self._stream(portal, float(wanted.get("per_second", 5)), float(wanted.get("seconds", 60)))
        self._streams[portal.spec.portal_id] = asyncio.create_task(stream)
        return _json({})

    async def stop_stream(self, request: web.Request) -> web.Response:
        """Stop changing deals and tell how many it were."""
        portal_id = self._portal(request).spec.portal_id
        if (task := self._streams.pop(portal_id, None)) is not None:
            task.cancel()
        return _json({"edits": self._streamed.get(portal_id, 0)})

    async def faults(self, request: web.Request) -> web.Response:
        """Replace a portal's faults."""
        try:
            self._portal(request).faults.set(await _body(request))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return _json({})

    async def knobs(self, request: web.Request) -> web.Response:
        """Turn a portal's knobs: those of `Knobs`, `lag_seconds`, `jitter_seconds`, and those of the limits."""
        portal, wanted = self._portal(request), await _body(request)
        for name, value in wanted.items():
            _turn(portal, name, value)
        return _json({})

    async def others(self, request: web.Request) -> web.Response:
        """Use up limits as other apps of the account would."""
        wanted = await _body(request)
        self._portal(request).limits.used_by_others(int(wanted.get("calls", 0)), int(wanted.get("searches", 0)))
        return _json({})

    async def create_property(self, request: web.Request) -> web.Response:
        """Add a property without asking for a scope."""
        definition = completed(await _body(request))
        self._portal(request).collections[_type(request)].properties[definition["name"]] = definition
        return _json(definition)

    async def override(self, request: web.Request) -> web.Response:
        """Set raw values that HubSpot's own validation might refuse; `bump=false` leaves the modified time alone."""
        collection, version = self._record(request)
        bump = request.query.get("bump", "true") == "true"
        changed = collection.written(collection.records.update(version, await _body(request), bump=bump))
        return _json(collection.records.rendered(changed, collection.property_names))

    async def restore(self, request: web.Request) -> web.Response:
        """Take a record out of the recycle bin, as a person would in HubSpot's pages."""
        collection, version = self._record(request)
        bump = self._portal(request).knobs.restore_bumps
        collection.written(collection.records.restore(version, bump=bump))
        return _json({})

    def _portal(self, request: web.Request) -> Portal:
        portal = self._server.portals.get(int(request.match_info["portal_id"]))
        if portal is None:
            raise web.HTTPNotFound(text=f"there is no portal {request.match_info['portal_id']}")
        return portal

    def _record(self, request: web.Request) -> tuple[Collection, Version]:
        collection = self._portal(request).collections[_type(request)]
        version = collection.records.find(request.match_info["crm_id"])
        if version is None:
            raise web.HTTPNotFound(text=f"there is no {collection.kind.label} {request.match_info['crm_id']}")
        return collection, version

    async def _stream(self, portal: Portal, per_second: float, seconds: float) -> None:
        chance = random.Random(portal.spec.portal_id)  # noqa: S311 - repeatable on purpose
        for _ in range(int(per_second * seconds)):
            edit(portal, chance, count=1, mix="mixed")
            self._streamed[portal.spec.portal_id] += 1
            await asyncio.sleep(1 / per_second)


def add_admin(app: web.Application, server: HubSpotServer) -> None:
    """Serve the admin endpoints."""
    app.add_routes(Admin(server).routes())


_OF_LIMITS = {
    "limits": "enforced",
    "retry_after": "sends_retry_after",
    "search_fills_burst": "search_fills_burst",
    "links_fill_burst": "links_fill_burst",
    "used_today": "used_today",
}


def _turn(portal: Portal, name: str, value: Any) -> None:
    if name in {f.name for f in fields(Knobs)}:
        setattr(portal.knobs, name, value)
    elif name in _OF_LIMITS:
        setattr(portal.limits, _OF_LIMITS[name], value)
    elif name in {"lag_seconds", "jitter_seconds"}:
        for collection in portal.collections.values():
            setattr(collection.index, name.replace("seconds", "ms"), float(value) * 1000)
    else:
        raise web.HTTPBadRequest(text=f"there is no knob {name!r}")


def _figures(portal: Portal) -> dict[str, Any]:
    most = {"burst": portal.limits.burst.most, "search": portal.limits.search.most}
    return portal.stats.as_dict() | {"most_in_window": most, "used_today": portal.limits.used_today}


def _type(request: web.Request, parameter: str = "type") -> str:
    try:
        return kind_of(request.match_info[parameter]).name
    except ApiError as error:
        raise web.HTTPNotFound(text=error.body["message"]) from None


async def _streamed(request: web.Request, documents: Iterable[dict[str, Any]]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    async for lines in _in_blocks(map(orjson.dumps, documents)):
        await response.write(lines)
    await response.write_eof()
    return response


async def _in_blocks(lines: Iterator[bytes]) -> AsyncIterator[bytes]:
    block: list[bytes] = []
    for line in lines:
        block.append(line)
        if len(block) >= _LINES_AT_ONCE:
            yield b"\n".join(block) + b"\n"
            block.clear()
            await asyncio.sleep(0)
    if block:
        yield b"\n".join(block) + b"\n"


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    try:
        body = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError as error:
        raise web.HTTPBadRequest(text=f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object")
    return body


def _json(body: object) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")
