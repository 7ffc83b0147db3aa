"""What has to be true of HubSpot, once everything has settled and at every moment before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from commissions import NAMES, WriteBack
from writeback_chaos.memory import Memory

PORTAL = 1001
AMOUNT, STATUS = "commission_amount", "commission_status"

_PROBLEMS = """
SELECT d.crm_id, w.crm_id, p.state, w.kind, p.conflict, p.last_error
FROM writeback_problems p
JOIN (SELECT w.id, w.crm_id, l.kind FROM commission_writebacks w JOIN writeback_plans l ON l.id = w.plan_id) w
  ON w.id = p.id
JOIN deals d ON d.id = p.deal_id
"""
_REVIEWED = "SELECT d.crm_id FROM commission_reviews r JOIN deals d ON d.id = r.deal_id WHERE r.state = 'open'"
_ATTEMPTED = "SELECT crm_id, merged_from_crm_id, properties FROM commission_writebacks WHERE attempted_at IS NOT NULL"
_UNASKED = """
SELECT w.crm_id, p.run_id FROM commission_writebacks w JOIN writeback_plans p ON p.id = w.plan_id
WHERE w.attempted_at > p.created_at AND p.approval_reason IS NOT NULL
  AND (p.decided_by IS NULL OR p.state IN ('rejected', 'dry_run'))
"""
_REVIEWED_AND_WRITTEN = """
SELECT d.crm_id, p.run_id FROM commission_reviews r JOIN deals d ON d.id = r.deal_id
JOIN commission_writebacks w ON w.deal_id = r.deal_id JOIN writeback_plans p ON p.id = w.plan_id
WHERE w.state = 'sent' AND w.attempted_at > r.opened_at AND w.sent_at < coalesce(r.decided_at, 'infinity')
  -- A merge brings the loser's reviews to the survivor, which was written on its own account.
  AND NOT EXISTS (SELECT FROM deals l WHERE l.integration_id = d.integration_id AND l.merged_into_crm_id = d.crm_id)
