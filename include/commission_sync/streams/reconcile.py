"""Finds and corrects what search never shows: archived, restored, merged, purged and silently changed records.

An error ends it and an empty answer proves nothing: each mark stands on positive evidence, and more marks at once than
a company may have are refused until a person has looked.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

import psycopg

from airflow_hubspot.client import Filter, HubSpotClient, SearchQuery
from airflow_hubspot.client.associations import BATCH_LIMIT as DEALS_A_CALL
from airflow_hubspot.client.intervals import ALL_IDS, IdInterval
from commission_sync.gate import PortalCache
from commission_sync.store.presence import LiveIds, Presence
from commission_sync.store.reconciliation import Check, State, read_state, record_checks, save_state
from commission_sync.store.runs import RunCounts
from commission_sync.store.waiting import join_waiting_rows
from commission_sync.streams.catalogue import Catalogue, catalogue
from commission_sync.streams.deal_side import DealSide
from commission_sync.streams.deals import DEALS
from commission_sync.streams.departures import Departures
from commission_sync.streams.guard import Guard
from commission_sync.streams.landing import Landing, Target
from commission_sync.streams.mapped import stored_row_builder
from commission_sync.streams.parity import differing, split
from commission_sync.streams.rows import RowBuilder
from commission_sync.streams.sweep import Sweep

# A stream of no more records than this is compared value by value every night: fifty calls.
SMALL = 5_000

_log = logging.getLogger(__name__)

_LINKED = "HubSpot names these deals for the record, whichever side was edited"


@dataclass(frozen=True)
class StreamReconciliation:
    """Reconciles one stream of one company.

    :param sweep_records: how many records of a large stream are compared value by value in this run
    :param everything: compare every record value by value, however many there are
    """

    client: HubSpotClient
    conn: psycopg.Connection
    target: Target
    guard: Guard
    sweep_records: int
    everything: bool = False

    def run(self, started_at: datetime) -> RunCounts:
        """Correct what differs and return what was done.

        A stream of which nothing was ever stored has nothing to correct: what is new is the business of its syncs.

        :raises TooManyArchived: when more is gone than the guard allows; nothing is marked then.
        """
        if not len(self._presence.live()) and not self._presence.marked():
            return RunCounts()
        archived = self._departures.merge_named()
        in_bin = self._departures.in_bin()
        live = self._presence.live()
        dying = live.alive(in_bin)
        self.guard.check(self.target, len(dying), len(live))
        archived += self._departures.archive({i: in_bin[i] for i in dying})
        self._departures.take_back(in_bin)
        state, sweep = self._compare()
        self.guard.check(self.target, len(dying) + len(sweep.compared.gone), len(live))
        archived += self._departures.resolve(sweep.compared.gone, in_bin)
        if self.target.stream.on_deals and len(self._presence.live()):
            self._settle_links()
        self._finish(State(started_at, state), self._checks(sweep))
        return self._landing.counts + RunCounts(archived=archived)

    def _compare(self) -> tuple[int, Sweep]:
        """Compare by counts, and value by value where those differ, and return where the next night goes on."""
        live, stream = self._presence.live(), self.target.stream
        sweep = Sweep(self.client, stream, self._builder, self._catalogue.names, self._landing, self._presence)
        if self.everything or len(live) <= SMALL:
            sweep.run(ALL_IDS, live)
            return 0, sweep
        for interval in differing(live, self._count, _two(live)):
            sweep.run(interval, live)
        reached = self._sweep_a_share(sweep, live) if stream.changes_silently else 0
        if sweep.compared.silent:
            _log.warning(
                "silent changes company=%s stream=%s found=%s of=%s next=%s",
                self.target.integration.company_id,
                stream.name,
                sweep.compared.silent,
                sweep.compared.records,
                '"every record is compared now"',
            )
            sweep.run(ALL_IDS, live)
            reached = 0
        return reached, sweep

    def _sweep_a_share(self, sweep: Sweep, live: LiveIds) -> int:
        if not self.sweep_records:
            return 0
        with self.conn.transaction():
            swept = read_state(self.conn, self.target.integration.id, self.target.stream.name).swept_upto
        reached = sweep.run(IdInterval(swept, ALL_IDS.upto), live, self.sweep_records)
        return 0 if reached >= ALL_IDS.upto or not live.count(reached, ALL_IDS.upto) else reached

    def _settle_links(self) -> None:
        deals = Presence(self.conn, DEALS.spec, self.target.writing).live()
        for start in range(0, len(deals), DEALS_A_CALL):
            self._records.settle([str(i) for i in deals.ids[start : start + DEALS_A_CALL]], _LINKED)

    def _checks(self, sweep: Sweep) -> Iterator[Check]:
        stream = self.target.stream
        if stream.sums is None:
            yield Check("records", Decimal(self._count(ALL_IDS)), Decimal(len(self._presence.live())))
            return
        group, amount = stream.sums
        for key, (stored, _) in self._presence.sums(*stream.sums).items():
            if key:
                found = self._total([Filter.eq(group, key)])
                yield Check(f"records with {group} {key}", Decimal(found), Decimal(stored))
        for key, (hubspot, kept) in sweep.compared.sums.items():
            what = f"{amount} with {group} {key or 'none'}, of {sweep.compared.records} records compared"
            yield Check(what, hubspot, kept, is_money=True)

    def _finish(self, state: State, checks: Iterator[Check]) -> None:
        key = (self.conn, self.target.integration.id)
        found = list(checks)
        for check in found:
            if not check.agrees:
                _log.warning(
                    "figures differ company=%s stream=%s what=%r hubspot=%s stored=%s next=%s",
                    self.target.integration.company_id,
                    self.target.stream.name,
                    check.what,
                    check.hubspot,
                    check.stored,
                    '"counts lag while search does; sums are those before the correction"',
                )
        with self.conn.transaction():
            record_checks(*key, self.target.sync_run_id, self.target.stream.name, found)
            save_state(*key, self.target.stream.name, state)
            join_waiting_rows(*key, self.target.sync_run_id)

    def _count(self, interval: IdInterval) -> int:
        bounds = [Filter.gt("hs_object_id", str(interval.after))]
        if interval.upto != ALL_IDS.upto:
            bounds.append(Filter.lte("hs_object_id", str(interval.upto)))
        return self._total(bounds)

    def _total(self, filters: Sequence[Filter]) -> int:
        query = SearchQuery(filters=tuple(filters), limit=1)
        return self.client.objects.search_page(self.target.stream.object_type, query).total

    @cached_property
    def _presence(self) -> Presence:
        return Presence(self.conn, self.target.stream.spec, self.target.writing)

    @cached_property
    def _catalogue(self) -> Catalogue:
        integration = self.target.integration
        cache = PortalCache(self.conn, self.client, integration.id)
        return catalogue(self.client, self.conn, integration, self.target.stream.object_type, cache, goes_on=False)

    @cached_property
    def _builder(self) -> RowBuilder:
        target = self.target
        return stored_row_builder(self.conn, target.integration, target.stream, self._catalogue.clock_like)

    @cached_property
    def _landing(self) -> Landing:
        return Landing(self.conn, self.target, self._builder)

    @cached_property
    def _records(self) -> DealSide:
        return DealSide(self.client, self.conn, self.target, self._landing, self._catalogue.names)

    @cached_property
    def _departures(self) -> Departures:
        return Departures(self.client, self.conn, self.target, self._records)


def _two(live: LiveIds) -> list[IdInterval]:
    """Cut all ids in two at a record chosen by chance, so that what hides from one night shows in another."""
    cut = random.choice(live.ids)  # noqa: S311 - not for secrets
    return split(live, ALL_IDS, 1) if cut >= ALL_IDS.upto else [IdInterval(0, cut), IdInterval(cut, ALL_IDS.upto)]
