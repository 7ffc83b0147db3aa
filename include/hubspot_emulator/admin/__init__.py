"""What tests and people do to the emulator from outside HubSpot's API, under `/_emulator`.

Neither tokens nor limits nor faults hold there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from hubspot_emulator.admin.breaking import Breaking
from hubspot_emulator.admin.editing import Editing
from hubspot_emulator.admin.looking import Looking

if TYPE_CHECKING:
    from hubspot_emulator.server import HubSpotServer

BASE = "/_emulator"
PORTAL = f"{BASE}/portals/{{portal_id:\\d+}}"


def add_admin(app: web.Application, server: HubSpotServer) -> None:
    """Serve the admin endpoints."""
    for part in (Looking(server), Editing(server), Breaking(server)):
        app.add_routes(part.routes(BASE, PORTAL))
