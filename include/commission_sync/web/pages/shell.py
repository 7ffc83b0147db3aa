"""What all pages share: the frame around them, who looks at them, and what browsers may do with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.types import Scope

from commission_sync.operators.portal import pages
from commission_sync.web.access import Person

HERE = Path(__file__).parent
# Nothing from elsewhere, nothing inline; Airflow shows the pages in a frame of its own.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Tab:
    """An entry of the pages' own navigation; `is_companys` when it shows one company at a time."""

    name: str
    label: str
    path: str
    is_companys: bool = False

    def href(self, company: str | None) -> str:
        """Return where it leads, below our pages; without a company to the page that asks for one."""
        return f"{self.path}/{quote(company, safe='')}" if self.is_companys and company else self.path


TABS = (
    Tab("overview", "Overview", "/"),
    Tab("company", "Company", "/companies", is_companys=True),
    Tab("webhooks", "Webhooks", "/inbox"),
    Tab("mapping", "Mapping", "/mapping", is_companys=True),
    Tab("writeback", "Write-back", "/writeback", is_companys=True),
    Tab("deals", "Deals", "/deals", is_companys=True),
)


def base() -> str:
    """Return the path below which our pages are, as browsers see it; Airflow itself may be below one."""
    return urlsplit(pages()).path


def airflow() -> str:
    """Return the path below which Airflow's own pages are."""
    return base().removesuffix("/hubspot")


def when(moment: datetime | None) -> str:
    """Write a moment for people."""
    return "never" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def lasting(seconds: float | None) -> str:
    """Write how long something takes in the largest unit that fits."""
    if seconds is None:
        return "unknown"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.1f}".removesuffix(".0") + " s"


def number(value: Any) -> str:
    """Write a count or an amount with its thousands apart; None is a dash."""
    return "\N{EN DASH}" if value is None else f"{value:,}"


def shown(value: Any) -> str:
    """Write a value with every digit that is stored: text as it is, anything else as JSON has it; None is a dash."""
    if value is None or isinstance(value, str):
        return "\N{EN DASH}" if value is None else value
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def document(value: Any) -> str:
    """Write JSON over several lines, as it was sent; the template escapes it."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


class StaticFilesForever(StaticFiles):
    """Files that a browser may keep: their addresses change with what is in them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Serve a file."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer


def _version() -> str:
    files = sorted(p for p in (HERE / "static").rglob("*") if p.is_file())
    return sha256(b"".join(p.read_bytes() for p in files)).hexdigest()[:12]


def _templates() -> Jinja2Templates:
    made = Jinja2Templates(HERE / "templates")
    version = _version()

    def asset(path: str) -> str:
        return f"{base()}/static/{path}?{version}"

    made.env.filters |= {"when": when, "lasting": lasting, "number": number, "shown": shown, "document": document}
    made.env.globals |= {
        "tabs": TABS,
        "base": base,
        "airflow": airflow,
        "asset": asset,
    }
    return made


_TEMPLATES = _templates()


def render(
    request: Request, template: str, person: Person | None, *, status: int = 200, **context: Any
) -> HTMLResponse:
    """Return a page, or a part of one, for a person.

    Templates find `person` (what they may do decides which buttons there are), `tab` and `company` where they are
    given, and whatever else is.
    """
    values = {"person": person, "tab": None, "company": None} | context
    return _TEMPLATES.TemplateResponse(request, template, values, status_code=status, headers=HEADERS)


def told(text: str, *, refresh: bool = True) -> Response:
    """Answer an action: what was done is said in a corner of the page, and what shows it is fetched anew."""
    headers = HEADERS | {"X-Told": quote(text)}
    if refresh:
        headers["HX-Trigger"] = "changed"
    return Response(status_code=204, headers=headers)


def go(path: str) -> RedirectResponse:
    """Send a browser to another of our pages."""
    return RedirectResponse(f"{base()}{path}", 303, headers=HEADERS)
