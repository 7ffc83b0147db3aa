"""Changing records as people, workflows and time would."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aiohttp import web

from hubspot_emulator.admin.requests import Endpoints, body_of, json_answer, record
from hubspot_emulator.catalog import completed
from hubspot_emulator.edits import Done, edit, edit_everything
from hubspot_emulator.history import CRM_UI, INTEGRATION
from hubspot_emulator.portal import Portal
from hubspot_emulator.times import DAY_MS, iso, milliseconds

if TYPE_CHECKING:
    from hubspot_emulator.server import HubSpotServer


class Editing(Endpoints):
    """Edits, one by one, many at a time and as a stream; rates, purges and the clock."""

    def __init__(self, server: HubSpotServer) -> None:
        super().__init__(server)
        self._streams: dict[int, asyncio.Task[None]] = {}
        self._streamed: dict[int, int] = {}

    def routes(self, _: str, portal: str) -> list[web.RouteDef]:
        """Return what is served."""
        one = f"{portal}/{{type}}/{{crm_id:\\d+}}"
        return [
            web.post(f"{portal}/edits", self.edits),
            web.post(f"{portal}/edits/stream", self.start_stream),
            web.delete(f"{portal}/edits/stream", self.stop_stream),
            web.post(f"{portal}/purge", self.purge),
            web.post(f"{portal}/clock", self.clock),
            web.post(f"{portal}/rates", self.set_rate),
            web.post(f"{portal}/merges/{{type}}", self.merge),
            web.post(f"{portal}/properties/{{type}}", self.create_property),
            web.patch(one, self.override),
            web.post(f"{one}/restore", self.restore),
        ]

    async def edits(self, request: web.Request) -> web.Response:
        """Change many records at once; `seed` makes that repeatable."""
        wanted, portal = await body_of(request), self._portal(request)
        chance = random.Random(wanted.pop("seed")) if "seed" in wanted else portal.chance  # noqa: S311 - not secret
        done = _edited(portal, chance, wanted)
        return json_answer({"ids": done.ids.get(done.asked, []), "by_type": done.ids, "deeds": done.deeds})

    async def start_stream(self, request: web.Request) -> web.Response:
        """Change records at a steady rate from now on."""
        wanted, portal = await body_of(request), self._portal(request)
        self._streamed[portal.spec.portal_id] = 0
        per_second, seconds = float(wanted.pop("per_second", 5)), float(wanted.pop("seconds", 60))
        chance = random.Random(wanted.pop("seed", portal.spec.portal_id))  # noqa: S311 - repeatable on purpose
        wanted = {"mix": "mixed", **wanted}
        # So that a mistake is told now, not to nobody.
        _edited(portal, chance, wanted | {"count": 0})
        stream = self._stream(portal, chance, per_second, seconds, wanted)
        self._streams[portal.spec.portal_id] = asyncio.create_task(stream)
        return json_answer({})

    async def stop_stream(self, request: web.Request) -> web.Response:
        """Stop changing records and tell how many edits it were."""
        portal_id = self._portal(request).spec.portal_id
        if (task := self._streams.pop(portal_id, None)) is not None:
            task.cancel()
        return json_answer({"edits": self._streamed.get(portal_id, 0)})

    async def merge(self, request: web.Request) -> web.Response:
        """Merge `loser` into `primary`; `third`: both into a new record."""
        wanted, portal, collection = await body_of(request), self._portal(request), self._collection(request)
        primary, loser = (record(collection, str(wanted.get(name))) for name in ("primary", "loser"))
        if not (primary.is_live and loser.is_live):
            raise web.HTTPBadRequest(text="a record that is archived or merged already cannot be merged")
        kept = portal.merge(collection.kind.name, primary, loser, third=wanted.get("third"))
        return json_answer({"id": collection.crm_id(kept.number)})

    async def set_rate(self, request: web.Request) -> web.Response:
        """Set an exchange rate into the company's currency: `currency`, `rate`, perhaps `effective_at`."""
        wanted, portal = await body_of(request), self._portal(request)
        now = portal.clock.now()
        effective_ms = milliseconds(str(wanted.get("effective_at", now))) or now
        rate = portal.rates.set(str(wanted["currency"]), Decimal(str(wanted["rate"])), effective_ms, now)
        return json_answer(portal.rates.shown(rate))

    async def purge(self, request: web.Request) -> web.Response:
        """Empty the recycle bins, as 90 days would."""
        collections = self._portal(request).collections.items()
        return json_answer({"purged": {name: collection.records.purge() for name, collection in collections}})

    async def clock(self, request: web.Request) -> web.Response:
        """Move the portal's clock on for good, by `days` and `seconds`."""
        wanted, clock = await body_of(request), self._portal(request).clock
        clock.ahead_ms += round(float(wanted.get("days", 0)) * DAY_MS + float(wanted.get("seconds", 0)) * 1000)
        return json_answer({"now": iso(clock.now())})

    async def create_property(self, request: web.Request) -> web.Response:
        """Add a property without asking for a scope."""
        definition = completed(await body_of(request))
        self._collection(request).properties[definition["name"]] = definition
        return json_answer(definition)

    async def override(self, request: web.Request) -> web.Response:
        """Set raw values that HubSpot's own validation might refuse.

        `bump=false` leaves the modified time alone; `person=true`: the history tells of a person, not of an app.
        """
        collection, version = self._record(request)
        bump, is_person = request.query.get("bump", "true") == "true", request.query.get("person") == "true"
        values, source = await body_of(request), CRM_UI if is_person else INTEGRATION
        changed = collection.written(collection.records.update(version, values, bump=bump, source=source))
        return json_answer(collection.records.rendered(changed, collection.property_names))

    async def restore(self, request: web.Request) -> web.Response:
        """Take a record out of the recycle bin, as a person would in HubSpot's pages."""
        collection, version = self._record(request)
        bump = self._portal(request).knobs.restore_bumps
        collection.written(collection.records.restore(version, bump=bump))
        return json_answer({})

    async def _stream(
        self, portal: Portal, chance: random.Random, per_second: float, seconds: float, wanted: dict[str, Any]
    ) -> None:
        for _ in range(int(per_second * seconds)):
            _edited(portal, chance, wanted | {"count": 1})
            self._streamed[portal.spec.portal_id] += 1
            await asyncio.sleep(1 / per_second)


def _edited(portal: Portal, chance: random.Random, wanted: dict[str, Any]) -> Done:
    try:
        if wanted.get("mix") == "everything":
            return edit_everything(portal, chance, **{k: v for k, v in wanted.items() if k != "mix"})
        return edit(portal, chance, **wanted)
    except (TypeError, ValueError) as error:
        raise web.HTTPBadRequest(text=str(error)) from None
