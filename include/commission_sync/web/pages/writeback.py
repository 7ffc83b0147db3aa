"""`/hubspot/writeback/{company}`: what is to be written to HubSpot, what was not, and what people decide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import psycopg
from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import Response

from commission_sync.flags.read import with_flags
from commission_sync.store.audit import record_action
from commission_sync.store.integrations import Integration
from commission_sync.store.plan_rows import PlanRow, weightiest_rows
from commission_sync.store.plans import Plan, newest_plans, plan_of
from commission_sync.store.writeback_page import counts_of_plans, open_problems, open_reviews, waiting
from commission_sync.store.writebacks import writeback_settings
from commission_sync.web.access import Person, whoever_may_operate, whoever_may_see
from commission_sync.web.airflow_api import AirflowRefused, ask, trigger
from commission_sync.web.database import Database
from commission_sync.web.pages.companies import Company
from commission_sync.web.pages.shell import airflow, base, render, told
from commission_sync.writeback.company import InvalidWritebackSetting, mode_of, parse_settings
from commission_sync.writeback.decisions import NotDecidable, decide_review, decide_row
from commission_sync.writeback.properties import KEYS

DAG_ID = "commission_writeback"
router = APIRouter(prefix="/writeback/{company}")
_PLANS, _PROBLEMS, _FIRST_ROWS, _ROWS = 15, 50, 10, 100
# Airflow's worker leaves five seconds after its task has asked, and the scheduler sees that a round later. To an answer
# before then it takes the leave for the death of the task that goes on: it asks again a minute later.
_SETTLES = timedelta(seconds=10)
_UNDOING = frozenset({"planned", "awaiting_approval", "applied"})

MaySee = Annotated[Person, Depends(whoever_may_see(DAG_ID))]
MayAct = Annotated[Person, Depends(whoever_may_operate(DAG_ID))]
Decision = Annotated[str, Form(max_length=20)]
Reason = Annotated[str, Form(max_length=2_000)]


def _plan(plan_id: UUID, company: Company, conn: Database) -> Plan:
    try:
        with conn.transaction():
            plan = plan_of(conn, plan_id)
    except LookupError:
        plan = None
    if plan is None or plan.integration_id != company.id:
        raise HTTPException(404, f"{company.company_id} has no plan {plan_id}; a new plan replaces the last dry run")
    return plan


OnePlan = Annotated[Plan, Depends(_plan)]


@router.get("")
def show(request: Request, company: Company, person: MaySee, conn: Database) -> Response:
    """Show the page."""
    facts = _standing(conn, company, person)
    return render(request, "writeback/page.html", person, tab="writeback", **facts)


@router.get("/standing")
def standing(request: Request, company: Company, person: MaySee, conn: Database) -> Response:
    """Return what changes on the page, for it to fetch again and again."""
    return render(request, "writeback/standing.html", person, **_standing(conn, company, person))


@router.get("/plans/{plan_id}")
def plan(
    request: Request,
    company: Company,
    person: MaySee,
    conn: Database,
    *,
    plan: OnePlan,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Response:
    """Show a plan with its rows, page by page."""
    with conn.transaction():
        counts = counts_of_plans(conn, company.id, [plan])
        rows = _rows(conn, plan, limit=_ROWS, offset=(page - 1) * _ROWS)
    kept = sum(counts[plan.id].values())
    facts = _place(company, person) | {"plan": plan, "rows": rows, "kept": kept}
    facts |= {"page": page, "pages": max(1, -(-kept // _ROWS))}
    return render(request, "writeback/plan.html", person, tab="writeback", **facts)


@router.post("/plans/{plan_id}/answer")
def answer(request: Request, person: MayAct, conn: Database, plan: OnePlan, decision: Decision) -> Response:
    """Answer Airflow's question about a plan; who asks is known to Airflow, which lets the run go on."""
    if decision not in {"Approve", "Reject"}:
        raise HTTPException(422, f"{decision!r} is no answer; give Approve or Reject")
    if plan.state != "awaiting_approval" or plan.expires_at <= datetime.now(UTC):
        raise HTTPException(409, f"the plan waits for nobody (any more): it is {_state(plan)}")
    question = _question(request, plan)
    task = question["task_instance"]
    path = f"{_run(plan)}/taskInstances/{quote(task['task_id'], safe='')}/{task['map_index']}/hitlDetails"
    _ask(request, "PATCH", path, {"chosen_options": [decision], "params_input": {}})
    _record(conn, person, plan, decision.lower())
    return told("Approved; Airflow applies the plan." if decision == "Approve" else "Rejected; HubSpot stays as it is.")


@router.post("/plans/{plan_id}/undo")
def undo(request: Request, company: Company, person: MayAct, conn: Database, plan: OnePlan) -> Response:
    """Start a run that takes back what a plan's run wrote for this company."""
    if plan.state != "applied" or plan.kind != "write":
        raise HTTPException(409, "only what was written can be taken back, and that was not")
    try:
        run_id = trigger(request, plan.dag_id, {"companies": [company.company_id], "undo_run_id": plan.run_id})
    except AirflowRefused as refused:
        raise HTTPException(refused.status, str(refused)) from None
    _record(conn, person, plan, "undo", undone_by_run=[None, run_id])
    return told("Airflow plans how to take it back; that plan goes the same way as any other.")


