"""Which records hang on which deals: the stored set becomes the set that HubSpot was read to have, both ways.

A record on one deal (a line item) has one row, whose deal changes. A record on several (an activity) has a row for each
deal, or one row without a deal; a row whose link is gone stays, with detached_at and archived_at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from commission_sync.store.audit import Correction, record_corrections
from commission_sync.store.merge import take_turn
from commission_sync.store.table import Cardinality, TableSpec, Writing

Deals = frozenset[str]


@dataclass(frozen=True)
class _Stored:
    """The deals that a record hangs on; those in `frozen` are archived, so HubSpot says nothing of their links."""

    deals: Deals
    frozen: Deals


_CURRENT = """
SELECT d.crm_id, d.deal_crm_id, l.archived_at IS NOT NULL AND l.merged_into_crm_id IS NULL
FROM {table} d LEFT JOIN deals l ON l.id = d.deal_id
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.crm_id = ANY (%(crm_ids)s) AND d.detached_at IS NULL
UNION ALL
SELECT DISTINCT d.crm_id, NULL, false FROM {table} d
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.crm_id = ANY (%(crm_ids)s)
  AND d.detached_at IS NOT NULL
"""

_NEWER = """
SELECT DISTINCT d.crm_id FROM {table} d
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.crm_id = ANY (%(crm_ids)s) AND d.synced_at > %(read_at)s
"""

_ON_DEALS = """
SELECT d.crm_id, d.deal_crm_id FROM {table} d
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.deal_crm_id = ANY (%(deals)s) AND d.detached_at IS NULL
"""

# As in the merge, the planner is left no way but from each wanted pair to its row.
_SET_ONE = """
UPDATE {table} d SET deal_crm_id = w.deal_crm_id, deal_id = l.id,
    detached_at = CASE WHEN w.deal_crm_id IS NULL THEN now() END, synced_at = now()
