"""A page that says one thing."""

from __future__ import annotations

from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

# The address may hold a code; nothing of it is to be kept or passed on.
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

_templates = Jinja2Templates(Path(__file__).parent / "templates")


def message(request: Request, status: int, title: str, said: str) -> HTMLResponse:
    """Return the page."""
    return _templates.TemplateResponse(
        request, "message.html", {"title": title, "said": said}, status_code=status, headers=PRIVATE
    )