@router.post("/rows/{row_id}")
def decide_on_row(
    company: Company, person: MayAct, conn: Database, *, row_id: UUID, decision: Decision, reason: Reason = ""
) -> Response:
    """Decide on a conflict or a failure."""
    try:
        with conn.transaction():
            deal = decide_row(conn, company.id, row_id, decision, actor=person.name, why=reason)
    except NotDecidable as error:
        raise HTTPException(409, str(error)) from None
    done = {"ours": "the next run writes ours", "theirs": "theirs stand", "dismissed": "it is not tried again"}
    return told(f"Deal {deal}: {done[decision]}.")


@router.post("/reviews/{review_id}")
def decide_on_review(
    company: Company, person: MayAct, conn: Database, *, review_id: UUID, decision: Decision, reason: Reason = ""
) -> Response:
    """Decide on a deal that changed after its commission was approved."""
    try:
        with conn.transaction():
            deal = decide_review(conn, company.id, review_id, decision, actor=person.name, why=reason)
    except NotDecidable as error:
        raise HTTPException(409, str(error)) from None
    done = {
        "keep": "the commission stands",
        "reopen": "the commission engine works it out anew",
        "offset": "the difference is booked later",
    }
    return told(f"Deal {deal}: {done[decision]}.")


def _question(request: Request, plan: Plan) -> dict[str, Any]:
    path = f"{_run(plan)}/hitlDetails?response_received=false&body_search={plan.id}"
    found = _ask(request, "GET", path, None)["hitl_details"]
    if not found:
        raise HTTPException(409, f"Airflow asks nobody about this plan (run {plan.run_id}); a later run plans anew")
    question: dict[str, Any] = found[0]
    is_new = datetime.now(UTC) - datetime.fromisoformat(question["created_at"]) < _SETTLES
    if is_new or question["task_instance"]["state"] == "running":
        raise HTTPException(
            409, "Airflow has only just asked and would lose the answer; give it again in a few seconds"
        )
    return question


def _ask(request: Request, method: str, path: str, body: dict[str, Any] | None) -> Any:
    try:
        return ask(request, method, path, body)
    except AirflowRefused as refused:
        raise HTTPException(refused.status, str(refused)) from None


def _run(plan: Plan) -> str:
    return f"/dags/{quote(plan.dag_id, safe='')}/dagRuns/{quote(plan.run_id, safe='')}"


def _record(conn: psycopg.Connection, person: Person, plan: Plan, action: str, **changes: Any) -> None:
    with conn.transaction():
        record_action(
            conn, plan.integration_id, entity="writeback_plan", entity_id=str(plan.id), action=action,
            actor=person.name, changes=changes | {"run_id": plan.run_id},
        )  # fmt: skip


def _standing(conn: psycopg.Connection, company: Integration, person: Person) -> dict[str, Any]:
    with conn.transaction():
        plans = newest_plans(conn, company.id, most=_PLANS)
        current = plans[0] if plans else None
        return {
            **_place(company, person),
            **_rules(conn, company),
            "waiting": waiting(conn, company.id),
            "plan": current,
            "plans": plans,
            "counts": counts_of_plans(conn, company.id, plans),
            "rows": _rows(conn, current, limit=_FIRST_ROWS) if current else [],
            "undone": {each.undoes_run_id for each in plans if each.kind == "undo" and each.state in _UNDOING},
            "conflicts": open_problems(conn, company.id, "conflict", most=_PROBLEMS),
            "failures": open_problems(conn, company.id, "failed", most=_PROBLEMS),
            "reviews": open_reviews(conn, company.id, most=_PROBLEMS),
        }


def _rules(conn: psycopg.Connection, company: Integration) -> dict[str, Any]:
    """Return how far the company's write-back goes, or what makes no sense about it."""
    try:
        mode = mode_of(with_flags(conn, company).feature_flags)
        settings = parse_settings(writeback_settings(conn, company.id))
    except InvalidWritebackSetting as error:
        return {"mode": None, "settings": None, "invalid": str(error)}
    return {"mode": mode.value, "settings": settings, "invalid": None}


def _rows(conn: psycopg.Connection, plan: Plan, *, limit: int, offset: int = 0) -> list[PlanRow]:
    return weightiest_rows(conn, plan.id, plan.property_names["commission_amount"], limit=limit, offset=offset)


def _state(plan: Plan) -> str:
    is_late = plan.state in {"planned", "awaiting_approval"} and plan.expires_at <= datetime.now(UTC)
    return "expired" if is_late else plan.state.replace("_", " ")


def _place(company: Integration, person: Person) -> dict[str, Any]:
    name = quote(company.company_id, safe="")
    return {
        "company": company.company_id,
        "portal": company.portal_id,
        "here": f"{base()}/writeback/{name}",
        "deals_at": f"{base()}/deals/{name}",
        "runs_at": f"{airflow()}/dags",
        "may_act": person.may_start(DAG_ID),
        "keys": KEYS,
        "state_of": _state,
        "now": datetime.now(UTC),
    }
