"""One batch of a plan on its way to HubSpot: read, compare three ways, write, and keep what came of each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import psycopg

from airflow_hubspot.client import BatchWrite, Change, HubSpotClient, NotFound, Record, Unavailable
from commission_sync.store.commissions import Values
from commission_sync.store.writebacks import Outcome, PendingRow, settle_rows, taken_records
from commission_sync.streams.values import instant
from commission_sync.writeback.company import ConflictPolicy
from commission_sync.writeback.conflicts import contested_by, in_words
from commission_sync.writeback.difference import Comparison, compare
from commission_sync.writeback.properties import OBJECT_TYPE, Layout, Unwritable
from commission_sync.writeback.sending import Refused, Sent, send

MODIFIED = "hs_lastmodifieddate"


@dataclass
class _Target:
    """A row and the record that it goes to, as HubSpot has that now."""

    row: PendingRow
    record: Record
    comparison: Comparison = field(default_factory=lambda: Comparison((), ()))

    @property
    def now(self) -> Values:
        return {name: self.record["properties"].get(name) for name in self.row.properties}


@dataclass
class Batch:
    """Up to 100 rows on their way; `left` are those whose outcome is not known yet."""

    client: HubSpotClient
    conn: psycopg.Connection
    integration_id: UUID
    layout: Layout
    policy: ConflictPolicy
    left: dict[UUID, PendingRow] = field(default_factory=dict)
    # What HubSpot had before the write of a row whose answer may be outstanding.
    _sent: dict[UUID, Values] = field(default_factory=dict)

    def run(self) -> None:
        """Go through all that is left, from reading to writing; may be called again after an error."""
        self._settle([o for row in self.left.values() if (o := self._outdated(row)) is not None])
        if not self.left:
            return
        targets = self._located()
        for target in targets:
            target.comparison = compare(self.layout, target.row, target.now)
        self._settle([self._unchanged(t) for t in targets if not t.comparison.to_write])
        contested = [t for t in targets if t.comparison.contested]
        conflicts = self._conflicts(contested)
        if self.policy is not ConflictPolicy.OURS:
            self._settle([replace(o, state=self._lost_state(o)) for o in conflicts.values()])
        self._write([t for t in targets if t.row.id in self.left], conflicts)

    def _outdated(self, row: PendingRow) -> Outcome | None:
        """Return the outcome of a row whose commission is no longer what was planned."""
        if row.is_undo:
            return None
        try:
            wanted = self.layout.wanted(row.commission) if row.commission else None
        except Unwritable:
            wanted = None
        if wanted == row.properties:
            return None
        return Outcome(
            row.id, "skipped", row.crm_id, error="the commission changed after the plan; the next plan has it"
        )

    def _located(self) -> list[_Target]:
        """Read every row's record, following merges; a row that has none, or shares it, fails."""
        rows = list(self.left.values())
        names = [*self.layout.by_name, MODIFIED]
        by_id = {r["id"]: r for r in self.client.objects.batch_read(OBJECT_TYPE, _ids(rows), names).results}
        targets = [_Target(row, by_id[row.crm_id]) for row in rows if row.crm_id in by_id]
        absent = [row for row in rows if row.crm_id not in by_id]
        targets += [t for row in absent if (t := self._followed(row, names)) is not None]
        return self._alone(targets)

    def _followed(self, row: PendingRow, names: Sequence[str]) -> _Target | None:
        gone = f"HubSpot has no deal {row.crm_id}"
        if row.is_archived:
            self._fail(row, f"{gone}: it is in the recycle bin")
            return None
        try:
            return _Target(row, self.client.objects.get(OBJECT_TYPE, row.crm_id, names))
        except NotFound as error:
            self._fail(row, f"{gone}: {error.message}", error.correlation_id)
            return None

    def _alone(self, targets: list[_Target]) -> list[_Target]:
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

    def _unchanged(self, target: _Target) -> Outcome:
        if not target.row.was_tried and target.row.id not in self._sent:
            return replace(_outcome(target, "skipped", error="HubSpot has it already"), stored=target.now)
        # An earlier try wrote it, and its answer was lost.
        before = self._sent.get(target.row.id)
        return replace(_outcome(target, "sent"), observed=before, stored=target.now, is_reread=True)

    def _conflicts(self, contested: Sequence[_Target]) -> dict[UUID, Outcome]:
        if not contested:
            return {}
        who = contested_by(self.client, {t.record["id"]: t.comparison.contested for t in contested})
        found = {}
        for target in contested:
            conflict = who.get(target.record["id"], [])
            error = in_words(conflict) or f"changed in HubSpot: {', '.join(target.comparison.contested)}"
            found[target.row.id] = replace(_outcome(target, "conflict", error=error), conflict=conflict)
        return found

    def _lost_state(self, conflict: Outcome) -> str:
        is_undo = self.left[conflict.id].is_undo
        return "skipped" if self.policy is ConflictPolicy.THEIRS and not is_undo else "conflict"

    def _write(self, targets: Sequence[_Target], conflicts: dict[UUID, Outcome]) -> None:
        by_record = {t.record["id"]: t for t in targets}
        changes: list[Change] = [
            {"id": crm_id, "properties": {name: t.row.properties[name] for name in t.comparison.to_write}}
            for crm_id, t in by_record.items()
        ]
        if not changes:
            return
        for target in targets:
            self._sent.setdefault(target.row.id, target.now)
        for sent in send(self.client, changes):
            if isinstance(sent, Refused):
                row = by_record[sent.change["id"]].row
                self._fail(row, sent.error.message, sent.error.correlation_id)
            else:
                self._settle(_answered(sent, by_record, conflicts))
        if self.left:
            # An answer that tells neither success nor failure of a row is as good as lost.
            raise Unavailable(f"HubSpot's answers left out {len(self.left)} of {len(changes)} deals")

    def _fail(self, row: PendingRow, why: str, correlation_id: str | None = None) -> None:
        self._settle([Outcome(row.id, "failed", row.crm_id, error=why, correlation_id=correlation_id)])

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        if not outcomes:
            return
        with self.conn.transaction():
            settle_rows(self.conn, outcomes)
        for outcome in outcomes:
            self.left.pop(outcome.id, None)


