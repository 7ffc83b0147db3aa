"""A page that says one thing."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from commission_sync.web.pages.shell import render

# The address may hold a code; nothing of it is to be kept or passed on.
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def message(request: Request, status: int, title: str, said: str) -> HTMLResponse:
    """Return the page."""
    page = render(request, "message.html", None, status=status, title=title, said=said)
    page.headers.update(PRIVATE)
    return page
