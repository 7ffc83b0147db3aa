"""Airflow's tasks for one company: syncs, and the write-back's in processes that can be held, frozen and killed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from commission_sync.streams.deals import DEALS
from commissions import WriteBack
from writeback_chaos.checks import PORTAL
from writeback_chaos.job import Ending, Job
from writeback_chaos.memory import Flight, Memory
from writeback_chaos.worker import Worker

POINTS = (
    ("deals.batch.read", "before"),
    ("deals.batch.read", "after"),
    ("deals.batch.update", "before"),
    ("deals.batch.update", "after"),
)


@dataclass
class Tasks:
    """Runs tasks; each method that a step is returns what it did, for the log."""

    back: WriteBack
    chance: Random
    memory: Memory
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("kills", "freezes", "lost answers"), 0))
    crashes: list[str] = field(default_factory=list)
    # Runs whose task failed or was killed, which Airflow would try again.
    unfinished: list[str] = field(default_factory=list)
    _runs: Any = field(default_factory=lambda: count(1))

    @property
    def admin(self) -> Any:
        """The emulator's admin endpoints."""
        return self.back.world.emulator.admin

    def sync(self) -> str:
        """Bring the local copy up to date."""
        return f"synced: {self.back.world.sync()}"

    def reconcile(self) -> str:
        """Bring merges and removals, too."""
        return f"reconciled: {self.back.world.reconcile(streams=(DEALS,))}"

    def verify(self) -> str:
        """Read again what was written."""
        return str(self.ending(self.job(what="verify", at_once=self.chance.random() < 0.5)))

    def run(self) -> str:
        """Plan and apply."""
        job = self.job()
        return f"{job.run_id}: {self.ending(job)}"

    def retry(self) -> str:
        """Try a run again that failed or was killed, as Airflow does."""
        if not self.unfinished:
            return "no run to try again"
        run_id = self.unfinished.pop()
        return f"{run_id} again: {self.ending(self.job(run_id=run_id))}"

    def wrote(self, run_id: str) -> bool:
        """Whether a run wrote anything, or left anything to be written."""
        return bool(
            self.back.world.value(
                "SELECT count(*) FROM commission_writebacks w JOIN writeback_plans p ON p.id = w.plan_id "
                "WHERE p.run_id = %s AND w.state IN ('sent', 'pending')",
                run_id,
            )
        )

    def undo(self) -> str:
        """Take a run back."""
        runs = self.back.world.query(
            "SELECT run_id FROM writeback_plans WHERE kind = 'write' AND state <> 'dry_run' ORDER BY created_at DESC LIMIT 4"
        )
        if not runs:
            return "nothing to undo"
        job = self.job(undo_run_id=self.chance.choice(runs)[0])
        return f"undo {job.undo_run_id}: {self.ending(job)}"

    def apply_again(self) -> str:
        """Apply a plan that is not the newest, as a task that is cleared does."""
        plans = self.back.world.query("SELECT id::text FROM writeback_plans ORDER BY created_at DESC LIMIT 4")
        if not plans:
            return "no plan to apply again"
        plan = self.chance.choice(plans)[0]
        if self.back.world.value("SELECT state FROM writeback_plans WHERE id = %s", plan) == "awaiting_approval":
            return "that plan waits for a person"
        return f"plan {plan[:8]} again: {self.ending(self.job(plan_id=plan))}"

    def job(self, **wanted: Any) -> Job:
        """Return a job for this company, on a machine whose clock may be wrong."""
        world = self.back.world
        skew = self.chance.choices((0, 7200, -7200), (8, 1, 1))[0]
        job = Job(
            world.emulator.url,
            world.portal.token,
            world.dsn,
            str(world.integration_id),
            **{"run_id": f"run-{next(self._runs)}", "skew_seconds": skew, **wanted},
        )
        if job.undo_run_id:
            self.memory.undone[job.run_id] = self.memory.versions.copy()
        return job

    def ending(self, job: Job) -> Ending:
        return self.told(job, Worker(job).ending())

    def told(self, job: Job, ending: Ending) -> Ending:
        """Keep what the ending of a job leaves to be done."""
        if ending.how in {"failed", "killed"} and job.what == "run" and not job.plan_id and not job.undo_run_id:
            self.unfinished.append(job.run_id)
        if ending.how == "crashed":
            self.crashes.append(ending.said)
        if ending.how == "waits" and ending.plan_id:
            self.memory.waiting.append(ending.plan_id)
        return ending

    def start_held(self, job: Job, operation: str, where: str) -> tuple[Worker, Flight] | Ending:
        """Start a job and return when HubSpot holds one of its calls; how it ended when it made no such call."""
        self.admin.hold(PORTAL, operation, **{where: 60})
        worker = Worker(job)
        while not self.admin.held(PORTAL)[where]:
            if not worker.is_alive:
                self.admin.release(PORTAL)
                return self.told(job, worker.ending())
            time.sleep(0.003)
        flight = Flight(job.run_id, operation, where)
        self.memory.flights.append(flight)
        return worker, flight

    def fence(self) -> None:
        """Find out which of the flights have lost their plan."""
        for flight in self.memory.flights:
            states = self.back.world.query("SELECT state FROM writeback_plans WHERE run_id = %s", flight.run_id)
            flight.is_fenced = bool(states) and all(state[0] != "planned" for state in states)
