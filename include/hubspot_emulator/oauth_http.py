"""OAuth over HTTP: the page where a person agrees, the token endpoints, and what is told of a token."""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from aiohttp import web

from hubspot_emulator.errors import ApiError, error, not_found
from hubspot_emulator.faults import Fault
from hubspot_emulator.oauth import APPS, CLIENT_ID, USER_ID, Access, OAuth, refused

if TYPE_CHECKING:
    from hubspot_emulator.server import HubSpotServer

# What HubSpot calls the use of an access token.
_ACCESS = "access_token"
_VERSION = r"{version:v1|v3|2025-09|2026-03|2026-09}"
_PAGE = """<!doctype html><html lang="en"><title>Connect app</title>
<h1>Connect {client} to a HubSpot account</h1><p>It asks for:</p><ul>{scopes}</ul>
<form method="post"><input type="hidden" name="query" value="{query}">{buttons}
<button name="portal_id" value="">Cancel</button></form></html>"""


class OAuthPages:
    """The handlers; they stand beside the API, as neither bearer tokens nor its limits hold for them."""

    def __init__(self, server: HubSpotServer) -> None:
        self._server = server

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        return [
            web.get("/oauth/authorize", self.ask),
            web.post("/oauth/authorize", self.answer),
            web.post(f"/oauth/{_VERSION}/token", self.token),
            web.post(f"/oauth/{_VERSION}/token/introspect", self.introspect),
            web.get("/oauth/v1/access-tokens/{token}", self.access_token),
            web.get("/oauth/v1/refresh-tokens/{token}", self.refresh_token),
            web.delete("/oauth/v1/refresh-tokens/{token}", self.revoke),
        ]

    @property
    def _oauth(self) -> OAuth:
        return self._server.oauth

    async def ask(self, request: web.Request) -> web.Response:
        """Show who asks for what, with a button for each account."""
        wanted = request.query
        if wanted.get("client_id") != CLIENT_ID or not wanted.get("redirect_uri"):
            return web.Response(status=400, text="The client id or the redirect URL is not that of a registered app.")
        buttons = "".join(
            f'<button name="portal_id" value="{p.spec.portal_id}">Connect {html.escape(p.spec.company)}</button>'
            for p in self._server.portals.values()
        )
        scopes = "".join(f"<li>{html.escape(s)}</li>" for s in wanted.get("scope", "").split())
        page = _PAGE.format(client=CLIENT_ID, scopes=scopes, query=html.escape(request.query_string), buttons=buttons)
        return web.Response(text=page, content_type="text/html")

    async def answer(self, request: web.Request) -> web.Response:
        """Send the person back to the app, with a code or with their refusal."""
        wanted, form = request.query, await request.post()
        portal_id = str(form.get("portal_id") or "")
        if portal_id:
            scopes = tuple(wanted.get("scope", "").split())
            told = {"code": self._oauth.consent(int(portal_id), scopes, wanted["redirect_uri"])}
        else:
            told = {"error": "access_denied", "error_description": "The user denied access"}
        if "state" in wanted:
            told["state"] = wanted["state"]
        raise web.HTTPFound(f"{wanted['redirect_uri']}?{urlencode(told)}")

    async def token(self, request: web.Request) -> web.StreamResponse:
        """Answer the token endpoint of one version."""
        form = {k: str(v) for k, v in (await request.post()).items()}
        try:
            self._checked(request.match_info["version"], form)
            fault = self._oauth.faults.draw()
            if fault in {Fault.RESET, Fault.TIMEOUT}:
                return await self._broken(request, fault)
            self._failed(fault)
            access = self._granted(form)
        except ApiError as failure:
            self._oauth.counts["refused"] += 1
            return _refusal(failure)
        if fault is Fault.RESET_AFTER_COMMIT:
            return await self._broken(request, fault)
        return _json(_token_answer(access, request.match_info["version"], self._oauth.token_seconds))

    async def introspect(self, request: web.Request) -> web.Response:
        """Tell what a token stands for, asked in the body; v1 has no such endpoint."""
        form = {k: str(v) for k, v in (await request.post()).items()}
        version = request.match_info["version"]
        try:
            if version == "v1":
                raise not_found()
            self._checked(version, form)
        except ApiError as failure:
            return _refusal(failure)
        access = self._oauth.access(form.get("token", ""))
        if access is None or not access.grant.is_alive or access.expires_at <= time.time():
            return _json({"active": False})
        told = {"active": True, "client_id": CLIENT_ID, "is_private_distribution": False, "token_use": _ACCESS}
        return _json({**told, **_token_facts(access), "token_type": "bearer"})

    async def access_token(self, request: web.Request) -> web.Response:
        """Tell what an access token stands for, as v1 does: the token is in the path."""
        access = self._oauth.access(request.match_info["token"])
        if access is None or not access.grant.is_alive or access.expires_at <= time.time():
            return _refusal(error(404, "access token not found or expired", "OBJECT_NOT_FOUND"))
        return _json(_token_facts(access))

    async def refresh_token(self, request: web.Request) -> web.Response:
        """Tell what a refresh token stands for, as v1 does."""
        try:
            grant = self._oauth.grant(request.match_info["token"])
        except ApiError:
            return _refusal(not_found("refresh token not found"))
        facts = {"hub_id": grant.portal_id, "user_id": USER_ID, "scopes": list(grant.scopes)}
        return _json({**facts, "client_id": CLIENT_ID, "token": grant.refresh_token, "token_type": "refresh"})

    async def revoke(self, request: web.Request) -> web.Response:
        """Delete a refresh token; access tokens live on until they expire."""
        try:
            self._oauth.revoke(request.match_info["token"])
        except ApiError:
            return _refusal(not_found("refresh token not found"))
        return web.Response(status=204)

    def _checked(self, version: str, form: Mapping[str, str]) -> None:
        if version not in self._oauth.endpoints:
            raise not_found()
        if form.get("client_id") not in APPS:
            raise refused("BAD_CLIENT_ID", "missing or unknown client id", "invalid_client")
        if form.get("client_secret") != APPS[form["client_id"]]:
            raise refused("BAD_CLIENT_SECRET", "missing or invalid client secret", "invalid_client")

    def _failed(self, fault: Fault | None) -> None:
        if fault in {Fault.RATE_LIMITED, Fault.RATE_LIMITED_RETRY_AFTER}:
            limited = error(429, "You have reached your rate limit.", "RATE_LIMITS")
            if fault is Fault.RATE_LIMITED_RETRY_AFTER:
                limited.headers["Retry-After"] = f"{self._oauth.faults.retry_after_seconds:g}"
            raise limited
        failure = self._oauth.faults.answer(fault, is_search=False) if fault else None
        if failure is not None:
            raise failure

    def _granted(self, form: Mapping[str, str]) -> Access:
        if form.get("grant_type") == "authorization_code":
            return self._oauth.exchange(form.get("code", ""), form.get("redirect_uri", ""))
        if form.get("grant_type") == "refresh_token":
            return self._oauth.refresh(form.get("refresh_token", ""), form["client_id"])
        raise refused("BAD_GRANT_TYPE", "missing or unknown grant type", "unsupported_grant_type")

    async def _broken(self, request: web.Request, fault: Fault) -> web.Response:
        request["fault"] = fault
        if fault is Fault.TIMEOUT:
            await asyncio.sleep(self._oauth.faults.timeout_seconds)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


def _token_answer(access: Access, version: str, seconds: float) -> dict[str, Any]:
    body: dict[str, Any] = {
        "token_type": "bearer",
        "access_token": access.token,
        "refresh_token": access.grant.refresh_token,
        "expires_in": int(seconds),
        "token_use": _ACCESS,
    }
    # What v1 leaves out, and later versions tell.
    return body if version == "v1" else body | _facts(access)


def _facts(access: Access) -> dict[str, Any]:
    return {
        "hub_id": access.grant.portal_id,
        "user_id": USER_ID,
        "scopes": list(access.grant.scopes),
    }


def _token_facts(access: Access) -> dict[str, Any]:
    return {
        **_facts(access),
        "token": access.token,
        "token_type": "access",
        "app_id": 1,
        "user": "demo@example.com",
        "expires_in": int(access.expires_at - time.time()),
    }


def _refusal(failure: ApiError) -> web.Response:
    if failure.html is not None:
        return web.Response(status=failure.status, text=failure.html, content_type="text/html")
    return web.Response(
        status=failure.status,
        body=orjson.dumps(failure.body),
        headers={"Content-Type": "application/json;charset=utf-8", **failure.headers},
    )


def _json(body: object) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")