def _ids(rows: Iterable[PendingRow]) -> list[str]:
    return list(dict.fromkeys(row.crm_id for row in rows))


def _answered(sent: Sent, by_record: dict[str, _Target], conflicts: dict[UUID, Outcome]) -> list[Outcome]:
    answer = sent.answer
    written = {r["id"]: _written(by_record[r["id"]], r, answer, conflicts) for r in answer.results}
    rest = [change["id"] for change in sent.changes if change["id"] not in written]
    failed = {
        crm_id: Outcome(
            by_record[crm_id].row.id, "failed", crm_id, error=failure.message, correlation_id=answer.correlation_id
        )
        for failure in answer.failures
        # A failure that names no record is that of every one that was not written.
        for crm_id in failure.ids or rest
        if crm_id in rest
    }
    return [*written.values(), *failed.values()]


def _written(target: _Target, record: Record, answer: BatchWrite, conflicts: dict[UUID, Outcome]) -> Outcome:
    overridden = conflicts.get(target.row.id)
    # What the answer tells of is what HubSpot keeps; of a property that it leaves out, verifying has to find out.
    told = all(name in record["properties"] for name in target.comparison.to_write)
    return replace(
        _outcome(target, "sent", record=record),
        stored=dict(target.now) | {n: record["properties"][n] for n in target.comparison.to_write} if told else None,
        correlation_id=answer.correlation_id,
        conflict=overridden.conflict if overridden else None,
        error=overridden.error if overridden else None,
    )


def _outcome(target: _Target, state: str, *, record: Record | None = None, error: str | None = None) -> Outcome:
    seen = record or target.record
    at = instant(seen["properties"].get(MODIFIED) or seen["updatedAt"])
    return Outcome(target.row.id, state, target.record["id"], observed=target.now, at=at, error=error)
