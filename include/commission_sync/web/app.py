"""The web application: everything asks for Airflow's login but what is listed as public."""

from __future__ import annotations

from urllib.parse import quote

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import get_user
from airflow.sdk.exceptions import AirflowFailException
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import RedirectResponse, Response

from commission_sync.operators.portal import pages
from commission_sync.settings import InvalidSetting
from commission_sync.store import DatabaseUnavailable
from commission_sync.web import health, letters, metrics, oauth, receiver
from commission_sync.web.messages import message
from commission_sync.web.pages import PAGES
from commission_sync.web.pages.shell import HERE, StaticFilesForever, render

# A router of endpoints that answer without a login belongs into PUBLIC, for everybody to see.
PUBLIC: tuple[APIRouter, ...] = (health.router, receiver.router)
PROTECTED = (letters.router, metrics.router, oauth.router, *PAGES)


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
    for kind in (AirflowFailException, DatabaseUnavailable, InvalidSetting):
        app.add_exception_handler(kind, _not_ready)
    return app


def _not_ready(request: Request, error: Exception) -> Response:
    """Tell what is missing before this can work; these errors are written for people."""
    return message(request, 503, "Not available", str(error))


async def _refused(request: Request, error: Exception) -> Response:
    """Send a person who is not logged in to Airflow's login, and anybody else the refusal."""
    assert isinstance(error, HTTPException), "it is registered for no other"
    is_person = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    if not is_person:
        return await http_exception_handler(request, error)
    if error.status_code != 401:
        title = {403: "Not allowed", 404: "Not found"}.get(error.status_code, "Not available")
        return render(request, "problem.html", None, status=error.status_code, title=title, said=error.detail)
    here = f"{pages()}{request.scope['path'].removeprefix(request.scope.get('root_path', ''))}"
    back = f"{here}?{request.url.query}" if request.url.query else here
    login = get_auth_manager().get_url_login()
    return RedirectResponse(f"{login}{'&' if '?' in login else '?'}next={quote(back, safe='')}", 302)