"""
_UNDONE = """
SELECT d.crm_id, p.run_id, w.properties FROM commission_writebacks w
JOIN writeback_plans p ON p.id = w.plan_id JOIN deals d ON d.id = w.deal_id
WHERE p.kind = 'undo' AND w.state = 'sent'
"""


@dataclass(frozen=True)
class Wrong:
    """Something that must not be; `key` tells it from others of its kind."""

    kind: str
    deal: str
    said: str

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.kind, self.deal, self.said)


class Checks:
    """Reads HubSpot's truth, the database and the driver's memory, and compares."""

    def __init__(self, back: WriteBack, memory: Memory) -> None:
        self._back = back
        self._memory = memory

    def always(self) -> Iterator[Wrong]:
        """Yield what was wrong at any moment so far."""
        admin = self._back.world.emulator.admin
        self._into = admin.truth_merged(PORTAL)
        self._histories = {name: admin.truth_history(PORTAL, name) for name in NAMES}
        yield from self._unplanned()
        yield from self._overwritten()
        for crm_id, run_id in self._back.world.query(_UNASKED):
            yield Wrong("written without an approval", crm_id, f"by run {run_id}")
        for crm_id, run_id in self._back.world.query(_REVIEWED_AND_WRITTEN):
            yield Wrong("written under an open review", crm_id, f"by run {run_id}")

    def settled(self) -> Iterator[Wrong]:
        """Yield the deals that do not have what they should, with nothing and nobody that says why; after `always`."""
        records = {r["id"]: r["properties"] for r in self._back.world.emulator.admin.truth(PORTAL)}
        named, reviewed = self._named(), {row[0] for row in self._back.world.query(_REVIEWED)}
        undone = self._undone()
        for deal, wanted in self._back.in_table().items():
            record = self._survivor(deal)
            if record not in records:
                continue
            now = tuple(records[record].get(name) or "" for name in NAMES)
            differing = [n for n, a, b in zip(NAMES, now, wanted, strict=True) if not _same(a, b)]
            if not differing:
                continue
            if deal in named or record in named or deal in reviewed:
                yield from self._false_conflict(deal, record, named.get(deal) or named.get(record) or [], records)
                continue
            if self._is_let_go(deal) or self._is_undone(deal, record, records[record], undone):
                continue
            # A row is written as a whole or not at all.
            if any(self._may_stand(record, name) for name in NAMES):
                continue
            yield Wrong("wrong commission", deal, f"{', '.join(differing)}: HubSpot has {now}, the table {wanted}")

    def story(self, deal: str) -> list[str]:
        """Return what happened to a deal: its histories and its rows."""
        family = self._family(self._survivor(deal)) | {deal}
        told = [
            f"  {record} {name}: "
            + " -> ".join(f"{e['value']!r} ({e['sourceType'][:3]} {e['timestamp'][11:]})" for e in h[record])
            for name, h in self._histories.items()
            for record in sorted(family)
            if record in h
        ]
        rows = self._back.world.query(
            "SELECT p.run_id, p.kind, p.state, w.state, w.unanswered, w.properties->>'commission_amount', "
            "w.before->>'commission_amount', w.observed->>'commission_amount', w.stored->>'commission_amount', "
            "w.last_error, w.resolution, w.superseded_at IS NOT NULL, w.attempted_at::time(3)::text, w.settled_at::time(3)::text "
            "FROM commission_writebacks w JOIN writeback_plans p ON p.id = w.plan_id "
            "JOIN deals d ON d.id = w.deal_id WHERE d.crm_id = ANY (%s) ORDER BY w.created_at DESC LIMIT 12",
            sorted(family),
        )
        head = "  (run, kind, plan, state, unanswered, wants, before, observed, stored, error, word, superseded, tried, settled)"
        return [*told, head, *(f"  {row}" for row in reversed(rows))]

    def written(self) -> int:
        """Return how often we have written anything to a commission property."""
        admin = self._back.world.emulator.admin
        histories = (admin.truth_history(PORTAL, name) for name in NAMES)
        return sum(e["sourceType"] != "CRM_UI" for h in histories for entries in h.values() for e in entries)

    def _unplanned(self) -> Iterator[Wrong]:
        planned: dict[tuple[str, str], set[str]] = defaultdict(set)
        for crm_id, merged_from, properties in self._back.world.query(_ATTEMPTED):
            for name, value in properties.items():
                for record in filter(None, (crm_id, merged_from)):
                    planned[self._survivor(record), name].add(value)
        for name, histories in self._histories.items():
            for record, entries in histories.items():
                allowed = planned[self._survivor(record), name] | self._peoples(record, name)
                for entry in entries:
                    if entry["sourceType"] != "CRM_UI" and not any(_same(entry["value"], v) for v in allowed):
                        yield Wrong("written by no plan", record, f"{name} = {entry['value']} at {entry['timestamp']}")

    def _overwritten(self) -> Iterator[Wrong]:
        for (record, name), edits in self._memory.edits.items():
            number, last = 0, None
            for entry in self._histories[name].get(record, ()):
                if entry["sourceType"] == "CRM_UI":
                    last, number = edits[number], number + 1
                elif last is not None:
                    if not last.may_go and not _same(last.value, entry["value"]):
                        said = f"{name}: {last.value!r} of a person was overwritten with {entry['value']!r}"
                        yield Wrong("a person's edit was overwritten", record, f"{said} at {entry['timestamp']}")
                    last = None

    def _named(self) -> dict[str, list[Any]]:
        named: dict[str, list[Any]] = defaultdict(list)
        for deal, record, *problem in self._back.world.query(_PROBLEMS):
            for crm_id in {deal, record}:
                named[crm_id].append(problem)
        return named

    def _false_conflict(
        self, deal: str, record: str, problems: list[Any], records: dict[str, dict[str, Any]]
    ) -> Iterator[Wrong]:
        if len(self._family(record)) > 1:
            return
        for state, kind, conflict, _ in problems:
            contested = [c["property"] for c in conflict or ()] if state == "conflict" and kind == "write" else []
            if contested and not any(self._is_a_persons(record, name) for name in contested):
                had = {name: records[record].get(name) for name in contested}
                yield Wrong("our own value taken for a person's", deal, f"{had} is held as a conflict")

    def _is_a_persons(self, record: str, name: str) -> bool:
        entries = self._histories[name].get(record)
        return bool(entries) and entries[-1]["sourceType"] == "CRM_UI"

    def _may_stand(self, record: str, name: str) -> bool:
        edits = self._memory.edits.get((record, name))
        if self._is_a_persons(record, name) and edits:
            return edits[-1].may_stand
        # A merge into a third record carries values over, and no history.
        family = self._family(record)
        return len(family) > 1 and any(e.may_stand for r in family for e in self._memory.edits.get((r, name), ()))

    def _is_let_go(self, deal: str) -> bool:
        return self._memory.let_go.get(deal) == self._memory.versions[deal]

    def _undone(self) -> dict[str, list[tuple[str, Any]]]:
        undone: dict[str, list[tuple[str, Any]]] = defaultdict(list)
        for deal, run_id, properties in self._back.world.query(_UNDONE):
            undone[deal].append((run_id, properties))
        return undone

    def _is_undone(self, deal: str, record: str, now: dict[str, Any], undone: dict[str, list[tuple[str, Any]]]) -> bool:
        for run_id, properties in undone.get(deal, ()):
            if self._memory.undone[run_id][deal] == self._memory.versions[deal] and all(
                _same(now.get(name) or "", value) or self._is_a_persons(record, name)
                for name, value in properties.items()
            ):
                return True
        return False

    def _peoples(self, record: str, name: str) -> set[str]:
        family = self._family(self._survivor(record))
        return {e.value for r in family for e in self._memory.edits.get((r, name), ())}

    def _family(self, survivor: str) -> set[str]:
        return {survivor, *(gone for gone, into in self._into.items() if into == survivor)}

    def _survivor(self, record: str) -> str:
        return self._into.get(record, record)


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(value: str) -> str:
    # HubSpot has the date as a day or as the milliseconds of its midnight.
    if value.isdigit() and len(value) == 13:
        return datetime.fromtimestamp(int(value) / 1000, UTC).date().isoformat()
    return value
