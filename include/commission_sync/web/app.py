"""The web application: everything asks for Airflow's login but what is listed as public."""

from __future__ import annotations

import logging
from urllib.parse import quote

import psycopg
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import get_user
from airflow.sdk.exceptions import AirflowFailException
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response

from commission_sync.operators.portal import pages
from commission_sync.settings import InvalidSetting
from commission_sync.store import DatabaseUnavailable
from commission_sync.web import health, letters, metrics, oauth, receiver
from commission_sync.web.heap import Freezer
from commission_sync.web.messages import message
from commission_sync.web.pages import PAGES
from commission_sync.web.pages.shell import HERE, StaticFilesForever

# A router of endpoints that answer without a login belongs into PUBLIC, for everybody to see.
PUBLIC: tuple[APIRouter, ...] = (health.router, receiver.router)
PROTECTED = (letters.router, metrics.router, oauth.router, *PAGES)

_TITLES = {403: "Not allowed", 404: "Not found", 422: "Not understood", 500: "It failed"}

_log = logging.getLogger(__name__)


def create_app() -> FastAPI:
    """Return the application to be mounted at `/hubspot`."""
    # The generated API pages would be open to anybody.
    app = FastAPI(title="HubSpot commission sync", docs_url=None, redoc_url=None, openapi_url=None)
    for router in PROTECTED:
        app.include_router(router, dependencies=[Depends(get_user)])
    for router in PUBLIC:
        app.include_router(router)
    # Libraries, styles and scripts: nothing in them is anybody's.
    app.mount("/static", StaticFilesForever(directory=HERE / "static"), name="static")
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    for kind in (AirflowFailException, DatabaseUnavailable, InvalidSetting):
        app.add_exception_handler(kind, _not_ready)
    app.add_exception_handler(psycopg.OperationalError, _database_gone)
    app.add_exception_handler(Exception, _failed)
    Freezer().begin()
    return app


def _is_part(request: Request) -> bool:
    """Whether a page of ours asks for a part of itself, and wants the reason alone."""
    return request.headers.get("hx-request") == "true"


def _is_person(request: Request) -> bool:
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def _say(request: Request, status: int, said: str) -> Response:
    if _is_part(request):
        return JSONResponse({"detail": said}, status)
    return message(request, status, _TITLES.get(status, "Not available"), said)


def _not_ready(request: Request, error: Exception) -> Response:
    """Tell what is missing before this can work; these errors are written for people."""
    return _say(request, 503, str(error))


def _database_gone(request: Request, error: Exception) -> Response:
    """Tell that the database went away, or gave up, in the middle; the log has its words."""
    _log.error("commissions database failed path=%r", request.url.path, exc_info=error)
    return _say(request, 503, "The commissions database did not answer. Try again in a minute.")


def _failed(request: Request, _: Exception) -> Response:
    """Tell that something broke; Starlette raises the error again, so that the log has it."""
    return _say(request, 500, "This is a fault of the program; the API server's log says which.")


async def _not_understood(request: Request, error: Exception) -> Response:
    """Tell a person what in an address makes no sense, and programs all that FastAPI tells."""
    assert isinstance(error, RequestValidationError), "it is registered for no other"
    if not _is_person(request):
        return await request_validation_exception_handler(request, error)
    said = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
    return message(request, 422, _TITLES[422], said)


async def _refused(request: Request, error: Exception) -> Response:
    """Send a person who is not logged in to Airflow's login, and anybody else the refusal."""
    assert isinstance(error, HTTPException), "it is registered for no other"
    if not _is_person(request):
        return await http_exception_handler(request, error)
    if error.status_code != 401:
        return message(request, error.status_code, _TITLES.get(error.status_code, "Not available"), error.detail)
    here = f"{pages()}{request.scope['path'].removeprefix(request.scope.get('root_path', ''))}"
    back = f"{here}?{request.url.query}" if request.url.query else here
    login = get_auth_manager().get_url_login()
    return RedirectResponse(f"{login}{'&' if '?' in login else '?'}next={quote(back, safe='')}", 302)
