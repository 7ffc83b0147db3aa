"""OAuth from outside: installing and uninstalling the app, ending tokens, turning knobs."""

from __future__ import annotations

from aiohttp import web

from hubspot_emulator.admin.requests import Endpoints, body_of, json_answer
from hubspot_emulator.oauth import Grant


class Consents(Endpoints):
    """What people do to the app's grants."""

    def routes(self, base: str, portal: str) -> list[web.RouteDef]:
        """Return what is served."""
        return [
            web.get(f"{base}/oauth", self.oauth),
            web.put(f"{base}/oauth", self.turn_oauth),
            web.post(f"{portal}/oauth/install", self.install),
            web.post(f"{portal}/oauth/uninstall", self.uninstall),
            web.post(f"{portal}/oauth/expire", self.expire),
        ]

    async def oauth(self, _: web.Request) -> web.Response:
        """Tell what was asked of the token endpoints, and how many calls came with an expired token."""
        return json_answer(dict(self._server.oauth.counts))

    async def turn_oauth(self, request: web.Request) -> web.Response:
        """Turn OAuth's knobs; see `OAuth.turn`."""
        try:
            self._server.oauth.turn(await body_of(request))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return json_answer({})

    async def install(self, request: web.Request) -> web.Response:
        """Install the app in a portal without its page; return the tokens."""
        spec = self._portal(request).spec
        scopes = tuple((await body_of(request)).get("scopes") or spec.scopes)
        access = self._server.oauth.issue(Grant(spec.portal_id, scopes))
        return json_answer({"access_token": access.token, "refresh_token": access.grant.refresh_token})

    async def uninstall(self, request: web.Request) -> web.Response:
        """Uninstall the app: the portal's tokens die."""
        self._server.oauth.uninstall(self._portal(request).spec.portal_id)
        return json_answer({})

    async def expire(self, request: web.Request) -> web.Response:
        """End the portal's access tokens before their time."""
        self._server.oauth.expire(self._portal(request).spec.portal_id)
        return json_answer({})
