"""Keeps what was asked and answered, so that it can be held to HubSpot's published documents.

Where `HUBSPOT_EMULATOR_RECORD` names a folder, each process of the emulator writes a file of JSON lines into it: the
first exchange of each shape, and at the end how many there were. A shape is what the kinds and names of all parts make
up; ids, texts and numbers do not count. What a record's properties are called does not count either: portals differ.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

VARIABLE = "HUBSPOT_EMULATOR_RECORD"
_BY_NAME = frozenset({"properties", "propertiesWithHistory", "context"})
# Beyond so many entries of a list, the next ones are of the same shapes.
_LOOKED_AT = 20

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Recorder:
    """Writes the first exchange of each shape, and at the end how many there were."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / f"{os.getpid()}-{id(self)}.jsonl").open("ab")
        self._seen: dict[Any, int] = {}

    def keep(self, request: web.Request, body: bytes, answer: web.Response) -> None:
        """Keep an exchange, if it is the first of its shape."""
        said, told = _parsed(body, request.content_type), _parsed(_bytes_of(answer), answer.content_type)
        place = re.sub(r"\d{3,}(?=/|$)", "0", request.path)
        key = (request.method, place, frozenset(request.query), answer.status, shape(said), shape(told))
        self._seen[key] = self._seen.get(key, 0) + 1
        if self._seen[key] == 1:
            exchange = {
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "body": said,
                "status": answer.status,
                "answer": told,
            }
            self._file.write(orjson.dumps(exchange) + b"\n")

    def end(self) -> None:
        """Write down how many exchanges there were."""
        self._file.write(orjson.dumps({"exchanges": sum(self._seen.values())}) + b"\n")
        self._file.close()


def shape(value: Any, *, by_name: bool = True) -> Any:
    """Return what two values of the same shape have in common; hashable."""
    if isinstance(value, dict):
        parts = ((name if by_name else "", shape(part, by_name=name not in _BY_NAME)) for name, part in value.items())
        return frozenset(parts)
    if isinstance(value, list):
        return ("list", frozenset(shape(part) for part in value[:_LOOKED_AT]))
    return type(value).__name__


def record(app: web.Application) -> None:
    """Let an application keep its exchanges, where the environment says so."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return
    recorder = Recorder(Path(folder))

    @web.middleware
    async def recorded(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        if isinstance(answer, web.Response) and _is_kept(request):
            recorder.keep(request, await request.read(), answer)
        return answer

    async def ended(_: web.Application) -> None:
        recorder.end()

    app.middlewares.append(recorded)
    app.on_cleanup.append(ended)


def _is_kept(request: web.Request) -> bool:
    # A page for people is no part of the API, and what a fault made of an answer is not meant to be documented.
    is_api = not request.path.startswith(("/_emulator", "/oauth/authorize", "/favicon.ico"))
    return is_api and request.transport is not None and "fault" not in request


def _bytes_of(answer: web.Response) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b""


def _parsed(body: bytes, content_type: str) -> Any:
    if content_type == "application/x-www-form-urlencoded":
        return {"form": sorted(part.split("=")[0] for part in body.decode().split("&") if part)}
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return {"text": content_type}
