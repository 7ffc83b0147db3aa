"""Which of a company's records are alive by our own account, to be held against HubSpot's."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql

from commission_sync.store.merge import TableSpec, Writing


@dataclass(frozen=True)
class LiveIds:
    """The ids of all live records, sorted; eight bytes each, so that a million fit anywhere."""

    ids: array[int]

    def count(self, after: int, upto: int) -> int:
        """Return how many lie above `after` up to and including `upto`."""
        return bisect_right(self.ids, upto) - bisect_right(self.ids, after)

    def between(self, after: int, upto: int) -> Sequence[int]:
        """Return those that do."""
        return self.ids[bisect_right(self.ids, after) : bisect_right(self.ids, upto)]

    def alive(self, crm_ids: Iterable[str]) -> list[str]:
        """Return those of the given ids that are among them."""
        return [i for i in crm_ids if self.count(int(i) - 1, int(i))]

    def __len__(self) -> int:
        return len(self.ids)


_LIVE = """
SELECT DISTINCT d.crm_id::bigint FROM {table} d
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.archived_at IS NULL ORDER BY 1
"""

_MARKED = """
SELECT DISTINCT d.crm_id FROM {table} d
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.archived_at IS NOT NULL AND d.purged_at IS NULL
  AND d.merged_into_crm_id IS NULL {own_rows}
"""

# The same version with other content: HubSpot changed a value without moving the modified time.
_SILENT = """
SELECT count(DISTINCT d.crm_id) FROM {table} d
JOIN unnest(%(ids)s::text[], %(versions)s::timestamptz[], %(hashes)s::bytea[]) AS s (crm_id, version, hash)
  ON d.crm_id = s.crm_id
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.crm_updated_at = s.version AND d.content_hash <> s.hash
"""

_SUMS = """
SELECT coalesce(d.{group}, ''), count(*), coalesce(sum(d.{amount}), 0) FROM {table} d
WHERE d.integration_id = %(integration_id)s AND {of_type} AND d.archived_at IS NULL
  AND (%(ids)s::text[] IS NULL OR d.crm_id = ANY (%(ids)s))
GROUP BY 1
"""


class Presence:
    """Questions to one table about one company."""

    def __init__(self, conn: psycopg.Connection, spec: TableSpec, writing: Writing) -> None:
        self._conn = conn
        self._parameters = writing.parameters(spec)
        self._names: dict[str, sql.Composable] = {
            "table": sql.Identifier(spec.table),
            "of_type": sql.SQL("true" if spec.type is None else "d.type = %(type)s"),
            "own_rows": spec.own_rows,
        }

    def live(self) -> LiveIds:
        """Return the ids of all live records."""
        return LiveIds(array("q", (int(row[0]) for row in self._rows(_LIVE))))

    def marked(self) -> list[str]:
        """Return the ids of the records that are marked as archived and might still come back."""
        return [str(row[0]) for row in self._rows(_MARKED)]

    def silent(self, rows: Sequence[tuple[Any, ...]]) -> int:
        """Return how many stored records differ from the given ones although their versions are the same."""
        ids, _, versions, hashes = zip(*(row[:4] for row in rows), strict=True) if rows else ((), (), (), ())
        return int(self._rows(_SILENT, ids=list(ids), versions=list(versions), hashes=list(hashes))[0][0])

    def sums(self, group: str, amount: str, crm_ids: Sequence[str] | None = None) -> dict[str, tuple[int, Decimal]]:
        """Return count and sum of live records by group, of the given ids only or of all."""
        names = {"group": sql.Identifier(group), "amount": sql.Identifier(amount)}
        rows = self._rows(_SUMS, names, ids=None if crm_ids is None else list(crm_ids))
        return {str(key): (int(count), Decimal(total)) for key, count, total in rows}

    def _rows(
        self, template: str, names: dict[str, sql.Identifier] | None = None, **values: object
    ) -> list[tuple[Any, ...]]:
        statement = sql.SQL(template).format(**self._names, **(names or {}))
        with self._conn.transaction():
            return self._conn.execute(statement, {**self._parameters, **values}).fetchall()
