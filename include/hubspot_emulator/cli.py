"""The command line: `python -m hubspot_emulator`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from aiohttp import web

from hubspot_emulator.server import HubSpotServer
from hubspot_emulator.spec import PortalSpec

DEFAULT_PORTALS = (
    PortalSpec("acme", 1001, 10_000, "pat-na1-acme-demo"),
    PortalSpec("globex", 1002, 1_000, "pat-na1-globex-demo", currency="EUR", time_zone="Europe/Berlin"),
    PortalSpec("initech", 1003, 50, "pat-na1-initech-demo", tier="free", currency="JPY", time_zone="Asia/Tokyo"),
)
# Longer than any URL that the edge lets through, so that it is the edge that refuses.
_LONGEST_LINE = 256 * 1024
_SHORT = {"id": "portal_id", "lag": "search_lag_seconds"}
# What a portal's fields are written as; scopes are several and so have no place among pairs.
_PARSERS: dict[str, Callable[[str], Any]] = {
    field.name: {"int": int, "float": float}.get(str(field.type), str)
    for field in fields(PortalSpec)
    if field.name != "scopes"
}
_EXAMPLE = "company=acme,id=1001,deals=10000,token=pat-na1-acme,tier=pro,currency=USD"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal or, when asked to, the end of the parent process."""
    parent = os.getppid()
    options = _parser().parse_args(arguments)
    portals = [*options.portal, *options.portal_json] or list(DEFAULT_PORTALS)
    try:
        listener = socket.create_server((options.host, options.port), backlog=128)
    except OSError as error:
        print(  # noqa: T201 - a command line speaks to people
            f"cannot listen on {options.host}:{options.port}: {error.strerror}; choose another --port", file=sys.stderr
        )
        return 1
    server = HubSpotServer(portals, seed=options.seed, limits=options.limits)
    asyncio.run(_serve(server, listener, parent if options.exit_with_parent else None))
    return 0


async def _serve(server: HubSpotServer, listener: socket.socket, parent: int | None) -> None:
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=0.5, max_line_size=_LONGEST_LINE)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    host, port = listener.getsockname()[:2]
    told = ", ".join(f"{s.company} (portal {s.portal_id}, {s.deals:,} deals, token {s.token})" for s in server.specs)
    print(f"HubSpot emulator on http://{host}:{port} with {told}", flush=True)  # noqa: T201
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    watch = asyncio.create_task(_until_orphaned(parent, stop)) if parent is not None else None
    await stop.wait()
    if watch is not None:
        watch.cancel()
    await runner.cleanup()


async def _until_orphaned(parent: int, stop: asyncio.Event) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        while os.getppid() == parent:
            await asyncio.sleep(0.3)
        stop.set()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hubspot_emulator",
        description="A HubSpot on localhost. Without --portal: three portals with 10,000, 1,000 and 50 deals.",
        epilog="Faults, edits and the true state are under /_emulator; docs/emulator.md lists them.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8765, help="port; 0 picks a free one (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same data (default: %(default)s)")
    parser.add_argument(
        "--portal", action="append", default=[], type=_portal, metavar=_EXAMPLE, help="a portal; give it several times"
    )
    parser.add_argument("--portal-json", action="append", default=[], type=_portal_json, help=argparse.SUPPRESS)
    parser.add_argument("--no-limits", dest="limits", action="store_false", help="do not enforce rate limits")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when the process that started it ends")
    return parser


def _portal(text: str) -> PortalSpec:
    given = dict(pair.split("=", 1) for pair in text.split(",") if "=" in pair)
    values = {_SHORT.get(name, name): value for name, value in given.items()}
    try:
        lacking = [name for name in ("company", "id", "deals", "token") if name not in given]
        if lacking:
            raise argparse.ArgumentTypeError(f"{text!r} lacks '{lacking[0]}'; it has to look like {_EXAMPLE}")
        return PortalSpec(**{name: _PARSERS[name](value) for name, value in values.items()})
    except KeyError as unknown:
        known = ", ".join(sorted(_PARSERS.keys() - _SHORT.values() | _SHORT.keys()))
        raise argparse.ArgumentTypeError(f"{text!r}: {unknown} is unknown; known are {known}") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None


def _portal_json(text: str) -> PortalSpec:
    values = json.loads(text)
    return PortalSpec(**values | {"scopes": tuple(values["scopes"])})
