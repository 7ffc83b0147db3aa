"""The health of all companies as one answer: booleans for anybody, reasons for those who may know."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import psycopg

from commission_sync.health.checks import CHECKS, Health, judged
from commission_sync.health.judged_streams import NIGHTLY, switched_off
from commission_sync.settings import Settings
from commission_sync.store import DatabaseUnavailable
from commission_sync.store.clock import database_now
from commission_sync.store.standing import standings

KEPT_SECONDS = 5.0
# So old an answer is still given while a new one is made, so that nobody waits for it where many ask.
OLDEST_SECONDS = 15.0
# The rate of errors is that of about two freshness intervals: it falls by itself when tries succeed again.
_LATELY = 2


@dataclass(frozen=True)
class Report:
    """Everybody's health; `unavailable` says why it is not known."""

    companies: Sequence[Health] = ()
    unavailable: str | None = None

    @property
    def healthy(self) -> bool:
        """Whether all companies are well, and that is known."""
        return all(self._passes.values())

    def public(self) -> dict[str, Any]:
        """Return what anybody may know: booleans, and no company's name."""
        return {"healthy": self.healthy, "checks": self._passes}

    def detailed(self) -> dict[str, Any]:
        """Return each company's checks, with what is wrong in words."""
        companies = {
            company.company: {
                "healthy": company.healthy,
                "checks": {name: _told(wrong) for name, wrong in company.checks.items()},
            }
            for company in self.companies
        }
        reason = {} if self.unavailable is None else {"reason": self.unavailable}
        return {**self.public(), **reason, "companies": companies}

    @cached_property
    def _passes(self) -> dict[str, bool]:
        # Worked out once, however many companies there are and however often it is asked for.
        known = self.unavailable is None
        return {name: known and all(company.checks[name] is None for company in self.companies) for name in CHECKS}


def report(conn: psycopg.Connection, settings: Settings) -> Report:
    """Judge all active companies."""
    with conn.transaction():
        found = standings(
            conn, lately=_LATELY * settings.freshness_sla, nightly=NIGHTLY, switched_off=switched_off(conn)
        )
        now = database_now(conn)
    return Report([judged(standing, now=now, sla=settings.freshness_sla) for standing in found])


@dataclass
class CachedReport:
    """A report that is made at most every few seconds, however often it is asked for; safe for several threads."""

    settings: Settings
    open_connection: Callable[[], psycopg.Connection]
    clock: Callable[[], float] = time.monotonic
    # Held by whoever makes a report.
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _made: tuple[float, Report] | None = None

    def current(self) -> Report:
        """Return the report; an unreachable database is one, too."""
        if (kept := self._not_older_than(KEPT_SECONDS)) is not None:
            return kept
        if (kept := self._not_older_than(OLDEST_SECONDS)) is not None:
            if self._turn.acquire(blocking=False):
                threading.Thread(target=self._renew, daemon=True).start()
            return kept
        with self._turn:
            return self._not_older_than(KEPT_SECONDS) or self._made_now()

    def _not_older_than(self, seconds: float) -> Report | None:
        made = self._made
        return made[1] if made is not None and self.clock() - made[0] <= seconds else None

    def _renew(self) -> None:
        try:
            self._made_now()
        finally:
            self._turn.release()

    def _made_now(self) -> Report:
        made = self._make()
        self._made = (self.clock(), made)
        return made

    def _make(self) -> Report:
        try:
            with closing(self.open_connection()) as conn:
                return report(conn, self.settings)
        except (DatabaseUnavailable, psycopg.Error) as error:
            return Report(unavailable=str(error))


def _told(wrong: str | None) -> dict[str, Any]:
    return {"ok": True} if wrong is None else {"ok": False, "reason": wrong}
