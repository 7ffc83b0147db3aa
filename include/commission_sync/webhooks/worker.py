"""Stays at one company's lane for as long as events come."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID, uuid4

import psycopg

from airflow_hubspot.client import HubSpotClient
from commission_sync.store.integrations import Integration
from commission_sync.store.runs import RunCounts, finish_run, open_run
from commission_sync.streams.landing import Derive, nothing_follows
from commission_sync.webhooks.claims import ignore_waiting
from commission_sync.webhooks.inbox import CHANNEL, FLAG
from commission_sync.webhooks.lanes import attend, hold, leave
from commission_sync.webhooks.processing import Drain, Stopped, Tally
from commission_sync.webhooks.refresh import Records
from commission_sync.webhooks.retries import waits_for_authorization

STREAM = "webhooks"
# The next run takes over; a task that runs for ever could not be deployed anew.
LONGEST_STAY_SECONDS = 600.0
_LOOK_SECONDS = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LaneWorker:
    """Works off one company's events, as one try of one task.

    :param conn: a connection of this worker's own, autocommit off
    :param most_retries: how often an event is tried again before it is a dead letter
    :param quiet_seconds: how long it waits for more once there is nothing to do; an event that comes meanwhile is in
        the table within a second, without a task having to start
    :param derive: what follows each merge of a stream, in its transaction
    """

    integration: Integration
    client: HubSpotClient
    conn: psycopg.Connection
    most_retries: int
    quiet_seconds: float = 0.0
    derive: Derive = nothing_follows

    def run(self, *, dag_id: str, run_id: str, try_number: int) -> Tally:
        """Work until it has been quiet, and return what became of the events.

        :raises HubSpotError: when a person has to act before anything can be read; the events wait for that.
        :raises psycopg.Error: when the database is away; what was claimed comes back once its lease has run out.
        """
        worker, lane = uuid4(), self.integration.id
        if not self.integration.has_feature(FLAG):
            return self._ignored()
        if not attend(self.conn, lane, worker):
            _log.info("webhooks left company=%s why=%r", self.integration.company_id, "paused, or somebody is here")
            return Tally()
        run = self._opened(dag_id=dag_id, run_id=run_id, try_number=try_number)
        records = Records(
            self.client,
            self.conn,
            self.integration,
            sync_run_id=run,
            derive=self.derive,
            hold=partial(hold, self.conn, lane, worker),
        )
        drain = Drain(self.conn, lane, records, worker=worker, most_retries=self.most_retries)
        try:
            self._stay(drain)
        except BaseException as error:
            self._finished(run, records, drain.tally, error)
            raise
        else:
            self._finished(run, records, drain.tally, None)
        finally:
            if not self.conn.closed:
                leave(self.conn, lane, worker)
        return drain.tally

    def _ignored(self) -> Tally:
        """Put by what came before the company's webhooks were switched off."""
        with self.conn.transaction():
            events = ignore_waiting(self.conn, self.integration.id, "webhooks are switched off for the company")
        _log.info("webhooks ignored company=%s events=%d why=%r", self.integration.company_id, events, "switched off")
        return Tally()

    def _stay(self, drain: Drain) -> None:
        with self.conn.transaction():
            self.conn.execute(f"LISTEN {CHANNEL}")
        began = busy = time.monotonic()
        try:
            while True:
                if drain.run():
                    busy = time.monotonic()
                now = time.monotonic()
                if now - busy >= self.quiet_seconds or now - began >= LONGEST_STAY_SECONDS:
                    return
                for _ in self.conn.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                    pass
        except Stopped as stopped:
            self._explain(stopped)

    def _explain(self, stopped: Stopped) -> None:
        cause, company = stopped.cause, self.integration.company_id
        if cause is None:
            _log.info("webhooks stopped company=%s why=%r", company, "the lane was paused or taken over")
            return
        _log.warning("webhooks postponed company=%s error=%r", company, f"{type(cause).__name__}: {cause}")
        if waits_for_authorization(cause):
            raise cause

    def _opened(self, *, dag_id: str, run_id: str, try_number: int) -> UUID:
        with self.conn.transaction():
            return open_run(
                self.conn,
                integration_id=self.integration.id,
                stream=STREAM,
                mode=STREAM,
                dag_id=dag_id,
                run_id=run_id,
                try_number=try_number,
                window_from=None,
                window_to=datetime.now(UTC),
            )

    def _finished(self, run: UUID, records: Records, tally: Tally, error: BaseException | None) -> None:
        calls = self.client.stats.snapshot()
        counts = replace(records.counts, api_calls=calls.calls, api_wait_ms=round(calls.waited_seconds * 1000))
        self._tell(counts, tally)
        try:
            with self.conn.transaction():
                state, why = ("success", None) if error is None else ("failed", f"{type(error).__name__}: {error}")
                finish_run(self.conn, run, state=state, counts=counts, error=why)
        except psycopg.Error:
            # The next run of this DAG run marks it as abandoned; the error that ended it must not be hidden.
            _log.exception("the end of the run could not be written down")

    def _tell(self, counts: RunCounts, tally: Tally) -> None:
        facts = {**tally.as_dict(), "inserted": counts.inserted, "updated": counts.updated, "calls": counts.api_calls}
        pairs = " ".join(f"{name}={value}" for name, value in facts.items())
        _log.info("webhooks worked off company=%s %s", self.integration.company_id, pairs)
