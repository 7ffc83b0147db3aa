"""`/hubspot/mapping/{company}`: the page on which a company's mapping and flags are looked at and changed."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import APIRouter, BackgroundTasks, Depends, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from commission_sync.flags.change import InvalidFlag, set_for_company
from commission_sync.mapping.completion import completions
from commission_sync.mapping.draft import Draft
from commission_sync.mapping.editing import Outdated, keep
from commission_sync.mapping.issues import InvalidMapping
from commission_sync.mapping.versions import activate, version_before
from commission_sync.operators.database import commissions_connection
from commission_sync.store.integrations import UnknownCompany, active_integrations, integration
from commission_sync.store.mapping_versions import UnknownVersion
from commission_sync.store.property_search import search_properties
from commission_sync.streams.deals import DEALS
from commission_sync.streams.mapped import recompute_stored
from commission_sync.web.access import MayAdminister, MaySee, actor, may_administer
from commission_sync.web.mapping_form import MOST_FIELDS, edited, focused, read_draft
from commission_sync.web.mapping_view import Workbench
from commission_sync.web.rendering import Database, render, root_of

router = APIRouter(prefix="/mapping/{company}")

_log = logging.getLogger(__name__)

_SAID = {
    "saved": "It is saved as the newest version, and does not count yet.",
    "activated": "It counts from now on.",
    "rolled-back": "The version before counts again.",
    "flag": "The flag is set; runs that start from now on use it.",
    "going-on": "The stored deals are being recomputed.",
}


async def _form(request: Request) -> FormData:
    return await request.form(max_files=0, max_fields=MOST_FIELDS)


def _workbench(company: str, conn: Database) -> Workbench:
    # Read in a transaction that ends here, so that what writes has one of its own.
    try:
        with conn.transaction():
            (found, *_) = active_integrations(conn, [company])
            return Workbench.of(conn, found)
    except UnknownCompany as error:
        raise HTTPException(404, str(error)) from None


Sent = Annotated[FormData, Depends(_form)]
Bench = Annotated[Workbench, Depends(_workbench)]
Word = Annotated[str, Query(max_length=200)]


@router.get("")
def page(
    request: Request,
    user: MaySee,
    bench: Bench,
    version: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    done: Word = "",
) -> HTMLResponse:
    """Show the mapping that counts, or a version of it to make a new one from."""
    try:
        draft = bench.draft(version)
    except UnknownVersion as error:
        raise HTTPException(404, str(error)) from None
    return _page(request, user, bench, draft, said=_SAID.get(done, ""))


@router.get("/standing")
def standing(request: Request, user: MaySee, bench: Bench) -> HTMLResponse:
    """Tell whether all stored deals are computed with the mapping that counts."""
    return render(request, "mapping/standing.html", user, {**_place(request, bench), "standing": bench.stored})


@router.get("/properties")
def properties(
    request: Request,
    user: MaySee,
    bench: Bench,
    words: Word = "",
    type: Word = "",  # noqa: A002 - the name in the query
    group: Word = "",
) -> HTMLResponse:
    """List the properties that fit a search."""
    found = search_properties(bench.conn, bench.integration.id, _printable(words), type=type, group=group)
    return render(request, "mapping/properties.html", user, {**_place(request, bench), "found": found})


@router.get("/names")
def names(_: MaySee, bench: Bench) -> JSONResponse:
    """Return what formulas may use, for completion."""
    checked = bench.check(bench.draft()).checked
    listed = completions(checked.documents.config(), checked.compiled, bench.portal)
    return JSONResponse([asdict(one) for one in listed])


@router.post("/edit")
def edit(request: Request, user: MayAdminister, bench: Bench, form: Sent) -> HTMLResponse:
    """Return the editor after one of its buttons; nothing is kept."""
    action = str(form.get("edit", ""))
    draft = edited(read_draft(form), action)
    shown = bench.editor(draft, **_carried(form), focus=focused(draft, action))
    return render(request, "mapping/editor.html", user, {**_place(request, bench), **shown})


@router.post("/check")
def check(request: Request, user: MayAdminister, bench: Bench, form: Sent) -> HTMLResponse:
    """Return what is wrong with a draft and what it would make of five deals; nothing is kept."""
    verdict = bench.verdict(read_draft(form))
    return render(request, "mapping/checked.html", user, {**_place(request, bench), **verdict})


@router.post("/versions")
def save(
    request: Request, user: MayAdminister, bench: Bench, form: Sent, background: BackgroundTasks
) -> Response:
    """Keep a draft as a new version, and on request make it count."""
    draft, carried = read_draft(form), _carried(form)
    activates = form.get("action") == "activate"
    try:
        with bench.conn.transaction():
            keep(
                bench.conn,
                bench.integration.id,
                bench.check(draft),
                bench.portal,
                made_from=carried["made_from"],
                author=actor(user),
                note=carried["note"],
                activates=activates,
            )
    except InvalidMapping:
        return _page(request, user, bench, draft, 422, refused="It was not saved: see below what is wrong.", **carried)
    except Outdated as error:
        again = Workbench.of(bench.conn, bench.integration)
        return _page(request, user, again, draft, 409, refused=str(error), note=carried["note"])
    if activates:
        background.add_task(_recompute, bench.integration.id)
    return _back(request, bench, "activated" if activates else "saved")


@router.post("/versions/{version}/activate")
def activate_one(
    request: Request, user: MayAdminister, bench: Bench, version: int, background: BackgroundTasks
) -> Response:
    """Make a saved version count."""
    return _activated(request, user, bench, version, background, "activated")


@router.post("/rollback")
def roll_back(request: Request, user: MayAdminister, bench: Bench, background: BackgroundTasks) -> Response:
    """Make the version before count again."""
    return _activated(request, user, bench, None, background, "rolled-back")


@router.post("/recompute")
def recompute(request: Request, _: MayAdminister, bench: Bench, background: BackgroundTasks) -> Response:
    """Go on with a recomputation that was interrupted."""
    background.add_task(_recompute, bench.integration.id)
    return _back(request, bench, "going-on")


@router.post("/flags/{flag}")
def set_flag(
    request: Request,
    user: MayAdminister,
    bench: Bench,
    flag: str,
    value: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Set a flag for the company; without a value the rules decide."""
    try:
        with bench.conn.transaction():
            set_for_company(bench.conn, bench.integration.id, flag, value or None, actor=actor(user))
    except InvalidFlag as error:
        return _page(request, user, bench, bench.draft(), 422, refused=str(error))
    return _back(request, bench, "flag")


