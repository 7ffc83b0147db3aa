"""Works off one company's events: the records that they speak of are read afresh, and the events are settled."""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import psycopg
from pydantic import ValidationError

from airflow_hubspot.client import HubSpotError
from commission_sync.webhooks.claims import Claim, Claimed, Settlement
from commission_sync.webhooks.events import ObjectRef, event_of
from commission_sync.webhooks.lanes import LaneLost, attend
from commission_sync.webhooks.retries import DEATHS_BORNE, ErrorClass, Verdict, concerns_one, judge

# A burst of events about the same objects costs one read of each; HubSpot reads a hundred at once.
CLAIMED_AT_ONCE = 5_000
READ_AT_ONCE = 100
_LONGEST_ERROR = 2_000

_UNREAD = Settlement("ignored", "no stream of the company reads these objects")
_UNREADABLE = Settlement("dead", "the payload is no event that can be understood", "unreadable")
_DEADLY = Settlement("dead", "every worker that began with it ended without a word", ErrorClass.INTERRUPTED)

_log = logging.getLogger(__name__)


class Refresher(Protocol):
    """Reads records afresh and lands them."""

    def handles(self, object_type: str) -> bool:
        """Whether records of this type are kept for the company."""

    def refresh(self, object_type: str, crm_ids: Sequence[str]) -> Mapping[str, str]:
        """Land up to a hundred records as they are now, and return why single ones could not be stored, by id."""


