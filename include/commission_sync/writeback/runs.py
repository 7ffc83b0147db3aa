"""The steps of a company's write-back as a run takes them, each with the log lines that tell of it."""

from __future__ import annotations

import logging
from uuid import UUID

import psycopg

from airflow_hubspot.client import HubSpotClient
from commission_sync.store.integrations import Integration
from commission_sync.store.plans import Plan
from commission_sync.store.writebacks import writeback_settings
from commission_sync.writeback.applying import Applied, Applier
from commission_sync.writeback.company import Mode, WritebackSettings, mode_of, parse_settings
from commission_sync.writeback.permission import PlanNotOpen
from commission_sync.writeback.planning import Planned, PlanRequest, make_plan
from commission_sync.writeback.summary import log_line, summarise
from commission_sync.writeback.verifying import verify

_log = logging.getLogger(__name__)


def plan_company(conn: psycopg.Connection, company: Integration, request: PlanRequest) -> Plan | None:
    """Plan, and return the plan if it may be applied, at once or once a person has agreed."""
    planned = make_plan(conn, company, request)
    _tell_reviews(company, planned)
    plan = planned.plan
    if plan is None:
        log_line(_log, logging.INFO, "write-back has nothing to apply", company=company.company_id, why=planned.why)
        return None
    log_line(
        _log,
        logging.INFO,
        "write-back planned",
        company=company.company_id,
        plan=plan.id,
        kind=plan.kind,
        rows=plan.rows,
        state=plan.state,
        asks=plan.approval_reason,
        foreign_currency=planned.foreign or None,
    )
    if plan.state == "dry_run":
        _log.info("what this dry run would write:\n%s", summarise(conn, company, plan))
        return None
    return plan


def apply_plan(conn: psycopg.Connection, company: Integration, client: HubSpotClient, plan_id: UUID) -> dict[str, int]:
    """Apply a plan and return its rows by state.

    :raises TooManyFailed: when more rows failed than the company allows
    """
    try:
        applied = Applier(company, client, conn).apply(plan_id)
    except PlanNotOpen as error:
        log_line(_log, logging.WARNING, "write-back not applied", company=company.company_id, why=error)
        return {}
    calls = client.stats.snapshot()
    log_line(
        _log,
        logging.INFO,
        "write-back applied",
        company=company.company_id,
        plan=plan_id,
        **applied.counts,
        calls=calls.calls,
        waited=f"{calls.waited_seconds:.1f}s",
    )
    _tell_problems(company, applied)
    applied.check(_settings(conn, company))
    return applied.counts


def verify_company(
    conn: psycopg.Connection, company: Integration, client: HubSpotClient, *, at_once: bool
) -> dict[str, int]:
    """Read again what has to be, and return how many rows that were and how many of them differ."""
    if mode_of(company.feature_flags) is Mode.OFF:
        return {"read": 0, "differing": 0}
    found = verify(client, conn, company.id, _settings(conn, company).layout, at_once=at_once)
    log_line(
        _log,
        logging.WARNING if found.differing else logging.INFO,
        "write-back verified",
        company=company.company_id,
        read=found.rows,
        differing=len(found.differing),
        deals=", ".join(found.differing[:20]) or None,
        next="see mismatch in commission_writebacks" if found.differing else None,
    )
    return {"read": found.rows, "differing": len(found.differing)}


def _settings(conn: psycopg.Connection, company: Integration) -> WritebackSettings:
    with conn.transaction():
        return parse_settings(writeback_settings(conn, company.id))


def _tell_reviews(company: Integration, planned: Planned) -> None:
    if planned.reviews is not None and planned.reviews.open:
        log_line(
            _log,
            logging.WARNING,
            "deals changed after approval",
            company=company.company_id,
            open=planned.reviews.open,
            new=planned.reviews.opened,
            next="decide in commission_reviews: keep, reopen or offset; until then they are not written",
        )


def _tell_problems(company: Integration, applied: Applied) -> None:
    for problem in [*applied.failed, *applied.conflicts]:
        log_line(
            _log,
            logging.WARNING,
            f"write-back {'failed' if problem.state == 'failed' else 'held'}",
            company=company.company_id,
            deal=problem.crm_id,
            why=problem.last_error,
            next="it is tried again until it is corrected or decided on (view writeback_problems)",
        )
