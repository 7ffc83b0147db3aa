"""The gate: no limit exceeded and hardly a call wasted by many workers, alone and beside another app; and its price."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from airflow_hubspot.client import Lane, Policy
from benchmarks.site import Site, site
from benchmarks.table import Figure
from commission_sync.gate import GateSession, PostgresLimiter
from commission_sync.store import connect
from commission_sync.store.integrations import integration

CALLER = Path(__file__).with_name("one_caller.py")
PROCESSES, THREADS, SECONDS = 4, 4, 60
BURST, SEARCHES = 190, 5
PRICED = 2_000


@dataclass(frozen=True)
class Outcome:
    """What the emulator and the callers saw; `allowed` is what the limits left to us."""

    calls: int
    refused: int
    most: dict[str, int]
    allowed: float

    @property
    def use(self) -> float:
        """The share of the allowed calls that were made."""
        return (self.calls - self.refused) / self.allowed


def gate() -> list[Figure]:
    """Measure four processes of four threads for a minute, alone, and beside an app that takes half."""
    alone, beside = _hammered(half_taken=False), _hammered(half_taken=True)
    return [
        Figure(
            f"{PROCESSES} processes x {THREADS} threads for {SECONDS} s on one portal",
            f"{alone.refused} refused, at most {alone.most['burst']} calls in 10 s and {alone.most['search']} searches "
            f"in 1 s, {alone.use:.1%} of the {alone.allowed:,.0f} allowed calls used",
            "0 refused, >= 97 % used",
            alone.refused == 0 and alone.use >= 0.97,
        ),
        Figure(
            "the same beside an app that takes half",
            f"{beside.refused} refused ({beside.refused / beside.calls:.2%}), {beside.use:.1%} of the "
            f"{beside.allowed:,.0f} calls left used",
            "< 1 % refused, >= 90 % used",
            beside.refused < 0.01 * beside.calls and beside.use >= 0.9,
        ),
        *_price(),
    ]


def _hammered(*, half_taken: bool) -> Outcome:
    with site(1_000) as bench:
        admin, portal = bench.emulator.admin, bench.portal.portal_id
        if half_taken:
            admin.start_other_app(
                portal, calls_a_second=BURST / 20, searches_a_second=SEARCHES / 2, seconds=2 * SECONDS
            )
            # The other app has been there for longer than any window.
            time.sleep(11)
        _call(bench)
        # What fits into the time: a full window at once, and another one each time that the first has passed.
        allowed = (BURST * SECONDS / 10 + SEARCHES * SECONDS) * (0.5 if half_taken else 1)
        figures = admin.stats(portal)
        return Outcome(
            calls=figures["calls"],
            refused=figures["refused"],
            most=figures["most_in_window"],
            allowed=allowed,
        )


def _call(bench: Site) -> None:
    arguments = [bench.emulator.url, bench.portal.token, bench.dsn, str(bench.integration_id), "INCREMENTAL"]
    # All begin at the same time, once each of them has started.
    command = [sys.executable, str(CALLER), *arguments, str(THREADS), str(SECONDS), str(time.time() + 5)]
    callers = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(PROCESSES)]
    assert [caller.wait(timeout=3 * SECONDS) for caller in callers] == [0] * PROCESSES


def _price() -> list[Figure]:
    """Measure what a call pays that need not wait, in windows that are nearly full."""
    took: dict[str, list[float]] = {"token": [], "settled": []}
    with site(1) as bench, closing(GateSession(bench.dsn)) as session, closing(connect(bench.dsn)) as conn:
        limiter = PostgresLimiter(session, integration(conn, bench.integration_id), Lane.INCREMENTAL)
        for number in range(PRICED):
            if number % (BURST - 10) == 0:
                conn.execute("UPDATE api_budgets SET arrivals = '{}'")
                conn.commit()
            started = time.perf_counter()
            permit = limiter.acquire(Policy.BURST)
            granted = time.perf_counter()
            limiter.settle(permit, {"x-hubspot-ratelimit-max": str(BURST), "x-hubspot-ratelimit-remaining": str(BURST)})
            took["token"].append((granted - started) * 1000)
            took["settled"].append((time.perf_counter() - started) * 1000)
    token, settled = (sorted(times[BURST:]) for times in took.values())
    return [
        Figure(
            "overhead of the gate, a token",
            f"p50 {_quantile(token, 0.5):.2f} ms, p99 {_quantile(token, 0.99):.2f} ms",
            "p50 < 1 ms",
            _quantile(token, 0.5) < 1,
        ),
        Figure(
            "overhead of the gate, a token and settling the call",
            f"p50 {_quantile(settled, 0.5):.2f} ms, p99 {_quantile(settled, 0.99):.2f} ms",
            "p50 < 2 ms",
            _quantile(settled, 0.5) < 2,
        ),
    ]


def _quantile(times: list[float], share: float) -> float:
    return times[int(len(times) * share)]
