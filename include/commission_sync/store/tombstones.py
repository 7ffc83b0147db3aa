"""Marks records that are no longer alive in HubSpot, and takes the mark off those that are again.

Each mark stands on positive evidence that the caller has: a listing that shows the record archived, a survivor that
names it, an answer that says it is gone. Rows are never deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from commission_sync.store.audit import Correction, record_corrections
from commission_sync.store.merge import take_turn
from commission_sync.store.table import TableSpec, Writing


@dataclass(frozen=True)
class Archived:
    """A record that is not alive: since when, whether it can still come back, and how that is known."""

    at: datetime
    why: str
    purged: bool = False
    # When what it rests on was asked for, by the database's clock; a row written since knows better.
    read_at: datetime | None = None


@dataclass(frozen=True)
class Moved:
    """What a merge moved from the loser to the survivor, by table; `kept` rows wait for a person."""

    loser: str
    survivor: str
    moved: Mapping[str, int]
    kept: Mapping[str, int]


_ARCHIVE = """
WITH wanted AS (
    SELECT * FROM unnest(%(ids)s::text[], %(ats)s::timestamptz[], %(purged)s::boolean[], %(read_ats)s::timestamptz[])
        AS w (crm_id, at, purged, read_at)
), written AS (
    UPDATE {table} d SET archived_at = coalesce(d.archived_at, w.at), synced_at = now(),
        purged_at = CASE WHEN w.purged THEN now() ELSE d.purged_at END
    FROM wanted w
    WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.crm_id = w.crm_id {own_rows}
      AND (d.archived_at IS NULL OR (w.purged AND d.purged_at IS NULL))
      AND (w.read_at IS NULL OR d.synced_at <= w.read_at)
    RETURNING d.crm_id
)
SELECT DISTINCT crm_id FROM written
"""

_RESTORE = """
WITH written AS (
    UPDATE {table} d SET archived_at = NULL, merged_into_crm_id = NULL, purged_at = NULL, synced_at = now()
    WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.crm_id = ANY (%(ids)s) {own_rows}
      AND d.archived_at IS NOT NULL
    RETURNING d.crm_id
)
SELECT DISTINCT crm_id FROM written
"""

_NEWER = """
SELECT DISTINCT d.crm_id FROM {table} d
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.crm_id = ANY (%(ids)s) AND d.synced_at > %(read_at)s
"""

_MERGE = """
UPDATE {table} d SET merged_into_crm_id = %(survivor)s, archived_at = coalesce(d.archived_at, now()), synced_at = now()
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.crm_id = %(loser)s
  AND d.merged_into_crm_id IS DISTINCT FROM %(survivor)s
  AND EXISTS (SELECT FROM {table} d WHERE d.integration_id = %(integration_id)s AND {of_type}
              AND d.crm_id = %(survivor)s)
"""

_KNOWN_MERGES = """
SELECT DISTINCT d.crm_id, d.merged_into_crm_id FROM {table} d
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.merged_into_crm_id IS NOT NULL
"""

# Read before the update: its RETURNING would show the new value only.
_MERGED_INTO = """
SELECT merged_into_crm_id FROM {table} d
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.crm_id = %(loser)s
"""

_MOVE = """
SELECT m.referencing, m.moved, m.kept
FROM deals a JOIN deals b ON b.integration_id = a.integration_id AND b.crm_id = %(survivor)s,
    LATERAL move_deal_references(a.id, b.id) m
