"""One batch of a plan on its way to HubSpot: read, compare, write, and keep what came of each row.

Nothing is decided without a reading: what may have been written, by whichever plan, stays so until its record was read.
Right before each request the batch proves that the plan is still its own and that its reading is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import psycopg

from airflow_hubspot.client import Change, HubSpotClient, NotFound, Unavailable
from commission_sync.store.plan_lease import Lease, Leave, Sending, database_time, forget_landed, note_sends
from commission_sync.store.writebacks import Outcome, PendingRow, keep_facts, settle_rows, taken_records
from commission_sync.writeback.answered import answered
from commission_sync.writeback.company import ConflictPolicy
from commission_sync.writeback.conflicts import contested_by, in_words
from commission_sync.writeback.difference import compare, has_landed
from commission_sync.writeback.permission import PlanNotOpen
from commission_sync.writeback.properties import OBJECT_TYPE, Layout, Unwritable
from commission_sync.writeback.sending import Refused, send
from commission_sync.writeback.target import MODIFIED, Target, outcome

# Somebody who keeps us waiting for a limit that long would do so again.
_READINGS = 5


class ReadAgain(RuntimeError):
    """The reading is too old to send anything on it, or its rows were settled meanwhile."""


@dataclass
class Batch:
    """Up to 100 rows on their way; `left` are those whose outcome is not known yet.

    :param permit: raises where the company does not want the plan to be applied any more; in the caller's transaction
    """

    client: HubSpotClient
    conn: psycopg.Connection
    integration_id: UUID
    layout: Layout
    policy: ConflictPolicy
    lease: Lease
    permit: Callable[[], object] = lambda: None
    left: dict[UUID, PendingRow] = field(default_factory=dict)
    _read_at: datetime | None = None
    # Rows that this batch has sent itself, and has no answer for.
    _sent: set[UUID] = field(default_factory=set)

    def run(self) -> None:
        """Go through all that is left, from reading to writing; may be called again after an error.

        :raises PlanNotOpen: when another process has the plan, or the company does not want it any more
        """
        for _ in range(_READINGS):
            try:
                self._go()
            except ReadAgain:
                continue
            return
        raise Unavailable(f"HubSpot could not be written to within a minute after reading, {_READINGS} times in a row")

    def _go(self) -> None:
        self._settle(
            [self._outdated(row) for row in self.left.values() if self._is_outdated(row) and not _is_maybe(row)]
        )
        if not self.left:
            return
        with self.conn.transaction():
            self._read_at = database_time(self.conn)
        targets = self._located()
        self._look_back(targets)
        for target in targets:
            target.comparison = compare(self.layout, target.row, target.now)
        self._settle([o for t in targets if (o := self._found(t)) is not None])
        targets = [t for t in targets if t.row.id in self.left]
        conflicts = self._conflicts([t for t in targets if t.comparison.contested])
        if self.policy is not ConflictPolicy.OURS:
            self._settle([replace(o, state=self._lost_state(o)) for o in conflicts.values()])
        self._write([t for t in targets if t.row.id in self.left], conflicts)

    def _is_outdated(self, row: PendingRow) -> bool:
        """Whether a row's commission is no longer what was planned."""
        if row.is_undo:
            return False
        try:
            wanted = self.layout.wanted(row.commission) if row.commission else None
        except Unwritable:
            wanted = None
        return wanted != row.properties

    def _outdated(self, row: PendingRow) -> Outcome:
        error = "the commission changed after the plan; the next plan has it"
        return Outcome(row.id, "skipped", row.crm_id, error=error)

    def _look_back(self, targets: Sequence[Target]) -> None:
        """Keep what the reading tells of earlier sends, of this plan or any other, to the same records."""
        landed = [fact for target in targets if (fact := self._landed(target)) is not None]
        assert self._read_at is not None
        with self.conn.transaction():
            keep_facts(self.conn, landed)
            forget_landed(self.conn, [t.row.id for t in targets], self._read_at)

    def _landed(self, target: Target) -> Outcome | None:
        """Return that an earlier send landed; of several with the same values the last, unless it is this row's own."""
        there = [m for m in target.row.maybes if has_landed(self.layout, m.values, target.now)]
        is_own = target.row.id in self._sent or any(m.id == target.row.id for m in there)
        if not there or is_own:
            return None
        sent = replace(outcome(target, "sent"), id=there[-1].id, observed=None, stored=target.now)
        return replace(sent, is_reread=True, is_fact=True, is_known=True)

    def _found(self, target: Target) -> Outcome | None:
        """Return the outcome of a row that HubSpot has, or whose commission has changed; None for one to write."""
        row = target.row
        mine = [m.values for m in row.maybes if m.id == row.id]
        has_mine = (row.was_tried or row.id in self._sent) and (
            not target.comparison.to_write or any(has_landed(self.layout, values, target.now) for values in mine)
        )
        if has_mine and (not target.comparison.to_write or self._is_outdated(row)):
            # An earlier try wrote it, and its answer was lost.
            sent = outcome(target, "sent")
            return replace(sent, observed=None, stored=target.now, is_reread=True, is_fact=True, is_known=True)
        if self._is_outdated(row):
            return replace(self._outdated(row), crm_id=target.record["id"])
        if not target.comparison.to_write:
            return replace(outcome(target, "skipped", error="HubSpot has it already"), stored=target.now)
        return None

    def _located(self) -> list[Target]:
        """Read every row's record, following merges; a row that has none, or shares it, fails."""
        rows = list(self.left.values())
        names = [*self.layout.by_name, MODIFIED]
        by_id = {r["id"]: r for r in self.client.objects.batch_read(OBJECT_TYPE, _ids(rows), names).results}
        targets = [Target(row, by_id[row.crm_id]) for row in rows if row.crm_id in by_id]
        absent = [row for row in rows if row.crm_id not in by_id]
        targets += [t for row in absent if (t := self._followed(row, names)) is not None]
        return self._alone(targets)

    def _followed(self, row: PendingRow, names: Sequence[str]) -> Target | None:
        gone = f"HubSpot has no deal {row.crm_id}"
        if row.is_archived:
            self._fail(row, f"{gone}: it is in the recycle bin")
            return None
        try:
            return Target(row, self.client.objects.get(OBJECT_TYPE, row.crm_id, names))
        except NotFound as error:
            self._fail(row, f"{gone}: {error.message}", error.correlation_id)
            return None

    def _alone(self, targets: list[Target]) -> list[Target]:
        moved = [t.record["id"] for t in targets if t.record["id"] != t.row.crm_id]
        if not moved:
            return targets
        with self.conn.transaction():
            taken = taken_records(self.conn, self.integration_id, moved)
        kept = []
        for target in targets:
            survivor, row = target.record["id"], target.row
            if survivor != row.crm_id and (survivor in taken or moved.count(survivor) > 1):
                self._fail(row, f"merged into deal {survivor}, which has another commission; decide which one counts")
            else:
                kept.append(target)
        return kept

    def _conflicts(self, contested: Sequence[Target]) -> dict[UUID, Outcome]:
        if not contested:
            return {}
        who = contested_by(self.client, {t.record["id"]: t.comparison.contested for t in contested})
        found = {}
        for target in contested:
            conflict = who.get(target.record["id"], [])
            error = in_words(conflict) or f"changed in HubSpot: {', '.join(target.comparison.contested)}"
            found[target.row.id] = replace(outcome(target, "conflict", error=error), conflict=conflict)
        return found

    def _lost_state(self, conflict: Outcome) -> str:
        is_undo = self.left[conflict.id].is_undo
        return "skipped" if self.policy is ConflictPolicy.THEIRS and not is_undo else "conflict"

    def _write(self, targets: Sequence[Target], conflicts: dict[UUID, Outcome]) -> None:
        by_record = {t.record["id"]: t for t in targets}
        changes: list[Change] = [
            {"id": crm_id, "properties": {name: t.row.properties[name] for name in t.comparison.to_write}}
            for crm_id, t in by_record.items()
        ]
        if not changes:
            return
        for sent in send(self.client, changes, lambda some: self._permitted(by_record, some)):
            if isinstance(sent, Refused):
                target, error = by_record[sent.change["id"]], sent.error
                why = f"{error.message} ({error.hint})" if error.hint else error.message
                self._fail(target.row, why, error.correlation_id, is_known=not target.row.was_tried)
            else:
                self._settle(answered(sent, by_record, conflicts))
        if self.left:
            # An answer that tells neither success nor failure of a row is as good as lost.
            raise Unavailable(f"HubSpot's answers left out {len(self.left)} of {len(changes)} deals")

    def _permitted(self, by_record: dict[str, Target], changes: Sequence[Change]) -> None:
        """Note that changes are sent; run right before each request.

        :raises PlanNotOpen: when another process has the plan, or the company does not want it any more
        :raises ReadAgain: when the reading has become too old
        """
        targets = [(by_record[change["id"]], change) for change in changes]
        sendings = [Sending(t.row.id, change["properties"], t.now) for t, change in targets]
        assert self._read_at is not None
        with self.conn.transaction():
            self.permit()
            leave = note_sends(self.conn, self.lease, sendings, self._read_at)
        if leave is Leave.LOST:
            raise PlanNotOpen("another process has taken the plan over, or it has ended, so nothing more was written")
        if leave is Leave.READ_AGAIN:
            raise ReadAgain
        self._sent |= {t.row.id for t, _ in targets}

    def _fail(self, row: PendingRow, why: str, correlation_id: str | None = None, *, is_known: bool = False) -> None:
        self._settle(
            [Outcome(row.id, "failed", row.crm_id, error=why, correlation_id=correlation_id, is_known=is_known)]
        )

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        if not outcomes:
            return
        with self.conn.transaction():
            late = settle_rows(self.conn, self.lease, outcomes)
        for one in outcomes:
            self.left.pop(one.id, None)
        if late:
            raise PlanNotOpen(
                f"another process has taken the plan over, or it has ended: {len(late)} answers were kept, and nothing "
                "more is written"
            )


def _ids(rows: Iterable[PendingRow]) -> list[str]:
    return list(dict.fromkeys(row.crm_id for row in rows))


def _is_maybe(row: PendingRow) -> bool:
    return row.was_tried or bool(row.maybes)
