"""One company in chaos: what people, the commission engine and time do to its write-back."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from commission_sync.store import connect
from commission_sync.store.plans import approve_plan, close_plan
from commission_sync.writeback.decisions import NotDecidable, decide_review, decide_row
from writeback_chaos.checks import AMOUNT, PORTAL, STATUS
from writeback_chaos.tasks import Tasks
from writeback_chaos.worker import Worker

STATUSES = ("pending", "approved", "paid", "cancelled")
STORM = {
    "reset_after_commit": 0.15,
    "reset": 0.08,
    "server_error_html": 0.08,
    "truncated_json": 0.05,
    "timeout": 0.02,
    "timeout_seconds": 0.05,
}
# What is moved back when time passes, so that everything stays in its order: HubSpot's times, too.
_TIMES = {
    "writeback_plans": ("created_at", "expires_at", "decided_at", "worked_at", "applied_at"),
    "commission_writebacks": (
        "created_at",
        "attempted_at",
        "settled_at",
        "sent_at",
        "verified_at",
        "echoed_at",
        "superseded_at",
        "crm_updated_at",
    ),
    "commission_reviews": ("opened_at", "updated_at", "decided_at"),
    "commission_fingerprints": ("taken_at",),
    "deals": ("crm_updated_at", "synced_at", "archived_at"),
}
_RULE = """
INSERT INTO feature_flags (flag, integration_id, value, allow, deny, updated_by)
VALUES ('writeback', NULL, 'on', %s, %s, 'chaos')
ON CONFLICT (flag, integration_id) DO UPDATE SET allow = excluded.allow, deny = excluded.deny
"""


@dataclass
class Company(Tasks):
    """Does single things at random; each returns what it did, for the log."""

    # Those that most things happen to, and all.
    hot: list[str] = field(default_factory=list)
    deals: list[str] = field(default_factory=list)
    paid_last: list[str] = field(default_factory=list)
    _values: Any = field(default_factory=lambda: count(1))
    _persons: Any = field(default_factory=lambda: count(1))

    # The commission engine.

    def pay(self, deal: str | None = None) -> str:
        """Change the commission of a deal, in one of the ways that the engine does."""
        deal = deal or self._hot()
        # Of two commissions on one record somebody removes one, sooner or later.
        is_merged = deal in self.admin.truth_merged(PORTAL)
        how = self.chance.choices(("new", "gone", "theirs"), (20, 10 if is_merged else 1, 1))[0]
        if how == "gone":
            self._execute("DELETE FROM deal_commissions c USING deals d WHERE d.id = c.deal_id AND d.crm_id = %s", deal)
            self.memory.paid([deal])
            return f"{deal} has no commission any more"
        edits = self.memory.edits.get((deal, AMOUNT))
        if how == "theirs" and edits and edits[-1].value:
            amount = edits[-1].value
            for edit in edits:
                edit.may_go = True
        else:
            amount = f"{next(self._values)}.25"
        status = self.chance.choice(STATUSES)
        approved = "2026-03-31" if status in {"approved", "paid"} else None
        self.back.pay([deal], amount, status=status, approved_date=approved, paid=status == "paid")
        self.memory.paid([deal])
        return f"{deal} gets {amount} {status}"

    def pay_all(self) -> str:
        """Work out all commissions anew, so that a plan has several batches."""
        base = next(self._values) * 1_000_000
        with psycopg.connect(self.back.world.dsn) as conn:
            conn.execute(
                "INSERT INTO deal_commissions (deal_id, amount, currency, status) "
                "SELECT id, %s + row_number() OVER (ORDER BY crm_id), 'USD', 'pending' FROM deals WHERE crm_id = ANY (%s) "
                "ON CONFLICT (deal_id) DO UPDATE SET amount = excluded.amount, updated_at = now()",
                (base, self.deals),
            )
        self.memory.paid(self.deals)
        return f"all get {base} and more"

    def make_work(self) -> str:
        """See to it that the next run has something to do, most of the time."""
        if self.chance.random() < 0.08:
            self.paid_last = self.chance.sample(self.hot, 3)
            done = [self.pay_all()]
        else:
            self.paid_last = self.chance.sample(self._alive(), self.chance.randrange(1, 4))
            done = [self.pay(deal) for deal in self.paid_last]
        open_plans = self.back.world.value("SELECT count(*) FROM writeback_plans WHERE state = 'planned'")
        if open_plans and self.chance.random() < 0.7:
            done.append(self.pass_time(6))
        return "; ".join(done)

    # People and workflows in HubSpot.

    def edit_ours(self) -> str:
        """Let a person edit a property that the write-back owns."""
        deal = self._live()
        wanted = self.back.in_table().get(deal)
        how = self.chance.choices(("amount", "status", "agree", "clear"), (14, 3, 2, 1))[0]
        if how == "agree" and wanted:
            name, value, may_go = AMOUNT, wanted[0], True
        elif how == "clear":
            name, value, may_go = AMOUNT, "", False
        elif how == "status":
            # There are so few that the table agrees with it sooner or later, after which it is nobody's edit any more.
            name, value, may_go = STATUS, self.chance.choice(STATUSES), True
        else:
            name, value, may_go = AMOUNT, f"9{next(self._persons):07d}.5", False
        self.admin.override(PORTAL, deal, {name: value}, person=True)
        self.memory.edited(deal, name, value, may_go=may_go)
        return f"a person sets {name} of {deal} to {value!r}"

    def pay_again(self) -> str:
        """Change the commissions that were changed last once more."""
        return "; ".join(self.pay(deal) for deal in self.paid_last)

    def edit_deal(self) -> str:
        """Change what a commission may rest on, or something that it does not."""
        deal = self._live()
        changes = self.chance.choice(
            ({"dealname": f"Deal {next(self._values)}"}, {"amount": str(self.chance.randrange(1, 90) * 100)})
        )
        self.admin.override(PORTAL, deal, changes, person=True)
        return f"{deal} has {changes}"

    def merge(self) -> str:
        """Merge two deals."""
        live = self._alive()
        if len(live) < len(self.hot) * 2 // 3:
            return "too few deals to merge"
        primary, loser = self.chance.sample(live, 2)
        third = self.chance.random() < 0.25
        kept = self.admin.merge(PORTAL, primary, loser, third=third)
        return f"{loser} is merged into {primary}" + (f", both into {kept}" if third else "")

    def archive(self) -> str:
        """Put a deal into the recycle bin."""
        live = self._alive()
        if len(live) < len(self.hot) * 2 // 3:
            return "too few deals to archive"
        deal = self.chance.choice(live)
        self.back.world.archive(deal)
        self.memory.archived.append(deal)
        return f"{deal} is archived"

    def restore(self) -> str:
        """Take a deal out of the recycle bin."""
        if not self.memory.archived:
            return "nothing to restore"
        deal = self.memory.archived.pop(self.chance.randrange(len(self.memory.archived)))
        self.admin.restore(PORTAL, deal)
        return f"{deal} is restored"

    # People who decide.

    def decide(self) -> str:
        """Decide on a conflict, a failure, or a deal that changed after approval."""
        problems = self.back.world.query(
            "SELECT p.id, p.state, d.crm_id, p.crm_id FROM writeback_problems p JOIN deals d ON d.id = p.deal_id ORDER BY 3"
        )
        reviews = self.back.world.query("SELECT id FROM commission_reviews WHERE state = 'open' ORDER BY opened_at")
        company = self.back.world.integration_id
        try:
            with closing(connect(self.back.world.dsn)) as conn, conn.transaction():
                if reviews and (not problems or self.chance.random() < 0.5):
                    decision = self.chance.choice(("keep", "reopen", "offset"))
                    deal = decide_review(conn, company, self.chance.choice(reviews)[0], decision, actor="ana")
                    return f"the review of {deal} is decided: {decision}"
                if not problems:
                    return "nothing to decide"
                row, state, deal, record = self.chance.choice(problems)
                decision = "dismissed" if state == "failed" else self.chance.choice(("ours", "theirs"))
                decide_row(conn, company, row, decision, actor="ana", why="chaos")
        except (NotDecidable, psycopg.Error) as error:
            return f"cannot be decided: {error}"
        self.memory.decided({deal, record}, decision)
        return f"the {state} of {deal} is decided: {decision}"

    def answer(self) -> str:
        """Approve a plan that waits, and apply it; or reject it."""
        if not self.memory.waiting:
            return "no plan waits"
        plan = self.memory.waiting.pop(self.chance.randrange(len(self.memory.waiting)))
        with closing(connect(self.back.world.dsn)) as conn, conn.transaction():
            if self.chance.random() < 0.3:
                return f"plan {plan[:8]} is rejected: {close_plan(conn, plan, 'rejected', 'rejected', 'ana')}"
            approved = approve_plan(conn, plan, "ana")
        if not approved:
            return f"plan {plan[:8]} can no longer be approved"
        return f"plan {plan[:8]} is approved: {self.ending(self.job(plan_id=plan))}"

    def switch(self, mode: str | None = None) -> str:
        """Switch the company's mode, by its own setting or by the rollout."""
        mode = mode or self.chance.choices(("on", "approval", "dry_run", "off", "out", "in"), (12, 4, 2, 2, 2, 2))[0]
        company = self.back.world.portal.company
        flags = {} if mode in {"out", "in"} else {"writeback": mode}
        self._execute("UPDATE crm_integrations SET feature_flags = %s", Jsonb(flags))
        self._execute(_RULE, [company] if mode == "in" else [], [company] if mode == "out" else [])
        self.memory.mode = {"in": "on", "out": "off"}.get(mode, mode)
        if self.memory.mode in {"on", "approval"}:
            self.memory.batches_at_most = None
        elif self.memory.batches_at_most is None:
            self.memory.batches_at_most = self.batches() + len(self.memory.flights)
        return f"the write-back is {mode}"

    def batches(self) -> int:
        """Return how many batches HubSpot has taken."""
        return int(self.admin.stats(PORTAL)["by_operation"].get("deals.batch.update", 0))

    def settle_policy(self) -> str:
        """Say who wins from now on."""
        policy = self.chance.choices(("hold", "theirs", "ours"), (5, 2, 2))[0]
        self._execute("UPDATE crm_integrations SET writeback_settings = %s", Jsonb({"on_conflict": policy}))
        self.memory.with_policy(policy)
        return f"on a conflict: {policy}"

    # Time.

    def pass_time(self, minutes: int | None = None) -> str:
        """Let time pass by moving back all that has happened."""
        minutes = minutes or self.chance.choice((6, 20, 25 * 60))
        with psycopg.connect(self.back.world.dsn) as conn:
            for table, columns in _TIMES.items():
                moved = ", ".join(f"{c} = {c} - make_interval(mins => %(m)s)" for c in columns)
                conn.execute(f"UPDATE {table} SET {moved}", {"m": minutes})
        return f"{minutes} minutes pass"

    # Runs that go wrong.

    def storm(self) -> str:
        """Plan and apply while HubSpot fails in every way."""
        work = self.make_work()
        self.admin.set_faults(PORTAL, STORM)
        try:
            return f"{work}; in a storm: {self.ending(self.job(timeout_seconds=0.5))}"
        finally:
            self.admin.set_faults(PORTAL, {})

    def kill(self) -> str:
        """Kill a run at any instant."""
        work = self.make_work()
        worker = Worker(job := self.job())
        time.sleep(self.chance.uniform(0.02, 0.16))
        worker.die()
        ending = worker.ending()
        self.counts["kills"] += ending.how == "killed"
        return f"{work}; then {job.run_id}: {self.told(job, ending)}"

    def _hot(self) -> str:
        return self.chance.choice(self.hot)

    def _live(self) -> str:
        return self.chance.choice(self._alive())

    def _alive(self) -> list[str]:
        gone = {*self.admin.truth_merged(PORTAL), *self.memory.archived}
        return [deal for deal in self.hot if deal not in gone]

    def _execute(self, statement: str, *parameters: Any) -> None:
        with psycopg.connect(self.back.world.dsn) as conn:
            conn.execute(statement, parameters)