def _activated(
    request: Request, user: BaseUser, bench: Workbench, version: int | None, background: BackgroundTasks, done: str
) -> Response:
    try:
        with bench.conn.transaction():
            number = version_before(bench.conn, bench.integration.id) if version is None else version
            activate(bench.conn, bench.integration.id, number, bench.portal, actor=actor(user))
    except UnknownVersion as error:
        return _page(request, user, bench, bench.draft(), 404, refused=str(error))
    except InvalidMapping as error:
        return _page(request, user, bench, bench.draft(), 422, refused=f"Nothing was activated: {error}")
    background.add_task(_recompute, bench.integration.id)
    return _back(request, bench, done)


def _page(
    request: Request,
    user: BaseUser,
    bench: Workbench,
    draft: Draft,
    status: int = 200,
    *,
    said: str = "",
    refused: str = "",
    **carried: str,
) -> HTMLResponse:
    shown = {"said": said, "refused": refused, **bench.surroundings(), **bench.editor(draft, **carried)}
    return render(request, "mapping/page.html", user, {**_place(request, bench), **shown}, status)


def _place(request: Request, bench: Workbench) -> dict[str, Any]:
    company = bench.integration.company_id
    return {"company": company, "here": f"{root_of(request)}/mapping/{quote(company, safe='')}"}


def _back(request: Request, bench: Workbench, done: str) -> RedirectResponse:
    return RedirectResponse(f"{_place(request, bench)['here']}?done={done}", 303)


def _carried(form: FormData) -> dict[str, str]:
    """Return what the form carries along beside the rows."""
    given = {name: form.get(name) for name in ("made_from", "note")}
    return {name: _printable(value)[:1_000] if isinstance(value, str) else "" for name, value in given.items()}


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def _recompute(integration_id: UUID) -> None:
    """Bring the stored deals to the mapping that counts; what a killed process leaves, the next run does."""
    with commissions_connection() as conn:
        with conn.transaction():
            company = integration(conn, integration_id)
        done, has_gaps = recompute_stored(conn, company, DEALS)
    _log.info(
        "recomputed company=%s deals=%d changed=%d problems=%d superseded=%s gaps=%s",
        company.company_id,
        done.deals,
        done.changed,
        done.problems,
        done.superseded,
        has_gaps,
    )