@dataclass
class Tally:
    """What became of events, and how many objects were read for them."""

    claimed: int = 0
    objects: int = 0
    done: int = 0
    ignored: int = 0
    retried: int = 0
    dead: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counters by name."""
        return asdict(self)


class Stopped(Exception):
    """Nothing more can be done at this lane now; `cause` is what HubSpot said, None when the lane was taken away."""

    def __init__(self, cause: BaseException | None) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Drain:
    """Empties a company's lane of what is due.

    :param conn: a connection of this worker's own, autocommit off
    :param worker: who this is, for others who look at the lane
    """

    def __init__(
        self,
        conn: psycopg.Connection,
        integration_id: UUID,
        refresher: Refresher,
        *,
        worker: UUID,
        most_retries: int,
        chance: random.Random | None = None,
    ) -> None:
        self._conn = conn
        self._integration_id = integration_id
        self._refresher = refresher
        self._worker = worker
        self._most_retries = most_retries
        self._chance = chance or random.Random()  # noqa: S311 - jitter
        self.tally = Tally()

    def run(self) -> bool:
        """Work off everything that is due and tell whether anything was.

        :raises Stopped: when it makes no sense to go on; what was claimed is put back.
        """
        before = self.tally.claimed
        while self._attended():
            claim = Claim(self._conn, self._integration_id)
            events = claim.take(CLAIMED_AT_ONCE)
            self.tally.claimed += len(events)
            if not events:
                return self.tally.claimed > before
            self._work(claim, events)
        raise Stopped(None)

    def _attended(self) -> bool:
        return attend(self._conn, self._integration_id, self._worker)

    def _work(self, claim: Claim, events: Sequence[Claimed]) -> None:
        workload = _Workload(self._sorted_out(claim, events))
        try:
            for object_type, ids in workload.batches():
                if not self._attended():
                    raise Stopped(None)
                self._read(claim, workload, object_type, ids)
        except Stopped as stopped:
            self._put_back(claim, stopped)
            raise
        except BaseException:
            claim.release(Settlement("retry", "the worker was stopped", ErrorClass.INTERRUPTED))
            raise

    def _sorted_out(self, claim: Claim, events: Sequence[Claimed]) -> dict[Claimed, frozenset[ObjectRef]]:
        """Return what to read for each event, having settled those that need none."""
        wanted: dict[Claimed, frozenset[ObjectRef]] = {}
        settled: defaultdict[Settlement, list[Claimed]] = defaultdict(list)
        for event in events:
            refs = self._refs(event)
            if refs is None:
                settled[_UNREADABLE].append(event)
            elif event.attempts > self._most_retries + DEATHS_BORNE:
                settled[_DEADLY].append(event)
            elif refs:
                wanted[event] = refs
            else:
                settled[_UNREAD].append(event)
        self.tally.ignored += claim.settle(settled[_UNREAD], _UNREAD)
        self.tally.dead += sum(claim.settle(settled[s], s) for s in (_UNREADABLE, _DEADLY))
        return wanted

    def _refs(self, event: Claimed) -> frozenset[ObjectRef] | None:
        try:
            touched = event_of(event.payload).touched
        except ValidationError:
            return None
        return frozenset(ref for ref in touched if self._refresher.handles(ref.object_type))

    def _read(self, claim: Claim, workload: _Workload, object_type: str, ids: Sequence[int]) -> None:
        refs = [ObjectRef(object_type, i) for i in ids]
        claim.begin(workload.begin(refs))
        try:
            rejected = self._refresher.refresh(object_type, [str(i) for i in ids])
        except LaneLost:
            # What was read may be older than what the other worker wrote: nothing of it counts.
            raise Stopped(None) from None
        except psycopg.OperationalError:
            # The database itself is away; nothing can be settled, and the lease brings the events back.
            raise
        except (HubSpotError, psycopg.Error, ValueError) as error:
            self._failed(claim, workload, refs, error)
            return
        self.tally.objects += len(refs)
        for crm_id, reason in rejected.items():
            settlement = Settlement("dead", reason[:_LONGEST_ERROR], ErrorClass.BAD_DATA)
            failed = workload.fail([ObjectRef(object_type, int(crm_id))])
            self.tally.dead += claim.settle(failed, settlement)
        self.tally.done += claim.settle(workload.finish(refs), Settlement("done"))

    def _failed(self, claim: Claim, workload: _Workload, refs: Sequence[ObjectRef], error: Exception) -> None:
        if concerns_one(error) and len(refs) > 1:
            # One of them makes the call fail for all: halve until it stands alone.
            middle = len(refs) // 2
            for some in (refs[:middle], refs[middle:]):
                self._read(claim, workload, some[0].object_type, [ref.crm_id for ref in some])
            return
        by_tries: defaultdict[int, list[Claimed]] = defaultdict(list)
        for event in workload.fail(refs):
            by_tries[event.attempts].append(event)
        stops = False
        for tries, events in by_tries.items():
            verdict = judge(error, attempt=tries + 1, most_retries=self._most_retries, chance=self._chance)
            settled = claim.settle(events, _settlement(verdict, error))
            stops = stops or verdict.stops
            if verdict.is_dead:
                self.tally.dead += settled
            else:
                self.tally.retried += settled
        if stops:
            raise Stopped(error)

    def _put_back(self, claim: Claim, stopped: Stopped) -> None:
        if stopped.cause is None:
            claim.release(Settlement("retry", "the lane was paused or taken over", ErrorClass.INTERRUPTED))
            return
        verdict = judge(stopped.cause, attempt=1, most_retries=self._most_retries, chance=self._chance)
        self.tally.retried += claim.release(_settlement(verdict, stopped.cause))


class _Workload:
    """Which events wait for which objects to be read."""

    def __init__(self, wanted: Mapping[Claimed, frozenset[ObjectRef]]) -> None:
        self._open = {event: set(refs) for event, refs in wanted.items()}
        self._begun: set[Claimed] = set()
        self._events: defaultdict[ObjectRef, set[Claimed]] = defaultdict(set)
        for event, refs in wanted.items():
            for ref in refs:
                self._events[ref].add(event)

    def batches(self) -> Iterable[tuple[str, list[int]]]:
        """Yield the objects, each once, as many of one type at a time as are read at once."""
        by_type: defaultdict[str, list[int]] = defaultdict(list)
        for ref in sorted(self._events):
            by_type[ref.object_type].append(ref.crm_id)
        for object_type, ids in by_type.items():
            for start in range(0, len(ids), READ_AT_ONCE):
                wanted = [i for i in ids[start : start + READ_AT_ONCE] if self._is_wanted(ObjectRef(object_type, i))]
                if wanted:
                    yield object_type, wanted

    def waiting_for(self, refs: Iterable[ObjectRef]) -> set[Claimed]:
        """Return the events that wait for any of these objects."""
        return {event for ref in refs for event in self._events[ref] if event in self._open}

    def begin(self, refs: Iterable[ObjectRef]) -> set[Claimed]:
        """Note that objects are about to be read, and return the events of which none was before."""
        fresh = self.waiting_for(refs) - self._begun
        self._begun |= fresh
        return fresh

    def finish(self, refs: Iterable[ObjectRef]) -> list[Claimed]:
        """Note that objects were read, and return the events that wait for nothing any more."""
        finished = []
        for read in refs:
            for event in self._events[read] & self._open.keys():
                self._open[event].discard(read)
                if not self._open[event]:
                    finished.append(event)
        for event in finished:
            del self._open[event]
        return finished

    def fail(self, refs: Iterable[ObjectRef]) -> list[Claimed]:
        """Note that objects could not be read, and return the events that waited for them."""
        failed = list(self.waiting_for(refs))
        for event in failed:
            del self._open[event]
        return failed

    def _is_wanted(self, ref: ObjectRef) -> bool:
        return any(event in self._open for event in self._events[ref])


def _settlement(verdict: Verdict, error: BaseException) -> Settlement:
    return Settlement(
        "dead" if verdict.is_dead else "retry",
        f"{type(error).__name__}: {error}"[:_LONGEST_ERROR],
        verdict.error_class,
        verdict.delay or timedelta(0),
        verdict.counts,
        getattr(error, "correlation_id", None),
    )
