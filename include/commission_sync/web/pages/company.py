"""`/hubspot/companies/{company}`: a company's past, what is wrong with it, and what a person can do about that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import psycopg
from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from commission_sync.health.judged_streams import switched_off
from commission_sync.settings import load_settings
from commission_sync.store import company_page, overview
from commission_sync.store.audit import record_action
from commission_sync.store.clock import database_now
from commission_sync.web import airflow_api
from commission_sync.web.access import MayOperate, MaySee, Person
from commission_sync.web.airflow_api import AirflowRefused
from commission_sync.web.database import Database
from commission_sync.web.pages.companies import Company
from commission_sync.web.pages.shell import render, told
from commission_sync.web.pages.standing import DAGS, NAMES, cell, run_log

router = APIRouter(prefix="/companies/{company}")
_RUNS, _REJECTS, _FINDINGS = 200, 20, 50
_ALL_DAGS = sorted(set(DAGS.values()))

Stream = Annotated[str, Query(pattern=f"^({'|'.join(NAMES)})$")]


class Period(BaseModel):
    """What to read again; times without a zone are UTC."""

    dag_id: str
    since: datetime
    until: datetime


@router.get("")
def show(request: Request, company: Company, person: MaySee, conn: Database, stream: Stream = "deals") -> Response:
    """Show the page, with the charts of one stream."""
    with conn.transaction():
        facts = _standing(conn, company.id) | {
            "rejects": company_page.rejects(conn, company.id, _REJECTS),
            "months": company_page.months(conn, company.id),
            "scores": company_page.scores(conn, company.id),
            "findings": company_page.findings(conn, company.id, _FINDINGS),
            "runs": company_page.runs(conn, company.id, stream, _RUNS),
        }
    return render(
        request,
        "company.html",
        person,
        tab="company",
        company=company.company_id,
        integration=company,
        stream=stream,
        streams=list(NAMES),
        dags=_ALL_DAGS,
        charts=_charts(facts["runs"]),
        quality=_quality(facts["scores"]),
        run_log=run_log,
        **facts,
    )


@router.get("/standing")
def standing(request: Request, company: Company, person: MaySee, conn: Database) -> Response:
    """Return what changes on the page, for it to fetch again and again."""
    with conn.transaction():
        facts = _standing(conn, company.id)
    return render(request, "company_standing.html", person, company=company.company_id, **facts)


@router.get("/actions")
def actions(request: Request, company: Company, person: MaySee, conn: Database) -> Response:
    """Return what can be done about the company as it stands now."""
    facts = _standing(conn, company.id)
    return render(request, "company_actions.html", person, company=company.company_id, dags=_ALL_DAGS, **facts)


@router.post("/sync")
def sync(
    request: Request, company: Company, person: MayOperate, conn: Database, dag_id: Annotated[str, Form()]
) -> Response:
    """Start a run of a DAG for this company alone."""
    _known(dag_id)
    _refuse_paused(conn, company)
    try:
        run_id = airflow_api.trigger(request, dag_id, {"companies": [company.company_id]})
    except AirflowRefused as refused:
        raise HTTPException(refused.status, str(refused)) from None
    _record(conn, company, person, f"run {dag_id}", {"run_id": [None, run_id]})
    return told(f"Started {dag_id} for {company.company_id}.{_waiting(request, dag_id)}")


@router.post("/backfill")
def read_again(
    request: Request,
    company: Company,
    person: MayOperate,
    conn: Database,
    wanted: Annotated[Period, Form()],
) -> Response:
    """Start Airflow's backfill of a period for this company alone."""
    dag_id = _known(wanted.dag_id)
    since, until = (m if m.tzinfo else m.replace(tzinfo=UTC) for m in (wanted.since, wanted.until))
    if not since < until <= database_now(conn):
        raise HTTPException(422, "the period has to begin before it ends, and to end before now")
    _refuse_paused(conn, company)
    try:
        number = airflow_api.backfill(request, dag_id, since, until, {"companies": [company.company_id]})
    except AirflowRefused as refused:
        raise HTTPException(refused.status, str(refused)) from None
    period = {"since": [None, since], "until": [None, until], "backfill": [None, number]}
    _record(conn, company, person, f"backfill {dag_id}", period)
    said = f"Airflow reads {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC again (backfill {number})."
    return told(said + _waiting(request, dag_id))


