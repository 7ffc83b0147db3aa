"""Applies a plan batch by batch.

Every row is noted as attempted before it is, and every batch begins by reading. So a lost answer, a killed process and
a second process side by side all end in the same way: what HubSpot has already is not written again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import tenacity

from airflow_hubspot.client import HubSpotClient, RateLimited, Unavailable
from airflow_hubspot.client.objects import BATCH_LIMIT
from airflow_hubspot.client.transport import LONGEST_WAIT_SECONDS, TRIES
from commission_sync.gate import PortalCache
from commission_sync.store.integrations import Integration
from commission_sync.store.plans import Plan, close_plan, finish_plan, plan_counts, plan_of, touch_plan
from commission_sync.store.writebacks import PendingRow, Problem, claim_rows, problems, writeback_settings
from commission_sync.streams.portal import verified
from commission_sync.writeback.batch import Batch
from commission_sync.writeback.company import Mode, WritebackSettings, mode_of, parse_settings
from commission_sync.writeback.properties import Layout
from commission_sync.writeback.schema import ensure_properties

_NAMED = 20


class PlanNotOpen(RuntimeError):
    """A plan may not be applied: rejected, expired, replaced by a later one, or the company's flag was turned down."""


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

        :raises PlanNotOpen: when it may not be applied
        :raises HubSpotError: when HubSpot refuses or stays away; rows that are not settled stay pending
        """
        mode = mode_of(self.integration.feature_flags)
        if mode in {Mode.OFF, Mode.DRY_RUN}:
            raise PlanNotOpen(f"the company's write-back is {mode} by now, so nothing was written")
        with self.conn.transaction():
            plan = plan_of(self.conn, plan_id)
            settings = parse_settings(writeback_settings(self.conn, self.integration.id))
        if plan.state != "applied":
            self._work(plan, settings)
        with self.conn.transaction():
            return Applied(
                plan,
                plan_counts(self.conn, plan_id),
                problems(self.conn, plan_id, "failed", _NAMED),
                problems(self.conn, plan_id, "conflict", _NAMED),
            )

    def _work(self, plan: Plan, settings: WritebackSettings) -> None:
        layout = Layout(plan.property_names)
        self._touch(plan)
        cache = PortalCache(self.conn, self.client, self.integration.id)
        integration = verified(self.client, self.conn, self.integration, cache)
        # A property that is there already is no error, so creating them may be repeated, too.
        self._retrying()(ensure_properties, self.client, self.conn, integration, layout)
        while rows := self._next(plan):
            left = {row.id: row for row in rows}
            batch = Batch(self.client, self.conn, self.integration.id, layout, settings.on_conflict, left)
            self._retrying()(batch.run)
        with self.conn.transaction():
            finish_plan(self.conn, plan.id)

    def _touch(self, plan: Plan) -> None:
        with self.conn.transaction():
            if touch_plan(self.conn, plan.id):
                return
            now_is = plan_of(self.conn, plan.id)
            if now_is.expires_at <= datetime.now(UTC):
                close_plan(self.conn, plan.id, "expired", "the plan expired before it was applied")
                now_is = plan_of(self.conn, plan.id)
        raise PlanNotOpen(
            f"the plan of run {plan.run_id} is {now_is.state.replace('_', ' ')}, so nothing (more) was written"
        )

    def _next(self, plan: Plan) -> list[PendingRow]:
        self._touch(plan)
        with self.conn.transaction():
            return claim_rows(self.conn, plan.id, BATCH_LIMIT)

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