FROM unnest(%(crm_ids)s::text[], %(deals)s::text[]) AS w (crm_id, deal_crm_id)
CROSS JOIN LATERAL (
    SELECT d.ctid AS place FROM {table} d
    WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.crm_id = w.crm_id OFFSET 0
) found
LEFT JOIN deals l ON l.integration_id = %(integration_id)s AND l.crm_id = w.deal_crm_id
WHERE d.ctid = found.place
"""

# A new link is a copy of any row of its record; the record's own archived_at is that of the rows that are still linked.
_ATTACH_MANY = """
INSERT INTO {table} AS d (integration_id, company_id, {type_name} {names}, archived_at, purged_at, deal_crm_id, deal_id)
SELECT o.integration_id, o.company_id, {type_value} {copied}, o.own_archived_at, o.purged_at, w.deal_crm_id, l.id
FROM unnest(%(crm_ids)s::text[], %(deals)s::text[]) AS w (crm_id, deal_crm_id)
CROSS JOIN LATERAL (
    SELECT d.*, CASE WHEN d.detached_at IS NULL THEN d.archived_at END AS own_archived_at FROM {table} d
    WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.crm_id = w.crm_id
    ORDER BY d.detached_at IS NOT NULL LIMIT 1
) o
LEFT JOIN deals l ON l.integration_id = %(integration_id)s AND l.crm_id = w.deal_crm_id
ON CONFLICT ({conflict_key}) DO UPDATE
SET deal_id = excluded.deal_id, detached_at = NULL, archived_at = excluded.archived_at, synced_at = now()
"""

_DETACH_MANY = """
UPDATE {table} d SET detached_at = now(), archived_at = coalesce(d.archived_at, now()), synced_at = now()
FROM unnest(%(crm_ids)s::text[], %(deals)s::text[]) AS w (crm_id, deal_crm_id)
CROSS JOIN LATERAL (
    SELECT d.ctid AS place FROM {table} d
    WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.crm_id = w.crm_id
      AND d.deal_crm_id IS NOT DISTINCT FROM w.deal_crm_id AND d.detached_at IS NULL OFFSET 0
) found
WHERE d.ctid = found.place
"""


class Links:
    """Keeps the links of one table's records, for one company."""

    def __init__(self, conn: psycopg.Connection, spec: TableSpec, writing: Writing) -> None:
        assert spec.on_deals is not None, f"records of {spec.table} do not hang on deals"
        self._conn = conn
        self._spec = spec
        self._writing = writing
        self._parameters = writing.parameters(spec)
        self._names = _statement_parts(spec)

    def of_records(self, read: Mapping[str, Collection[str]], why: str) -> int:
        """Make the deals of each given record those that were read, and return how many records that changed.

        Call it in a transaction. Records that have no row are passed over.
        """
        take_turn(self._conn, self._writing.integration_id, self._spec.table)
        stored = self._current(read)
        return self._settle(stored, {r: frozenset(read[r]) | stored[r].frozen for r in stored}, why)

    def of_deals(self, read: Mapping[str, Collection[str]], why: str, *, read_at: datetime) -> set[str]:
        """Make the records of each given deal those that were read when asked at `read_at`.

        Return the ids that have no row yet or were written since, which are to be read by themselves. Call it in a
        transaction.
        """
        take_turn(self._conn, self._writing.integration_id, self._spec.table)
        found = self._execute(_ON_DEALS, deals=list(read)).fetchall()
        before = {(str(crm_id), str(deal)) for crm_id, deal in found}
        after = {(record, deal) for deal, records in read.items() for record in records}
        touched = {record for record, _ in before ^ after}
        stored = self._current(touched)
        gone, come = before - after, after - before
        wanted = {r: set(current.deals) for r, current in stored.items()}
        for record, deal in gone:
            wanted.get(record, set()).discard(deal)
        for record, deal in ((r, d) for r, d in come if r in stored):
            if self._spec.on_deals is Cardinality.ONE:
                # What a deal was just read to have has left the deal that was not asked.
                wanted[record] &= read.keys()
            wanted[record].add(deal)
        newer = {str(row[0]) for row in self._execute(_NEWER, crm_ids=list(touched), read_at=read_at)}
        self._settle(stored, {r: frozenset(deals) for r, deals in wanted.items() if r not in newer}, why)
        return touched - stored.keys() | newer

    def _current(self, crm_ids: Iterable[str]) -> dict[str, _Stored]:
        deals: dict[str, set[str]] = {}
        frozen: dict[str, set[str]] = {}
        for crm_id, deal, is_frozen in self._execute(_CURRENT, crm_ids=list(crm_ids)):
            own, cold = deals.setdefault(str(crm_id), set()), frozen.setdefault(str(crm_id), set())
            if deal is not None:
                own.add(str(deal))
                cold.update([str(deal)] if is_frozen else [])
        return {r: _Stored(frozenset(deals[r]), frozenset(frozen[r])) for r in deals}

    def _settle(self, stored: Mapping[str, _Stored], wanted: Mapping[str, Deals], why: str) -> int:
        one = self._spec.on_deals is Cardinality.ONE
        chosen = {r: _only_one(stored[r], deals) if one else deals for r, deals in wanted.items()}
        changed = {r: (stored[r].deals, deals) for r, deals in chosen.items() if stored[r].deals != deals}
        if not changed:
            return 0
        if one:
            self._execute(
                _SET_ONE, crm_ids=list(changed), deals=[next(iter(after), None) for _, after in changed.values()]
            )
        else:
            # Attached first: a copy is made of a row that still says whether its record is alive.
            self._change_pairs(_ATTACH_MANY, {r: _pairs(new) - _pairs(old) for r, (old, new) in changed.items()})
            self._change_pairs(_DETACH_MANY, {r: _pairs(old) - _pairs(new) for r, (old, new) in changed.items()})
        corrections = [_correction(r, before, after, why) for r, (before, after) in sorted(changed.items())]
        record_corrections(self._conn, self._spec, self._writing, corrections)
        return len(changed)

    def _change_pairs(self, template: str, pairs: Mapping[str, Iterable[str | None]]) -> None:
        listed = [(record, deal) for record, deals in pairs.items() for deal in deals]
        if listed:
            self._execute(template, crm_ids=[r for r, _ in listed], deals=[d for _, d in listed])

    def _execute(self, template: str, **values: object) -> psycopg.Cursor[tuple[object, ...]]:
        return self._conn.execute(sql.SQL(template).format(**self._names), {**self._parameters, **values})


def _only_one(stored: _Stored, deals: Deals) -> Deals:
    """Return the deal that a record with one row keeps: the present one while it is named, else the lowest id."""
    live = deals - stored.frozen or deals
    kept = stored.deals & live or live
    return frozenset(sorted(kept, key=int)[:1])


def _pairs(deals: Deals) -> set[str | None]:
    """Return what rows a record has: one for each deal, or one without any."""
    return set(deals) if deals else {None}


def _correction(record: str, before: Deals, after: Deals, why: str) -> Correction:
    action = "move" if before and after and not before & after else "attach" if after - before else "detach"
    changes = {"deals": [sorted(before, key=int), sorted(after, key=int)]}
    return Correction(record, action, changes, why)


def _statement_parts(spec: TableSpec) -> dict[str, sql.Composable]:
    comma = sql.SQL(", ")
    names = [sql.Identifier(column.name) for column in spec.columns]
    typed = spec.type is not None
    return {
        "table": sql.Identifier(spec.table),
        "of_type": sql.SQL("d.type = %(type)s" if typed else "true"),
        "type_name": sql.SQL("type," if typed else ""),
        "type_value": sql.SQL("o.type," if typed else ""),
        "names": comma.join(names),
        "copied": comma.join(sql.SQL("o.{}").format(name) for name in names),
        "conflict_key": comma.join(map(sql.Identifier, spec.conflict_key)),
    }
