"""Makes a plan: the difference between the commissions and what HubSpot has, without asking HubSpot."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from uuid import UUID

import orjson
import psycopg

from commission_sync.store.commissions import Settled, Standing, Values, currencies_of, standings
from commission_sync.store.integrations import Integration
from commission_sync.store.plan_lease import LANDS_WITHIN
from commission_sync.store.plans import (
    NewPlan,
    NewRow,
    Plan,
    close_plan,
    forget_dry_runs,
    last_plan,
    open_plans,
    plan_of,
    run_planned,
    save_plan,
)
from commission_sync.store.reviews import ReviewCounts, watch_approved
from commission_sync.store.sent_rows import SentRow, rows_of_run
from commission_sync.store.writebacks import mend_rows, writeback_settings
from commission_sync.writeback.company import Mode, WritebackSettings, mode_of, parse_settings
from commission_sync.writeback.difference import (
    is_doubtful,
    is_settled,
    known_values,
    refused_options,
    sharing_refusal,
)
from commission_sync.writeback.properties import Layout, Unwritable
from commission_sync.writeback.schema import allowed_options, require_own
from commission_sync.writeback.totals import Totals, exceeded_caps

_OPEN = frozenset({"failed", "conflict"})


class BusyPlan(RuntimeError):
    """Another process is applying a plan of the same company; trying again later helps."""


class NothingToUndo(ValueError):
    """A run is to be undone that made no plan for any company: its id is mistyped."""


@dataclass(frozen=True)
class PlanRequest:
    """Which run plans, and which earlier run of the same DAG it is to undo, if any."""

    dag_id: str
    run_id: str
    undo_run_id: str | None = None


@dataclass(frozen=True)
class Planned:
    """What came of planning: the plan, or why there is none."""

    plan: Plan | None
    why: str | None
    reviews: ReviewCounts | None = None
    foreign: int = 0


@dataclass
class Draft:
    """The rows of a plan and their totals, as they are gathered."""

    rows: list[NewRow] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    is_undo: bool = False

    def add(self, row: NewRow, *, amount: str, currency: str | None = None, deal_currency: str | None = None) -> None:
        """Take a row; `amount` is the property that its money is in."""
        self.rows.append(row)
        if row.refusal is None:
            before, after = row.before.get(amount), row.properties[amount]
            self.totals.row(currency, before, after, deal_currency=deal_currency)

    def digest(self) -> bytes:
        """Return a hash by which the same plan is recognised."""
        facts = sorted((str(r.deal_id), r.crm_id, sorted(r.properties.items()), r.refusal) for r in self.rows)
        return hashlib.sha256(orjson.dumps(facts)).digest()


def make_plan(conn: psycopg.Connection, integration: Integration, request: PlanRequest) -> Planned:
    """Plan for one company in one transaction.

    :raises InvalidWritebackSetting: when the company's flag or settings make no sense
    :raises UnfitProperty: when commissions would be written into a property that is not the write-back's own
    :raises BusyPlan: when another process is applying a plan of the company
    :raises NothingToUndo: when there is no such run to undo
    """
    mode = mode_of(integration.feature_flags)
    if mode is Mode.OFF:
        return Planned(None, "the write-back of this company is off")
    with conn.transaction():
        settings = parse_settings(writeback_settings(conn, integration.id))
        require_own(conn, integration, settings.layout)
        going_on = _make_way(conn, integration.id, request)
        if going_on is not None:
            return going_on
        reviews = watch_approved(conn, integration.id)
        if request.undo_run_id is None:
            draft = _difference(conn, integration, settings.layout)
        else:
            draft = _inverse(conn, integration.id, settings.layout, request)
        if not draft.rows:
            idle = "HubSpot has every commission as it is"
            why = f"run {request.undo_run_id} wrote nothing for this company" if request.undo_run_id else idle
            return Planned(None, why, reviews)
        plan = _saved(conn, integration, request, mode=mode, settings=settings, draft=draft)
        return Planned(plan, None, reviews, draft.totals.foreign)


def _make_way(conn: psycopg.Connection, integration_id: UUID, request: PlanRequest) -> Planned | None:
    """Close what may no longer be applied; return what to go on with instead of planning, if anything."""
    for plan in open_plans(conn, integration_id):
        if plan.is_expired:
            close_plan(conn, plan.id, "expired", "the plan expired before it was applied")
        elif (plan.dag_id, plan.run_id) == (request.dag_id, request.run_id):
            return Planned(plan, None)
        elif plan.state == "awaiting_approval":
            return Planned(
                None, f"the plan of run {plan.run_id} waits for a person until {plan.expires_at:%Y-%m-%d %H:%M} UTC"
            )
        elif plan.is_worked_on:
            raise BusyPlan(f"run {plan.run_id} is applying a plan of this company; try again when it has ended")
        else:
            close_plan(conn, plan.id, "superseded", "a later run planned anew")
    return None


def _saved(
    conn: psycopg.Connection,
    integration: Integration,
    request: PlanRequest,
    *,
    mode: Mode,
    settings: WritebackSettings,
    draft: Draft,
) -> Plan:
    digest = draft.digest()
    if mode is Mode.DRY_RUN:
        last = last_plan(conn, integration.id, "dry_run")
        if last is not None and last.digest == digest and request.undo_run_id is None:
            return last
    forget_dry_runs(conn, integration.id)
    reason = _approval_reason(conn, integration.id, mode, settings, draft)
    plan = NewPlan(
        integration_id=integration.id,
        kind="write" if request.undo_run_id is None else "undo",
        undoes_run_id=request.undo_run_id,
        dag_id=request.dag_id,
        run_id=request.run_id,
        state="dry_run" if mode is Mode.DRY_RUN else "awaiting_approval" if reason else "planned",
        approval_reason=reason,
        digest=digest,
        totals=draft.totals.document(),
        property_names={d.key: name for name, d in settings.layout.by_name.items()},
        lives=settings.plan_lives,
    )
    return plan_of(conn, save_plan(conn, plan, draft.rows))


def _approval_reason(
    conn: psycopg.Connection, integration_id: UUID, mode: Mode, settings: WritebackSettings, draft: Draft
) -> str | None:
    if mode is Mode.DRY_RUN or all(row.refusal for row in draft.rows):
        return None
    last = last_plan(conn, integration_id, "applied")
    totals = last.totals if last else None
    caps = exceeded_caps(settings, draft.totals, totals, is_undo=draft.is_undo)
    if caps:
        return f"over a cap: {'; '.join(caps)}"
    return "the company's plans need an approval" if mode is Mode.APPROVAL else None


def _difference(conn: psycopg.Connection, integration: Integration, layout: Layout) -> Draft:
    draft, allowed = Draft(), allowed_options(conn, integration, layout)
    amount = next(iter(layout.by_name))
    mended: dict[UUID, Values] = {}
    for standing in standings(conn, integration.id, list(layout.by_name), lands=LANDS_WITHIN):
        commission = standing.commission
        draft.totals.commission(commission.currency, commission.amount)
        known = known_values(standing)
        row = _row(layout, allowed, standing, known)
        if _is_there(layout, row, standing, known):
            if (last := standing.last) is not None and _is_mended(layout, last, known):
                mended[last.id] = {name: known.get(name) for name in layout.by_name}
        elif not standing.is_reviewed and not is_settled(layout, row.properties, known, standing.last):
            draft.add(row, amount=amount, currency=commission.currency, deal_currency=standing.deal_currency)
    mend_rows(conn, mended)
    return draft


def _is_there(layout: Layout, row: NewRow, standing: Standing, known: Values) -> bool:
    is_same = row.refusal is None and not layout.differing(row.properties, known)
    return is_same and not is_doubtful(layout, row.properties, standing)


def _is_mended(layout: Layout, last: Settled, known: Values) -> bool:
    # What may have been sent is there only if that was seen: another value may still come to be there.
    return last.state in _OPEN and not (last.unanswered and layout.differing(last.properties, known))


def _row(layout: Layout, allowed: dict[str, set[str]], standing: Standing, known: Values) -> NewRow:
    try:
        wanted = layout.wanted(standing.commission)
        refusal = refused_options(wanted, allowed) or sharing_refusal(standing)
    except Unwritable as error:
        wanted, refusal = {}, str(error)
    before = {name: known.get(name) for name in layout.by_name}
    return NewRow(standing.deal_id, standing.crm_id, wanted, before, refusal, _reused(standing, wanted))


def _reused(standing: Standing, wanted: Values) -> UUID | None:
    """Return the row of an earlier attempt at the same values, so that attempts are counted in one place."""
    last = standing.last
    # What may have been sent is that run's own, which can be undone; the new row finds out.
    if last is None or last.state not in _OPEN or last.properties != wanted or last.unanswered:
        return None
    return last.id


def _inverse(conn: psycopg.Connection, integration_id: UUID, layout: Layout, request: PlanRequest) -> Draft:
    assert request.undo_run_id is not None
    draft, amount = Draft(is_undo=True), next(iter(layout.by_name))
    written: dict[UUID, list[SentRow]] = {}
    for sent in rows_of_run(conn, integration_id, request.dag_id, request.undo_run_id):
        written.setdefault(sent.deal_id, []).append(sent)
    currencies = currencies_of(conn, integration_id, list(written))
    for deal_id, (first, *later) in written.items():
        draft.add(_undone(first, [first, *later][-1]), amount=amount, currency=currencies.get(deal_id))
    if not draft.rows and not run_planned(conn, request.dag_id, request.undo_run_id):
        raise NothingToUndo(
            f"run {request.undo_run_id!r} of {request.dag_id} wrote nothing; writeback_plans lists the runs that did"
        )
    return draft


def _undone(first: SentRow, last: SentRow) -> NewRow:
    """Return the row that brings back what a deal had before a run wrote it, once or several times."""
    earlier = first.observed or first.before
    wanted = {name: earlier.get(name) or "" for name in last.properties}
    return NewRow(last.deal_id, last.crm_id, wanted, last.stored or last.properties)
