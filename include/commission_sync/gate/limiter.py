"""The budget of calls that all workers of all machines share, as the client's `Limiter`."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg

from airflow_hubspot.client import CircuitOpen, Lane, Permit, Policy, RateLimited, told
from airflow_hubspot.client.errors import LONGEST_HELD_SECONDS, next_midnight
from airflow_hubspot.client.limits import POLICIES, Told
from airflow_hubspot.client.server_clock import ServerClock
from commission_sync.gate.session import GateSession
from commission_sync.store import DatabaseUnavailable
from commission_sync.store.breakers import Breaker, note_outcomes
from commission_sync.store.budgets import (
    Ceilings,
    Grant,
    count_day,
    ensure_budgets,
    refuse_call,
    refuse_day,
    settle_calls,
    take_calls,
)
from commission_sync.store.integrations import Integration

# A call that is not settled counts as arriving so much later than it was granted: a process that stands still between
# the grant and the call must not make a window too full.
UNSETTLED_SECONDS = 5.0
# Once it is settled, it counts from its answer, or from so long after it was sent if the answer took longer.
LATEST_ARRIVAL_SECONDS = {Policy.BURST: 1.0, Policy.SEARCH: 0.25}
# While another worker's call finds out whether HubSpot serves again, its outcome is worth a short wait.
_PROBE_POLL_SECONDS = 0.5
# A task that wakes for the probe a moment too early waits for it.
_SHORTEST_PAUSE_SECONDS = 3.0
_SHORTEST_WAIT_SECONDS = 0.002
_HUBSPOTS_NAMES = {policy: name for name, policy in POLICIES.items()}

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Granted(Permit):
    is_probe: bool = False
    sent_at: float = 0.0


@dataclass
class _Line:
    """The threads of this process that want calls of one limit: whoever is in front takes for all that stand behind."""

    front: threading.Lock = field(default_factory=threading.Lock)
    standing: int = 0
    counting: threading.Lock = field(default_factory=threading.Lock)
    # Granted and not yet handed out: the times at which they count.
    leased: list[float] = field(default_factory=list)

    def step_in(self, by: int) -> int:
        with self.counting:
            self.standing += by
            return self.standing


@dataclass(frozen=True)
class _Over:
    """A call that ended, `latest` being the last instant at which it may have reached HubSpot."""

    permit: _Granted
    latest: float
    told: Told
    is_answered: bool
    failure: str | None


class PostgresLimiter:
    """One portal's budget and breaker in PostgreSQL; use it from one task, in as many threads as you like.

    :param lane: who calls; where the limit is short, the other lanes' calls come before or after
    :param day_share: how much of HubSpot's daily quota may be used, from 0 to 1
    :param ceilings: the connection's own limits, below HubSpot's
    :param probe_seconds: how long a call may take that finds out whether HubSpot serves again
    """

    def __init__(
        self,
        session: GateSession,
        integration: Integration,
        lane: Lane,
        *,
        day_share: float = 1.0,
        ceilings: Ceilings = Ceilings(),  # noqa: B008 - frozen
        probe_seconds: float = 60.0,
    ) -> None:
        self._session = session
        self._integration = integration
        self._lane = lane
        self._day_share = day_share
        self._probe_seconds = probe_seconds
        self._lines = {policy: _Line() for policy in LATEST_ARRIVAL_SECONDS}
        self._over: deque[_Over] = deque()
        self._server_clock = ServerClock()
        self._settling = threading.Lock()
        session.run(ensure_budgets, integration.id, ceilings)

    def acquire(self, policy: Policy, wait: Callable[[float], object] = time.sleep) -> Permit:
        """Wait, by `wait(seconds)`, until a call is allowed; every permit has to be settled.

        :raises RateLimited: when the wait would be longer than a task should hold its worker for.
        :raises CircuitOpen: when the portal is not called at present.
        """
        started = time.monotonic()
        while True:
            taken = self._take(policy)
            now = time.monotonic()
            if isinstance(taken, _Granted):
                taken.waited, taken.sent_at = now - started, now
                return taken
            wait(self._bearable(policy, taken, waited=now - started))

    def settle(self, permit: Permit, headers: Mapping[str, str], failure: str | None = None) -> None:
        """Say that a permit's call is over: its answer's headers (lower-case names), or why it was not served."""
        assert isinstance(permit, _Granted)
        self._server_clock.hear(headers)
        latest = min(time.monotonic(), permit.sent_at + LATEST_ARRIVAL_SECONDS[permit.policy])
        self._over.append(_Over(permit, latest, told(headers), bool(headers), failure))
        # Whoever comes while another thread is at it leaves the rest to that one.
        while self._over and self._settling.acquire(blocking=False):
            try:
                self._settle_all()
            finally:
                self._settling.release()

    def penalise(self, policy: Policy, retry_after: float, *, asked: bool) -> None:
        """Shrink the budget, as HubSpot refused a call; `asked` if it named the seconds."""
        if policy is Policy.DAILY:
            _log.warning("day used up company=%s resets_in=%.0fs", self._integration.company_id, retry_after)
            self._session.run(refuse_day, self._integration.id, resets_at=self._midnight())
        else:
            _log.info("call refused company=%s limit=%s", self._integration.company_id, policy)
            self._session.run(refuse_call, self._integration.id, policy, asked=retry_after if asked else None)

    def _take(self, policy: Policy) -> _Granted | Grant:
        line = self._lines[policy]
        line.step_in(1)
        with line.front:
            standing = line.step_in(-1) + 1
            if line.leased:
                return _Granted(policy, 0.0, line.leased.pop())
            grant = self._session.run(
                take_calls,
                self._integration.id,
                policy,
                lane=self._lane,
                wanted=standing,
                day_share=self._day_share,
                unsettled_seconds=UNSETTLED_SECONDS,
                probe_seconds=self._probe_seconds,
            )
            if not grant.granted:
                return grant
            line.leased += [grant.counted_at] * (grant.granted - 1)
            return _Granted(policy, 0.0, grant.counted_at, is_probe=grant.reason == "probe")

    def _bearable(self, policy: Policy, grant: Grant, *, waited: float) -> float:
        """Return for how long to wait now.

        :raises HubSpotError: when that is nothing to hold a worker for.
        """
        delay = grant.delay or 0.0
        if grant.reason == "probe":
            return min(delay, _PROBE_POLL_SECONDS)
        if grant.reason == "breaker" and delay > _SHORTEST_PAUSE_SECONDS:
            raise self._open(delay)
        if delay > LONGEST_HELD_SECONDS or waited > LONGEST_HELD_SECONDS:
            raise self._spent(policy, grant, max(delay, LONGEST_HELD_SECONDS))
        return max(delay, _SHORTEST_WAIT_SECONDS)

    def _open(self, delay: float) -> CircuitOpen:
        error = CircuitOpen(
            f"HubSpot has not served the last calls for {self._integration.company_id}, so it is left alone for "
            f"{delay:.0f} s; then one call finds out whether it is back",
            hint="nothing is lost, and it goes on by itself; circuit_breakers has the last error",
        )
        error.retry_after = delay
        return error

    def _spent(self, policy: Policy, grant: Grant, delay: float) -> RateLimited:
        if grant.reason == "day":
            share, policy = f"{self._day_share:.0%} of the portal's calls for today are used", Policy.DAILY
            message = f"{share}; HubSpot's day ends at {self._midnight():%Y-%m-%d %H:%M} UTC"
        else:
            message = f"others use the portal's {policy} limit ({grant.reason}); it is tried again in {delay:.0f} s"
        error = RateLimited(message, hint="nothing is lost, and it goes on by itself (docs/limits.md)")
        error.retry_after, error.policy, error.asked = delay, _HUBSPOTS_NAMES[policy], True
        return error

    def _settle_all(self) -> None:
        over = [self._over.popleft() for _ in range(len(self._over))]
        try:
            breaker = self._session.run(self._settled, over)
        except (DatabaseUnavailable, psycopg.Error):
            # Unsettled calls count for longer than need be, which is safe; an answer that is here must not be lost.
            _log.exception("calls could not be settled calls=%s", len(over))
            return
        if breaker.changed:
            self._announce(breaker)

    def _settled(self, conn: psycopg.Connection, over: list[_Over]) -> Breaker:
        now, portal = time.monotonic(), self._integration.id
        with conn.pipeline():
            for policy in sorted({o.permit.policy for o in over}):
                calls = [o for o in over if o.permit.policy is policy]
                last = next((o for o in reversed(calls) if o.told.maximum is not None), calls[-1])
                settle_calls(
                    conn,
                    portal,
                    policy,
                    counted=[o.permit.counted_at for o in calls],
                    ages=[now - o.latest for o in calls],
                    maximum=last.told.maximum,
                    remaining=last.told.remaining,
                    sent_age=now - last.permit.sent_at,
                )
            day = next((o.told for o in reversed(over) if o.told.day is not None), Told())
            count_day(
                conn,
                portal,
                calls=len(over),
                day=day.day,
                day_remaining=day.day_remaining,
                resets_at=self._midnight(),
            )
            return self._outcomes(conn, over)

    def _outcomes(self, conn: psycopg.Connection, over: list[_Over]) -> Breaker:
        counted = [o for o in over if o.permit.is_probe] or over
        failures = [o.failure for o in counted if o.failure is not None]
        # A call that was not made after all says nothing of HubSpot.
        answered = sum(1 for o in counted if o.is_answered and o.failure is None)
        return note_outcomes(
            conn,
            self._integration.id,
            answered=answered,
            failed=len(failures),
            is_probe=counted[0].permit.is_probe,
            error=failures[-1] if failures else None,
        )

    def _announce(self, breaker: Breaker) -> None:
        company = self._integration.company_id
        if breaker.state == "open" and breaker.probe_at is not None:
            probe = breaker.probe_at.isoformat(timespec="seconds")
            _log.warning("breaker opened company=%s failures=%s probe_at=%s", company, breaker.failures, probe)
        else:
            _log.info("breaker closed company=%s", company)

    def _midnight(self) -> datetime:
        # The day is HubSpot's: a clock that runs fast would put its end a day off.
        return next_midnight(self._integration.portal_time_zone, self._server_clock.now() or datetime.now(UTC))
