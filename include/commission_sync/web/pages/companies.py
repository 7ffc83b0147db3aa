"""Which company a page is about: the choice among them, and the one in its address."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from commission_sync.store.integrations import Integration, companies_like, of_company
from commission_sync.web.access import MaySee
from commission_sync.web.database import Database
from commission_sync.web.pages.shell import TABS, go, render

router = APIRouter()
_TABS = {tab.name: tab for tab in TABS if tab.is_companys}
_MOST = 50


def _company(company: str, conn: Database) -> Integration:
    found = of_company(conn, company)
    if found is None:
        raise HTTPException(404, f"there is no company {company!r}; the overview lists those that there are")
    return found


Company = Annotated[Integration, Depends(_company)]


@router.get("/switch")
def switch(_: MaySee, to: str = "company", company: str = "") -> Response:
    """Go to a page of the company that was chosen."""
    tab = _TABS.get(to, _TABS["company"])
    return go(tab.href(company))


@router.get("/switch/options")
def options(request: Request, person: MaySee, conn: Database, company: Annotated[str, Query()] = "") -> Response:
    """Offer companies whose name has what was typed in it."""
    return render(request, "options.html", person, names=companies_like(conn, company, _MOST))


def _chooser(name: str) -> None:
    tab = _TABS[name]

    @router.get(tab.path, name=f"choose_{name}")
    def choose(request: Request, person: MaySee, conn: Database) -> Response:
        names = companies_like(conn, "", _MOST)
        if len(names) == 1:
            return go(tab.href(names[0]))
        return render(request, "choose.html", person, tab=name, chosen=tab, names=names)


for _name in _TABS:
    _chooser(_name)
