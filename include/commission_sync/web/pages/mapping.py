"""`/hubspot/mapping/{company}`: where a company's mapping and flags are looked at and changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from airflow.sdk.exceptions import AirflowException
from fastapi import APIRouter, BackgroundTasks, Depends, Form, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.datastructures import FormData

from airflow_hubspot.client import HubSpotError, Lane
from commission_sync.flags.change import InvalidFlag, set_for_company
from commission_sync.mapping.completion import completions
from commission_sync.mapping.editing import Outdated, keep
from commission_sync.mapping.issues import InvalidMapping
from commission_sync.mapping.versions import activate, version_before
from commission_sync.operators.database import commissions_connection
from commission_sync.operators.gate import gated_client
from commission_sync.store.audit import record_action
from commission_sync.store.integrations import integration
from commission_sync.store.mapping_versions import UnknownVersion
from commission_sync.store.property_search import search_properties
from commission_sync.streams.catalogue import refreshed
from commission_sync.streams.deals import DEALS
from commission_sync.streams.mapped import recompute_stored
from commission_sync.web.access import MayAdminister, MaySee
from commission_sync.web.database import Database
from commission_sync.web.pages.companies import Company
from commission_sync.web.pages.mapping_form import MOST_FIELDS, edited, focused, read_draft
from commission_sync.web.pages.mapping_view import Workbench
from commission_sync.web.pages.shell import HEADERS, base, render, told

router = APIRouter(prefix="/mapping/{company}")

_log = logging.getLogger(__name__)

# What a page that was loaded anew after an action says.
_SAID = {
    "saved": "It is saved as the newest version, and does not count yet.",
    "activated": "It counts from now on.",
    "rolled-back": "The version before counts again.",
}


async def _form(request: Request) -> FormData:
    return await request.form(max_files=0, max_fields=MOST_FIELDS)


def _workbench(company: Company, conn: Database) -> Workbench:
    bench = Workbench.of(conn, company)
    # Reading has begun a transaction; what writes has one of its own.
    conn.commit()
    return bench


Sent = Annotated[FormData, Depends(_form)]
Bench = Annotated[Workbench, Depends(_workbench)]
Word = Annotated[str, Query(max_length=200)]


@router.get("")
def page(
    request: Request,
    person: MaySee,
    bench: Bench,
    version: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    done: Word = "",
) -> HTMLResponse:
    """Show the mapping that counts, or a version of it to make a new one from."""
    with _refusals():
        draft = bench.draft(version)
    shown = {"said": _SAID.get(done, ""), **bench.surroundings(), **bench.editor(draft)}
    return render(request, "mapping/page.html", person, tab="mapping", **_place(bench), **shown)


@router.get("/standing")
def standing(request: Request, person: MaySee, bench: Bench) -> HTMLResponse:
    """Tell whether all stored deals are computed with the mapping that counts."""
    return render(request, "mapping/standing.html", person, **_place(bench), standing=bench.stored)


@router.get("/properties")
def properties(
    request: Request,
    person: MaySee,
    bench: Bench,
    *,
    words: Word = "",
    type: Word = "",  # noqa: A002 - the name in the query
    group: Word = "",
) -> HTMLResponse:
    """List the properties that fit a search."""
    found = search_properties(
        bench.conn, bench.integration.id, _printable(words), type=_printable(type), group=_printable(group)
    )
    return render(request, "mapping/properties.html", person, **_place(bench), found=found)


@router.get("/names")
def names(_: MaySee, bench: Bench) -> JSONResponse:
    """Return what formulas may use, for completion."""
    checked = bench.check(bench.draft()).checked
    listed = completions(checked.documents.config(), checked.compiled, bench.portal)
    return JSONResponse([asdict(one) for one in listed], headers=HEADERS)


@router.get("/versions")
def versions(request: Request, person: MaySee, bench: Bench) -> HTMLResponse:
    """List the versions, and let a draft be held against the one that counts now."""
    return render(request, "mapping/newer.html", person, **_place(bench), **bench.history())


@router.get("/flags")
def flags(request: Request, person: MaySee, bench: Bench) -> HTMLResponse:
    """List the flags."""
    return render(request, "mapping/flags.html", person, **_place(bench), **bench.flags())


@router.post("/refresh")
def refresh(_: MayAdminister, bench: Bench) -> Response:
    """Ask HubSpot for the properties that exist now."""
    try:
        with gated_client(bench.integration, Lane.INCREMENTAL) as client:
            refreshed(client, bench.conn, bench.integration, DEALS.object_type)
    except (AirflowException, HubSpotError) as error:
        company = bench.integration.company_id
        raise HTTPException(502, f"HubSpot cannot be asked for {company}'s properties: {error}") from None
    return told("These are the properties that the portal has now.")


@router.post("/edit")
def edit(request: Request, person: MayAdminister, bench: Bench, form: Sent) -> HTMLResponse:
    """Return the editor after one of its buttons; nothing is kept."""
    action = str(form.get("edit", ""))
    draft = edited(read_draft(form), action)
    shown = bench.editor(draft, **_carried(form), focus=focused(draft, action))
    return render(request, "mapping/editor.html", person, **_place(bench), **shown)


@router.post("/check")
def check(request: Request, person: MayAdminister, bench: Bench, form: Sent) -> HTMLResponse:
    """Return what is wrong with a draft and what it would make of five deals; nothing is kept."""
    verdict = bench.verdict(read_draft(form))
    return render(request, "mapping/checked.html", person, **_place(bench), **verdict)


@router.post("/versions")
def save(person: MayAdminister, bench: Bench, form: Sent, background: BackgroundTasks) -> Response:
    """Keep a draft as a new version, and on request make it count."""
    activates, carried = form.get("action") == "activate", _carried(form)
    draft = bench.check(read_draft(form))
    with _refusals(), bench.conn.transaction():
        keep(
            bench.conn,
            bench.integration.id,
            draft,
            bench.portal,
            made_from=carried["made_from"],
            author=person.name,
            note=carried["note"],
            activates=activates,
        )
    if activates:
        background.add_task(_recompute, bench.integration.id)
    return _reload(bench, "activated" if activates else "saved")


@router.post("/versions/{version}/activate")
def activate_one(
    person: MayAdminister, bench: Bench, version: Annotated[int, Path(ge=1, lt=2**31)], background: BackgroundTasks
) -> Response:
    """Make a saved version count."""
    with _refusals(), bench.conn.transaction():
        activate(bench.conn, bench.integration.id, version, bench.portal, actor=person.name)
    background.add_task(_recompute, bench.integration.id)
    return _reload(bench, "activated")


@router.post("/rollback")
def roll_back(person: MayAdminister, bench: Bench, background: BackgroundTasks) -> Response:
    """Make the version before count again."""
    with _refusals(), bench.conn.transaction():
        version = version_before(bench.conn, bench.integration.id)
        activate(bench.conn, bench.integration.id, version, bench.portal, actor=person.name)
    background.add_task(_recompute, bench.integration.id)
    return _reload(bench, "rolled-back")


@router.post("/recompute")
def recompute(person: MayAdminister, bench: Bench, background: BackgroundTasks) -> Response:
    """Go on with a recomputation that was interrupted."""
    version = str(bench.stored.version)
    with bench.conn.transaction():
        record_action(
            bench.conn, bench.integration.id, entity="mapping", entity_id=version, action="recompute", actor=person.name
        )
    background.add_task(_recompute, bench.integration.id)
    return told("The stored deals are being recomputed.")


@router.post("/flags/{flag}")
def set_flag(
    person: MayAdminister, bench: Bench, flag: str, value: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """Set a flag for the company; without a value the rules decide."""
    with _refusals(), bench.conn.transaction():
        set_for_company(bench.conn, bench.integration.id, flag, value or None, actor=person.name)
    return told(f"{flag} is {'set to ' + value if value else 'left to the rules'}; runs that start from now on use it.")


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell a person why something was not done."""
    try:
        yield
    except UnknownVersion as error:
        raise HTTPException(404, str(error)) from None
    except InvalidFlag as error:
        raise HTTPException(422, str(error)) from None
    except InvalidMapping as error:
        # The editor shows each fault at its input, if it has not yet.
        raise HTTPException(422, f"Nothing was changed: {error}", {"HX-Trigger": "recheck"}) from None
    except Outdated as error:
        raise HTTPException(409, str(error), {"HX-Trigger": "outdated"}) from None


def _place(bench: Workbench) -> dict[str, Any]:
    company = bench.integration.company_id
    return {"company": company, "here": f"{base()}/mapping/{quote(company, safe='')}"}


def _reload(bench: Workbench, done: str) -> Response:
    return Response(status_code=204, headers=HEADERS | {"HX-Redirect": f"{_place(bench)['here']}?done={done}"})


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
