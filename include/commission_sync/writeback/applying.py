"""Applies a plan batch by batch.

Every row is noted as attempted before it is, and every batch begins by reading. So a lost answer, a killed process and
a second process side by side all end in the same way: what HubSpot has already is not written again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import psycopg
import tenacity

from airflow_hubspot.client import HubSpotClient, RateLimited, Unavailable
from airflow_hubspot.client.objects import BATCH_LIMIT
from airflow_hubspot.client.transport import LONGEST_WAIT_SECONDS, TRIES
from commission_sync.gate import PortalCache
from commission_sync.store.integrations import Integration
from commission_sync.store.plan_lease import Lease, hold_plan, release_plan, take_plan
from commission_sync.store.plans import Plan, close_plan, finish_plan, plan_counts, plan_of
from commission_sync.store.review_hold import leave_out_reviewed
from commission_sync.store.reviews import watch_approved
from commission_sync.store.writebacks import PendingRow, Problem, claim_rows, problems
from commission_sync.streams.portal import verified
from commission_sync.writeback.batch import Batch
from commission_sync.writeback.company import WritebackSettings
from commission_sync.writeback.permission import PlanNotOpen, require_permission
from commission_sync.writeback.properties import Layout
from commission_sync.writeback.schema import ensure_properties

_log = logging.getLogger(__name__)

_NAMED = 20


class TooManyFailed(RuntimeError):
    """More rows of a plan failed than the company allows."""


@dataclass(frozen=True)
class Applied:
    """What came of a plan's rows, and the first of those that failed."""

    plan: Plan
    counts: dict[str, int]
    failed: list[Problem]
    conflicts: list[Problem]

    def check(self, settings: WritebackSettings) -> None:
        """Raise when too many rows failed.

        :raises TooManyFailed: naming them, with HubSpot's own words
        """
        count = self.counts.get("failed", 0)
        if count > settings.max_failed_rows and count * 100 > settings.max_failed_percent * self.plan.rows:
            named = "; ".join(f"deal {p.crm_id}: {p.last_error}" for p in self.failed)
            more = f" (the first {len(self.failed)} of them)" if count > len(self.failed) else ""
            raise TooManyFailed(
                f"{count:,} of {self.plan.rows:,} rows failed{more}: {named}. The others are written; these are tried "
                "again by the next run until they are corrected or dismissed (view writeback_problems)"
            )


@dataclass
class Applier:
    """Applies plans of one company; `conn` is used by nobody else, autocommit off."""

    integration: Integration
    client: HubSpotClient
    conn: psycopg.Connection
    sleep: Callable[[float], None] = time.sleep

    def apply(self, plan_id: UUID) -> Applied:
        """Apply a plan, going on where an earlier try stopped.

        :raises PlanNotOpen: when it may not be applied (any more): what was sent until then is kept
        :raises HubSpotError: when HubSpot refuses or stays away; rows that are not settled stay pending
        """
        with self.conn.transaction():
            plan = plan_of(self.conn, plan_id)
            require_permission(self.conn, self.integration.id, plan)
        if plan.state != "applied":
            self._work(plan)
        with self.conn.transaction():
            return Applied(
                plan,
                plan_counts(self.conn, plan_id),
                problems(self.conn, plan_id, "failed", _NAMED),
                problems(self.conn, plan_id, "conflict", _NAMED),
            )

    def _work(self, plan: Plan) -> None:
        lease = self._lease(plan)
        try:
            layout = Layout(plan.property_names)
            cache = PortalCache(self.conn, self.client, self.integration.id)
            integration = verified(self.client, self.conn, self.integration, cache)
            # A property that is there already is no error, so creating them may be repeated, too.
            self._retrying()(ensure_properties, self.client, self.conn, integration, layout)
            while (found := self._next(plan, lease)) is not None:
                settings, rows = found
                if rows:
                    left = {row.id: row for row in rows}
                    permit = partial(require_permission, self.conn, self.integration.id, plan)
                    policy, company = settings.on_conflict, self.integration.id
                    batch = Batch(self.client, self.conn, company, layout, policy, lease, permit, left)
                    self._retrying()(batch.run)
            with self.conn.transaction():
                finish_plan(self.conn, lease)
        finally:
            if not self.conn.closed:
                with self.conn.transaction():
                    release_plan(self.conn, lease)

    def _lease(self, plan: Plan) -> Lease:
        """Make the plan this process's own.

        :raises PlanNotOpen: when it may not be applied
        """
        with self.conn.transaction():
            if (lease := take_plan(self.conn, plan.id)) is not None:
                return lease
            now_is = plan_of(self.conn, plan.id)
            if now_is.is_expired:
                close_plan(self.conn, plan.id, "expired", "the plan expired before it was applied")
        raise self._not_open(plan.id)

    def _not_open(self, plan_id: UUID) -> PlanNotOpen:
        with self.conn.transaction():
            plan = plan_of(self.conn, plan_id)
        return PlanNotOpen(
            f"the plan of run {plan.run_id} is {plan.state.replace('_', ' ')}, so nothing (more) was written"
        )

    def _next(self, plan: Plan, lease: Lease) -> tuple[WritebackSettings, list[PendingRow]] | None:
        """Return the company's settings and the next rows to apply; None after the last.

        Rows whose deal has changed since its approval are left out.

        :raises PlanNotOpen: when the plan may not be applied any more
        """
        with self.conn.transaction():
            settings = require_permission(self.conn, self.integration.id, plan)
            held = hold_plan(self.conn, lease)
            rows = claim_rows(self.conn, plan.id, BATCH_LIMIT) if held else []
            if rows and plan.kind == "write":
                watch_approved(self.conn, self.integration.id, [row.deal_id for row in rows])
            left_out = leave_out_reviewed(self.conn, plan.id) if held else []
        if not held:
            raise self._not_open(plan.id)
        for row in left_out:
            _log.warning(
                "write-back left out company=%s deal=%s why=%r", self.integration.company_id, row.crm_id, row.why
            )
        gone = {row.id for row in left_out}
        return (settings, [row for row in rows if row.id not in gone]) if rows else None

    def _retrying(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_short_lived),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_random_exponential(multiplier=0.25, max=LONGEST_WAIT_SECONDS),
            sleep=self.sleep,
            reraise=True,
        )


def _is_short_lived(error: BaseException) -> bool:
    return isinstance(error, RateLimited | Unavailable) and (error.retry_after or 0.0) <= LONGEST_WAIT_SECONDS
