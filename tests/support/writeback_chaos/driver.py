"""Does random things to a company's write-back, lets everything settle now and then, and says what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from commissions import WriteBack
from world import World
from writeback_chaos.checks import PORTAL, Checks, Wrong
from writeback_chaos.company import Company
from writeback_chaos.memory import Memory
from writeback_chaos.tasks import POINTS
from writeback_chaos.worker import start_server

# More than a batch of HubSpot's, so that a plan has two.
DEALS, HOT = 130, 10
_ROUNDS = 5
# After how many steps everything is to settle.
_BETWEEN = (12, 40)

# How often each is done, alone and while a process is held or frozen.
ALONE: dict[str, int] = {
    "pay": 22,
    "pay_all": 1,
    "edit_ours": 9,
    "edit_deal": 5,
    "sync": 10,
    "reconcile": 1,
    "run": 14,
    "storm": 6,
    "kill": 7,
    "race": 14,
    "outage": 8,
    "retry": 10,
    "decide": 8,
    "answer": 6,
    "switch": 4,
    "settle_policy": 3,
    "pass_time": 3,
    "verify": 2,
    "undo": 2,
    "apply_again": 2,
    "merge": 1,
    "archive": 1,
    "restore": 1,
}
MEANWHILE: dict[str, int] = {
    "pay": 10,
    "edit_ours": 4,
    "edit_deal": 2,
    "sync": 4,
    "pay_again": 8,
    "take_over": 12,
    "retry": 5,
    "run": 3,
    "switch": 3,
    "settle_policy": 1,
    "decide": 2,
    "apply_again": 2,
    "merge": 1,
    "archive": 1,
}


@dataclass
class Report:
    """What came of it."""

    seed: int
    steps: int = 0
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    wrong: list[Wrong] = field(default_factory=list)
    stories: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(
            [f"seed {self.seed}, {self.steps} steps, {len(self.wrong)} wrong", *self.stories, "steps:", *self.log]
        )


class Driver:
    """A random walk through what can happen to one company."""

    def __init__(self, world: World, seed: int, *, stops: bool = True) -> None:
        self._back = WriteBack(world)
        self._chance = Random(seed)
        self._memory = Memory()
        self._checks = Checks(self._back, self._memory)
        self._stops = stops
        self._seen: set[tuple[str, str, str]] = set()
        self.report = Report(seed)

    def run(self, steps: int) -> Report:
        """Take so many steps, and stop at the first thing that is wrong if it is to."""
        started = time.monotonic()
        start_server()
        self._begin()
        until_settling = self._chance.randrange(*_BETWEEN)
        while self.report.steps < steps and not (self._stops and self.report.wrong):
            self._step(ALONE)
            until_settling -= 1
            if until_settling <= 0 or self.report.steps >= steps:
                self._settle()
                until_settling = self._chance.randrange(*_BETWEEN)
        self.report.seconds = time.monotonic() - started
        self.report.counts = self._company.counts
        return self.report

    def _begin(self) -> None:
        world = self._back.world
        world.sync()
        deals = world.emulator.admin.truth_ids(PORTAL)
        self._company = Company(self._back, self._chance, self._memory, hot=deals[:HOT], deals=deals)
        self._log(self._company.switch("on"))
        self._log(self._company.pay_all())
        self._log(self._company.run())

    def _step(self, weights: dict[str, int]) -> None:
        name = self._chance.choices(list(weights), list(weights.values()))[0]
        self.report.steps += 1
        own: Callable[[], str] | None = getattr(self, f"_{name}", None)
        started = time.monotonic()
        said = (own or getattr(self._company, name))()
        self._log(f"{name}: {said} ({time.monotonic() - started:.2f} s)")
        for said in self._company.crashes:
            self._found([Wrong("a process crashed", "-", said)])
        self._company.crashes.clear()
        allowed = self._memory.batches_at_most
        if allowed is not None and (batches := self._company.batches()) > allowed:
            self._memory.batches_at_most = batches
            self._found([Wrong("written while switched off", "-", f"{batches - allowed} more batches ({name})")])

    def _race(self) -> str:
        """Let other things happen while a run is held by HubSpot, or frozen."""
        company, chance = self._company, self._chance
        self._log(f"race: {(work := company.make_work())}")
        operation, where = chance.choice(POINTS)
        is_impatient = chance.random() < 0.25
        held = company.start_held(company.job(timeout_seconds=0.2 if is_impatient else 30), operation, where)
        if not isinstance(held, tuple):
            return f"{operation} was not called: {held}"
        worker, flight = held
        is_frozen = not is_impatient and chance.random() < 0.4
        if is_frozen:
            worker.freeze()
            company.counts["freezes"] += 1
            if where == "after" or chance.random() < 0.5:
                company.admin.release(PORTAL)
                if where == "before":
                    time.sleep(0.02)
                    flight.where = "after"
        how = f"{'frozen' if is_frozen else 'held'} {where} {operation}"
        self._log(f"race: {flight.run_id} is {how}, patience {worker.job.timeout_seconds} s")
        if work.startswith("all get") and chance.random() < 0.5:
            self._log(f"race: {company.switch(chance.choice(('off', 'out')))}")
        for _ in range(chance.randrange(1, 5)):
            self._step(MEANWHILE)
            company.fence()
        dies = chance.random() < 0.25
        if dies:
            company.counts["kills"] += worker.is_alive
            worker.die()
        company.admin.release(PORTAL)
        worker.thaw()
        ending = company.told(worker.job, worker.ending())
        self._landed()
        self._memory.flights.remove(flight)
        return f"{flight.run_id} goes on: {ending}"

    def _outage(self) -> str:
        """Let HubSpot take a batch, or take it late, and be away until the task has failed."""
        company = self._company
        self._log(f"outage: {company.make_work()}")
        where = self._chance.choice(("before", "after", "after"))
        held = company.start_held(company.job(timeout_seconds=0.15), "deals.batch.update", where)
        if not isinstance(held, tuple):
            return f"nothing was sent: {held}"
        worker, flight = held
        company.counts["lost answers"] += 1
        company.admin.set_faults(PORTAL, {"reset": 1.0})
        ending = company.told(worker.job, worker.ending())
        company.admin.set_faults(PORTAL, {})
        self._log(f"outage: the answer of {flight.run_id} is lost ({where}): {ending}")
        if where == "before":
            for _ in range(self._chance.randrange(0, 4)):
                self._step(MEANWHILE)
                company.fence()
        company.admin.release(PORTAL)
        self._landed()
        self._memory.flights.remove(flight)
        if self._chance.random() < 0.5:
            self._log(f"outage: {company.pay_again()}")
        if self._chance.random() < 0.5:
            self._log(f"outage: {company.retry()}")
        return "HubSpot is back"

    def _take_over(self) -> str:
        """Let the lease of who works run out, and another run come."""
        return f"{self._company.pass_time(6)}; {self._company.run()}"

    def _landed(self) -> None:
        """Wait until HubSpot has carried out what it held."""
        time.sleep(0.02)

    def _settle(self) -> None:
        """End what goes on, let the copy catch up and write until nothing is left, and compare."""
        company = self._company
        self._log(f"settle: {company.switch('on')}; {company.pass_time(25 * 60)}")
        self._memory.waiting.clear()
        company.sync()
        company.reconcile()
        for _ in range(_ROUNDS):
            job = company.job(skew_seconds=0)
            ending = company.ending(job)
            self._log(f"settle: {job.run_id}: {ending}")
            company.sync()
            if not company.wrote(job.run_id):
                break
        else:
            self._found([Wrong("it does not settle", "-", f"after {_ROUNDS} runs there is still something to write")])
        self._found([*self._checks.always(), *self._checks.settled()])

    def _found(self, wrong: list[Wrong]) -> None:
        for one in wrong:
            if one.key in self._seen:
                continue
            self._seen.add(one.key)
            self.report.wrong.append(one)
            story = self._checks.story(one.deal) if one.deal != "-" else []
            told = "\n".join([f"step {self.report.steps}: {one.kind}: deal {one.deal}: {one.said}", *story])
            self.report.stories.append(told)
            self._log(f"WRONG {one.kind}: {one.deal}: {one.said}")

    def _log(self, said: str) -> None:
        self.report.log.append(f"{self.report.steps:>5} {said}")