WHERE a.integration_id = %(integration_id)s AND a.crm_id = %(loser)s
"""

_MERGES = """
SELECT DISTINCT d.crm_id, d.{document} ->> 'hs_merged_object_ids' FROM {table} d
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.{document} ->> 'hs_merged_object_ids' <> ''
"""


class Tombstones:
    """The marks of one table's records, for one company; each method is called in a transaction."""

    def __init__(self, conn: psycopg.Connection, spec: TableSpec, writing: Writing) -> None:
        self._conn = conn
        self._spec = spec
        self._writing = writing
        self._names = {
            "table": sql.Identifier(spec.table),
            "document": sql.Identifier(spec.document),
            "of_type": sql.SQL("true" if spec.type is None else "d.type = %(type)s"),
            "own_rows": spec.own_rows,
        }

    def archive(self, found: Mapping[str, Archived]) -> int:
        """Mark the records that are not marked yet nor written since they were read; return how many they were."""
        if not found:
            return 0
        self._turn()
        marks = list(found.values())
        values = {"ids": list(found), "ats": [m.at for m in marks], "purged": [m.purged for m in marks]}
        values["read_ats"] = [m.read_at for m in marks]
        written = [str(row[0]) for row in self._execute(_ARCHIVE, **values)]
        self._audit(
            Correction(i, "purge" if found[i].purged else "archive", {"archived_at": [None, found[i].at]}, found[i].why)
            for i in written
        )
        return len(written)

    def restore(self, crm_ids: Collection[str], why: str) -> int:
        """Take the mark off records that are alive, and return how many had one."""
        if not crm_ids:
            return 0
        self._turn()
        written = [str(row[0]) for row in self._execute(_RESTORE, ids=list(crm_ids))]
        self._audit(Correction(i, "restore", {}, why) for i in written)
        return len(written)

    def newer_than(self, read_at: datetime, crm_ids: Collection[str]) -> set[str]:
        """Return those records that were written after `read_at`; until the transaction ends no others will be."""
        self._turn()
        return {str(row[0]) for row in self._execute(_NEWER, read_at=read_at, ids=list(crm_ids))}

    def merges(self) -> dict[str, str]:
        """Return, for every record that some stored survivor names, that survivor."""
        rows = self._execute(_MERGES).fetchall()
        return {loser: str(survivor) for survivor, losers in rows for loser in merged_ids(str(losers))}

    def merge(self, survivors: Mapping[str, str], why: str) -> list[Moved]:
        """Mark each loser as merged into its survivor and move what references it; return what that changed.

        Merges that are known already change nothing. A survivor that was merged itself, now or before, is followed to
        the last one. A survivor has to have a row.
        """
        if not survivors:
            return []
        self._turn()
        known = {str(loser): str(survivor) for loser, survivor in self._execute(_KNOWN_MERGES)}
        chain = {**known, **survivors}
        done = []
        for loser in sorted(chain, key=int):
            survivor = last_survivor(loser, chain)
            if (moved := self._merge_one(loser, survivor, why)) is not None:
                done.append(moved)
        return done

    def _merge_one(self, loser: str, survivor: str, why: str) -> Moved | None:
        values = {"loser": loser, "survivor": survivor}
        before = self._execute(_MERGED_INTO, **values).fetchone()
        if before is None or before[0] == survivor or not self._execute(_MERGE, **values).rowcount:
            return None
        moved = self._execute(_MOVE, **values).fetchall() if self._spec.table == "deals" else []
        result = Moved(
            loser,
            survivor,
            {str(table): int(str(n)) for table, n, _ in moved if n},
            {str(table): int(str(n)) for table, _, n in moved if n},
        )
        changes = {"merged_into_crm_id": [before[0], survivor], "moved": result.moved, "kept": result.kept}
        self._audit([Correction(loser, "merge", changes, why)])
        return result

    def _turn(self) -> None:
        take_turn(self._conn, self._writing.integration_id, self._spec.table)

    def _audit(self, corrections: Iterable[Correction]) -> None:
        record_corrections(self._conn, self._spec, self._writing, list(corrections))

    def _execute(self, template: str, **values: object) -> psycopg.Cursor[tuple[object, ...]]:
        statement = sql.SQL(template).format(**self._names)
        return self._conn.execute(statement, {**self._writing.parameters(self._spec), **values})


def merged_ids(value: str | None) -> list[str]:
    """Return the ids in HubSpot's `hs_merged_object_ids`, which separates them by semicolons."""
    return [part.strip() for part in (value or "").split(";") if part.strip().isdigit()]


def last_survivor(crm_id: str, survivors: Mapping[str, str]) -> str:
    """Follow a chain of merges to its end; a ring, which cannot be, ends where it would close."""
    seen = {crm_id}
    while (following := survivors.get(crm_id)) is not None and following not in seen:
        seen.add(following)
        crm_id = following
    return crm_id
