"""`/hubspot/`: all companies and their streams, those first that need a person."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import psycopg
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from commission_sync.health.judged_streams import switched_off
from commission_sync.settings import load_settings
from commission_sync.store import overview
from commission_sync.store.clock import database_now
from commission_sync.web.access import MaySee
from commission_sync.web.database import Database
from commission_sync.web.pages.shell import render
from commission_sync.web.pages.standing import NAMES, Cell, cell

router = APIRouter()
PAGE = 20


class Wanted(BaseModel):
    """Which companies are asked for: those with this in their name, that stand so; `page` counts from one."""

    name: str = Field(default="", max_length=200)
    standing: str = Field(default="", pattern=f"^({'|'.join(overview.STANDINGS)})?$")
    page: int = Field(default=1, ge=1, le=100_000)


@router.get("/")
def show(request: Request, person: MaySee, conn: Database, wanted: Annotated[Wanted, Query()]) -> Response:
    """Show a page of companies."""
    return render(request, "overview.html", person, tab="overview", **_facts(conn, wanted))


@router.get("/overview/rows")
def rows(request: Request, person: MaySee, conn: Database, wanted: Annotated[Wanted, Query()]) -> Response:
    """Return what changes on the page, for it to fetch again and again."""
    return render(request, "overview_rows.html", person, **_facts(conn, wanted))


def _facts(conn: psycopg.Connection, wanted: Wanted) -> dict[str, Any]:
    settings = load_settings()
    sla = settings.freshness_sla
    with conn.transaction():
        now = database_now(conn)
        counted = overview.Counted(NAMES, sla, frozenset(switched_off(conn)))
        totals = overview.totals(conn, counted)
        found = overview.companies(
            conn,
            counted,
            name=wanted.name,
            standing=wanted.standing or None,
            most=PAGE,
            skip=(wanted.page - 1) * PAGE,
        )
        ids = [company.id for company in found]
        states, budgets = overview.stream_states(conn, ids, NAMES), overview.budgets(conn, ids)
    cells: dict[UUID, list[Cell]] = {each: [] for each in ids}
    for state in states:
        judged = cell(state, now=now, counted=counted)
        if judged.said != "off":
            cells[state.integration_id].append(judged)
    limits: dict[UUID, dict[str, overview.Budget]] = {each: {} for each in ids}
    for budget in budgets:
        limits[budget.integration_id][budget.policy] = budget
    return {
        "companies": [(company, cells[company.id], limits[company.id]) for company in found],
        "totals": {each: totals.get(each, 0) for each in overview.STANDINGS},
        "all_of_them": sum(totals.values()),
        "now": now,
        "sla": sla,
        "wanted": wanted,
        "pages": -(-(found[0].found if found else 0) // PAGE),
        "query": urlencode(wanted.model_dump()),
    }