@router.post("/pause")
def pause(company: Company, person: MayOperate, conn: Database) -> Response:
    """Leave the company out of all runs; its webhooks are kept and wait."""
    return _set_active(conn, company, person, is_active=False)


@router.post("/resume")
def resume(company: Company, person: MayOperate, conn: Database) -> Response:
    """Let the company's runs go on from their cursors."""
    return _set_active(conn, company, person, is_active=True)


def _set_active(conn: psycopg.Connection, company: Company, person: Person, *, is_active: bool) -> Response:
    with conn.transaction():
        if company_page.set_active(conn, company.id, is_active=is_active):
            changes = {"is_active": [not is_active, is_active]}
            _record(conn, company, person, "resume" if is_active else "pause", changes)
    return told(f"{company.company_id} {'goes on' if is_active else 'is paused'}.")


def _record(
    conn: psycopg.Connection, company: Company, person: Person, action: str, changes: Mapping[str, Any]
) -> None:
    with conn.transaction():
        record_action(
            conn,
            company.id,
            entity="company",
            entity_id=company.company_id,
            action=action,
            actor=person.name,
            changes=changes,
        )


def _known(dag_id: str) -> str:
    if dag_id not in _ALL_DAGS:
        raise HTTPException(422, f"{dag_id!r} is none of the streams' DAGs: {', '.join(_ALL_DAGS)}")
    return dag_id


def _refuse_paused(conn: psycopg.Connection, company: Company) -> None:
    if not company_page.is_active(conn, company.id):
        raise HTTPException(409, f"{company.company_id} is paused, so its runs would fail; let it go on first")


def _waiting(request: Request, dag_id: str) -> str:
    """Say that a run waits, when it does: Airflow takes runs of a paused DAG and starts none."""
    try:
        is_paused = airflow_api.is_paused(request, dag_id)
    except AirflowRefused:
        # The run is there; whoever may start it need not be allowed to look at its DAG.
        return ""
    return f" {dag_id} is paused in Airflow, so this waits until somebody switches the DAG on." if is_paused else ""


def _standing(conn: psycopg.Connection, integration_id: UUID) -> dict[str, Any]:
    settings, now = load_settings(), database_now(conn)
    sla = settings.freshness_sla
    counted = overview.Counted(NAMES, sla, frozenset(switched_off(conn)))
    [one] = overview.companies(conn, counted, only=integration_id)
    states = overview.stream_states(conn, [one.id], NAMES)
    return {
        "one": one,
        "cells": [cell(state, now=now, counted=counted) for state in states],
        "limits": {budget.policy: budget for budget in overview.budgets(conn, [one.id])},
        "clock_warning": next((state.clock_warning for state in states if state.clock_warning), None),
        "now": now,
        "sla": sla,
    }


def _charts(runs: list[company_page.Run]) -> dict[str, str]:
    x = [run.finished_at.timestamp() for run in runs]

    def chart(*series: tuple[str, str, list[Any]]) -> str:
        return json.dumps({"x": x, "series": [{"label": n, "unit": u, "values": v} for n, u, v in series]})

    return {
        "Rows": chart(("read", "", [r.fetched for r in runs]), ("written", "", [r.written for r in runs])),
        "Seconds": chart(("took", "s", [r.seconds for r in runs])),
        "Calls": chart(("calls", "", [r.api_calls for r in runs])),
        "Lag": chart(("lag", "s", [r.lag_seconds for r in runs])),
    }


def _quality(scores: list[company_page.Score]) -> str | None:
    days = sorted({score.day for score in scores})
    if not days:
        return None
    x = [datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() for day in days]
    of = {(score.stream, score.day): score.score for score in scores}
    streams = sorted({score.stream for score in scores})
    values = {s: [None if of.get((s, day)) is None else float(of[s, day] or 0) for day in days] for s in streams}
    return json.dumps({"x": x, "series": [{"label": s, "values": values[s]} for s in streams]})
