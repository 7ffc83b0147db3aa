"""`/hubspot/inbox`: how webhooks are delivered, which lanes wait, and dead letters with what can be done about them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import psycopg
from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import Response

from commission_sync.web.access import Person
from commission_sync.web.database import Database
from commission_sync.web.letters import DAG_ID, MayAct, MaySee
from commission_sync.web.pages.shell import base, render, told
from commission_sync.webhooks import lanes
from commission_sync.webhooks.delivery import deliveries, slots
from commission_sync.webhooks.letters import (
    InvalidReplay,
    LetterFilter,
    Selection,
    count_letters,
    dead_letters,
    dismiss,
    fitting_letters,
    kinds_of_letters,
    replay,
)

router = APIRouter(prefix="/inbox")
_COMPANIES, _LETTERS = 100, 50

Reason = Annotated[str, Form(max_length=2_000)]
Ids = Annotated[list[int] | None, Form(max_length=10_000)]


def _moment(name: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise HTTPException(422, f"{name}: {text!r} is no time; write it as 2026-11-25T08:00 (UTC)") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _wanted(company: str = "", kind: str = "", error: str = "", since: str = "", until: str = "") -> LetterFilter:
    name, subscription_type, error_class = (text.replace("\x00", "").strip() or None for text in (company, kind, error))
    return LetterFilter(name, subscription_type, error_class, _moment("since", since), _moment("until", until))


Wanted = Annotated[LetterFilter, Depends(_wanted)]


@router.get("")
def show(request: Request, person: MaySee, conn: Database, wanted: Wanted) -> Response:
    """Show the page."""
    with conn.transaction():
        kinds, errors = kinds_of_letters(conn)
        facts = {**_figures(conn, person, wanted), **_letters(conn, person, wanted, None), **_rates(conn, wanted)}
    facts |= {"company": wanted.company, "kinds": kinds, "errors": errors}
    return render(request, "inbox/page.html", person, tab="webhooks", **facts)


@router.get("/figures")
def figures(request: Request, person: MaySee, conn: Database, wanted: Wanted) -> Response:
    """Return the figures and the lanes, for the page to fetch again and again."""
    with conn.transaction():
        return render(request, "inbox/figures.html", person, **_figures(conn, person, wanted))


@router.get("/rates")
def rates(request: Request, person: MaySee, conn: Database, wanted: Wanted) -> Response:
    """Return the chart."""
    with conn.transaction():
        return render(request, "inbox/rates.html", person, **_rates(conn, wanted))


@router.get("/letters")
def letters(
    request: Request,
    person: MaySee,
    conn: Database,
    wanted: Wanted,
    before: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
) -> Response:
    """Return a page of the letters."""
    with conn.transaction():
        return render(request, "inbox/letters.html", person, **_letters(conn, person, wanted, before))


@router.post("/replay")
def replay_some(person: MayAct, conn: Database, ids: Ids = None) -> Response:
    """Put chosen letters back as if they had just come."""
    if not ids:
        raise HTTPException(422, "no letter is chosen; tick those to replay")
    return _replayed(conn, ids, person)


@router.post("/replay-all")
def replay_all(person: MayAct, conn: Database, wanted: Wanted) -> Response:
    """Put back every letter that fits the filter of the page."""
    return _replayed(conn, fitting_letters(conn, wanted), person)


@router.post("/dismiss")
def lay_to_rest(person: MayAct, conn: Database, reason: Reason = "", ids: Ids = None) -> Response:
    """Lay chosen letters to rest."""
    if not ids:
        raise HTTPException(422, "no letter is chosen; tick those to dismiss")
    try:
        with conn.transaction():
            count = dismiss(conn, ids, reason=reason, actor=person.name)
    except InvalidReplay as error:
        raise HTTPException(422, str(error)) from None
    return told(f"Dismissed {_counted(count)}.")


@router.post("/pause")
def pause(person: MayAct, conn: Database, company: Annotated[str, Form()], reason: Reason = "") -> Response:
    """Let a company's events wait; they are still accepted."""
    if not reason.strip():
        raise HTTPException(422, "a lane is paused with a reason only")
    try:
        with conn.transaction():
            lanes.pause(conn, company, reason=reason.strip(), actor=person.name)
    except lanes.UnknownLane as error:
        raise HTTPException(404, str(error)) from None
    return told(f"The events of {company} wait until somebody resumes them.")


@router.post("/resume")
def resume(person: MayAct, conn: Database, company: Annotated[str, Form()]) -> Response:
    """Let a company's events go on."""
    with conn.transaction():
        was_paused = lanes.resume(conn, company, actor=person.name)
    return told(f"The events of {company} go on." if was_paused else f"The events of {company} were not paused.")


def _replayed(conn: psycopg.Connection, ids: list[int], person: Person) -> Response:
    with conn.transaction():
        count = replay(conn, Selection(ids=ids), actor=person.name)
    left = len(set(ids)) - count
    rest = f" {_counted(left)} stayed: their portal is no company's, or somebody was faster." if left else ""
    return told(f"Replayed {_counted(count)}.{rest}")


def _counted(count: int) -> str:
    return f"{count:,} letter{'' if count == 1 else 's'}"


def _figures(conn: psycopg.Connection, person: Person, wanted: LetterFilter) -> dict[str, Any]:
    found = deliveries(conn, wanted.company, most=_COMPANIES + 1)
    return {
        **_place(person, wanted),
        "deliveries": found[:_COMPANIES],
        "has_more_companies": len(found) > _COMPANIES,
        "most_companies": _COMPANIES,
        "now": datetime.now(UTC),
    }


def _letters(conn: psycopg.Connection, person: Person, wanted: LetterFilter, before: int | None) -> dict[str, Any]:
    found = dead_letters(conn, wanted, most=_LETTERS + 1, before=before)
    return {
        **_place(person, wanted),
        "letters": found[:_LETTERS],
        "fitting": count_letters(conn, wanted),
        "before": before,
        "older": found[_LETTERS - 1].id if len(found) > _LETTERS else None,
    }


def _rates(conn: psycopg.Connection, wanted: LetterFilter) -> dict[str, Any]:
    found = slots(conn, wanted.company)
    series = [
        {"label": name, "values": [getattr(slot, name) for slot in found]} for name in ("received", "processed", "died")
    ]
    return {
        "wanted": wanted,
        "rates": json.dumps({"x": [slot.at.timestamp() for slot in found], "series": series}),
        "received": sum(slot.received for slot in found),
    }


def _place(person: Person, wanted: LetterFilter) -> dict[str, Any]:
    given = {
        "company": wanted.company,
        "kind": wanted.subscription_type,
        "error": wanted.error_class,
        "since": wanted.since and wanted.since.isoformat(),
        "until": wanted.until and wanted.until.isoformat(),
    }
    query = urlencode({name: value for name, value in given.items() if value})
    return {"wanted": wanted, "query": query, "may_act": person.may_start(DAG_ID), "here": f"{base()}/inbox"}
