"""`/api/webhooks/*`: delivery figures, dead letters, replay, dismissal, pausing a lane."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, Field

from commission_sync.web.access import Person, whoever_may_operate, whoever_may_see
from commission_sync.web.database import Database
from commission_sync.webhooks import lanes
from commission_sync.webhooks.letters import (
    InvalidReplay,
    Letter,
    LetterFilter,
    Selection,
    dead_letters,
    dismiss,
    replay,
)

DAG_ID = "hubspot_webhooks"
_PAGE = 100

router = APIRouter(prefix="/api/webhooks")


MaySee = Annotated[Person, Depends(whoever_may_see(DAG_ID))]
MayAct = Annotated[Person, Depends(whoever_may_operate(DAG_ID))]


class Strict(BaseModel):
    """A body in which every field is known."""

    model_config = ConfigDict(extra="forbid")


class ReplayBody(Strict):
    """Which events; everything that is given has to fit."""

    ids: list[int] | None = Field(default=None, max_length=10_000)
    company: str | None = None
    subscription_types: list[str] | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None
    states: list[str] = ["dead"]


class DismissBody(Strict):
    """Which letters, and why."""

    ids: list[int] = Field(min_length=1, max_length=10_000)
    reason: str = Field(min_length=1, max_length=2_000)


class PauseBody(Strict):
    """Why a lane is paused."""

    reason: str = Field(min_length=1, max_length=2_000)


@router.get("/delivery")
def delivery(_: MaySee, conn: Database) -> list[dict[str, Any]]:
    """Return each company's delivery figures."""
    return conn.cursor(row_factory=dict_row).execute("SELECT * FROM webhook_delivery ORDER BY company_id").fetchall()


@router.get("/dead-letters")
def letters(
    _: MaySee,
    conn: Database,
    company: str | None = None,
    before: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
) -> list[Letter]:
    """Return a page of open dead letters, the newest first; `before` is the last id of the page before."""
    return dead_letters(conn, LetterFilter(company=company), most=_PAGE, before=before)


@router.post("/replay")
def replay_events(body: ReplayBody, person: MayAct, conn: Database) -> dict[str, int]:
    """Put events back as if they had just come."""
    try:
        selection = Selection(**body.model_dump())
    except InvalidReplay as error:
        raise HTTPException(422, str(error)) from None
    with conn.transaction():
        return {"replayed": replay(conn, selection, actor=person.name)}


@router.post("/dismiss")
def dismiss_letters(body: DismissBody, person: MayAct, conn: Database) -> dict[str, int]:
    """Lay dead letters to rest."""
    try:
        with conn.transaction():
            return {"dismissed": dismiss(conn, body.ids, reason=body.reason, actor=person.name)}
    except InvalidReplay as error:
        raise HTTPException(422, str(error)) from None


@router.post("/lanes/{company}/pause")
def pause(company: str, body: PauseBody, person: MayAct, conn: Database) -> dict[str, str]:
    """Let a company's events wait; they are still accepted."""
    try:
        with conn.transaction():
            lanes.pause(conn, company, reason=body.reason, actor=person.name)
    except lanes.UnknownLane as error:
        raise HTTPException(404, str(error)) from None
    return {"company": company, "lane": "paused"}


@router.post("/lanes/{company}/resume")
def resume(company: str, person: MayAct, conn: Database) -> dict[str, str]:
    """Let a company's events go on."""
    with conn.transaction():
        was_paused = lanes.resume(conn, company, actor=person.name)
    return {"company": company, "lane": "resumed" if was_paused else "was not paused"}
