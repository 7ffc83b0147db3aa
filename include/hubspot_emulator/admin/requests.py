"""What the admin endpoints have in common: what a request names, and how answers are written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from hubspot_emulator.collection import Collection
from hubspot_emulator.errors import ApiError
from hubspot_emulator.kinds import kind_of
from hubspot_emulator.portal import Portal
from hubspot_emulator.records import Version

if TYPE_CHECKING:
    from hubspot_emulator.server import HubSpotServer

_LINES_AT_ONCE = 500


class Endpoints:
    """Some of the admin endpoints."""

    def __init__(self, server: HubSpotServer) -> None:
        self._server = server

    def _portal(self, request: web.Request) -> Portal:
        portal = self._server.portals.get(int(request.match_info["portal_id"]))
        if portal is None:
            raise web.HTTPNotFound(text=f"there is no portal {request.match_info['portal_id']}")
        return portal

    def _collection(self, request: web.Request) -> Collection:
        return self._portal(request).collections[type_of(request)]

    def _record(self, request: web.Request) -> tuple[Collection, Version]:
        collection = self._collection(request)
        return collection, record(collection, request.match_info["crm_id"])


def record(collection: Collection, crm_id: str) -> Version:
    """Return a record, archived ones too."""
    version = collection.records.find(crm_id)
    if version is None:
        raise web.HTTPNotFound(text=f"there is no {collection.kind.label} {crm_id}")
    return version


def type_of(request: web.Request, parameter: str = "type") -> str:
    """Return the object type that the path names."""
    try:
        return kind_of(request.match_info[parameter]).name
    except ApiError as error:
        raise web.HTTPNotFound(text=error.body["message"]) from None


async def body_of(request: web.Request) -> dict[str, Any]:
    """Return the JSON object that was sent; nothing is an empty one."""
    raw = await request.read()
    try:
        body = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError as error:
        raise web.HTTPBadRequest(text=f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object")
    return body


def json_answer(body: object) -> web.Response:
    """Return an answer in JSON."""
    return web.Response(body=orjson.dumps(body), content_type="application/json")


async def streamed(request: web.Request, documents: Iterable[dict[str, Any]]) -> web.StreamResponse:
    """Answer one JSON document per line, and let others have their turn between them."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    # Who has seen enough goes away.
    with contextlib.suppress(ConnectionResetError):
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
