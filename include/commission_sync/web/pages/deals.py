"""`/hubspot/deals/{company}`: a deal's number explained, and the search that leads to a deal."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import psycopg
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse

from commission_sync.explain.deal import explain
from commission_sync.store.deal_story import deal_audit, search_deals
from commission_sync.store.integrations import Integration
from commission_sync.web.access import MaySee
from commission_sync.web.database import Database
from commission_sync.web.pages.companies import Company
from commission_sync.web.pages.shell import base, render

router = APIRouter(prefix="/deals/{company}")

_MOST_HITS = 20
_AUDIT_PAGE = 50


@router.get("")
def search(
    request: Request,
    person: MaySee,
    company: Company,
    conn: Database,
    words: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """List the deals that fit, the newest without a search."""
    text = words.replace("\x00", "").strip()
    found = search_deals(conn, company.id, text, most=_MOST_HITS)
    shown = {**_place(company), "words": text, "found": found, "most": _MOST_HITS}
    return render(request, "deal/search.html", person, tab="deals", **shown)


@router.get("/{crm_id}")
def deal(request: Request, person: MaySee, company: Company, conn: Database, crm_id: str) -> HTMLResponse:
    """Explain a deal's number from HubSpot's history to the write-back."""
    story = None if "\x00" in crm_id else explain(conn, company, crm_id)
    if story is None:
        raise HTTPException(
            404, f"there is no deal {crm_id!r} of {company.company_id} here: search for it by a part of its name"
        )
    shown = {"story": story, "deal": story.deal, **_audit(company, conn, crm_id)}
    return render(request, "deal/page.html", person, tab="deals", **_place(company), **shown)


@router.get("/{crm_id}/audit")
def audit(
    request: Request,
    person: MaySee,
    company: Company,
    conn: Database,
    *,
    crm_id: str,
    before: Annotated[int, Query(ge=0, lt=2**63)],
) -> HTMLResponse:
    """Return the next page of a deal's audit trail."""
    shown = _audit(company, conn, crm_id, before)
    return render(request, "deal/audit.html", person, **_place(company), **shown)


def _audit(company: Integration, conn: psycopg.Connection, crm_id: str, before: int | None = None) -> dict[str, Any]:
    entries = deal_audit(conn, company.id, crm_id, before=before, most=_AUDIT_PAGE)
    here = f"{_place(company)['here']}/{quote(crm_id, safe='')}/audit"
    return {"entries": entries, "page_size": _AUDIT_PAGE, "audit_at": here, "older": before is not None}


def _place(company: Integration) -> dict[str, Any]:
    name = company.company_id
    return {"company": name, "here": f"{base()}/deals/{quote(name, safe='')}"}
