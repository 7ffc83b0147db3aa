"""Turns HubSpot records into rows of a stream's table, or into rejects that say why not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from airflow_hubspot.client import Record
from commission_sync.mapping.derive import DealMapping, Derived
from commission_sync.store.mapping_problems import Problem
from commission_sync.store.rejects import Reject
from commission_sync.store.tombstones import merged_ids
from commission_sync.streams.stream import Stream
from commission_sync.streams.values import UnreadableValue, instant

Row = tuple[Any, ...]

# PostgreSQL's text and jsonb cannot hold U+0000 ("Character Types", "JSON Types").
_NUL = "\x00"
_ESCAPED_NUL = b"\\u0000"

# Where a row has what every stream has, in the order of `Stream.spec`; the mapping's two columns come last.
_ID, _VERSION, _DOCUMENT = 0, 2, 4


# HubSpot's name for the records that were merged into one.
_MERGED = "hs_merged_object_ids"


@dataclass
class Batch:
    """Rows to merge, and what else a batch of records gave.

    Besides rows: records that could not become one, fields of rows that have no sound value, and, by the loser's id,
    the survivor of each merge seen.
    """

    rows: list[Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    survivors: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def __iadd__(self, other: Batch) -> Batch:
        self.rows += other.rows
        self.rejects += other.rejects
        self.survivors |= other.survivors
        self.problems += other.problems
        return self

    def add(self, row: Row, derived: Derived | None) -> None:
        """Take a row and what the company's mapping makes of it."""
        if derived is None:
            self.rows.append(row)
            return
        self.rows.append((*row, *derived.documents()))
        self.problems += [Problem(row[_ID], row[_VERSION], name, reason) for name, reason in derived.problems]


@dataclass(frozen=True)
class RowBuilder:
    """Builds rows in the order of `stream.spec`.

    `clock_like` names the properties that differ at every read (HubSpot's `hs_time_in_*` and the like): they are kept
    but do not make a row count as changed. `currency` is the portal's own. `mapping` is the company's; a stream that is
    mapped has to have one, lest a row lose the fields that another path gave it.
    """

    stream: Stream
    clock_like: Collection[str]
    currency: str | None
    mapping: DealMapping | None = None

    def __post_init__(self) -> None:
        if self.stream.is_mapped and self.mapping is None:
            raise ValueError(f"rows of {self.stream.name} cannot be built without the company's mapping")

    def build(self, records: Iterable[Record]) -> Batch:
        """Return the rows of the given records; one that cannot be read becomes a reject and stops nothing else."""
        batch = Batch()
        for record in records:
            if merged := record["properties"].get(_MERGED):
                batch.survivors |= dict.fromkeys(merged_ids(merged), record["id"])
            try:
                row = self._row(record)
            except UnreadableValue as error:
                batch.rejects.append(Reject(record["id"], dict(record), str(error)))
                continue
            batch.add(row, self.mapping.derive(record["properties"]) if self.mapping is not None else None)
        return batch

    def remapped(self, rows: Sequence[Row], mapping: DealMapping) -> Batch:
        """Return rows that were built by another mapping as the given one makes them."""
        batch = Batch()
        for row in rows:
            batch.add(row[:-2], mapping.derive(orjson.loads(row[_DOCUMENT])))
        return batch

    def _row(self, record: Record) -> Row:
        properties = record["properties"]
        try:
            document = orjson.dumps(properties)
        except TypeError:
            raise UnreadableValue(
                f"{_unencodable(properties)}: holds half of a character that UTF-16 writes in two"
            ) from None
        if _ESCAPED_NUL in document:
            _refuse_nul(properties)
        return (
            record["id"],
            self._time(properties, self.stream.created_property, record.get("createdAt")),
            self._version(record),
            self.content_hash(properties),
            document.decode(),
            *(self._value(f.column, f.property_name, f.convert, properties) for f in self.stream.fields),
        )

    def _value(self, column: str, name: str, convert: Any, properties: dict[str, str | None]) -> Any:
        try:
            value = convert(properties.get(name))
        except UnreadableValue as error:
            raise UnreadableValue(f"{name}: {error}") from None
        return self.currency if value is None and column == self.stream.currency_column else value

    def _time(self, properties: dict[str, str | None], name: str, otherwise: str | None) -> Any:
        try:
            return instant(properties.get(name) or otherwise)
        except UnreadableValue as error:
            raise UnreadableValue(f"{name}: {error}") from None

    def _version(self, record: Record) -> datetime:
        """Return when the record was last modified: without it, nobody can tell an older version from a newer one."""
        name = self.stream.modified_property
        modified: datetime | None = self._time(record["properties"], name, record.get("updatedAt"))
        if modified is None:
            raise UnreadableValue(f"{name}: HubSpot gave no time of the last modification")
        return modified

    def content_hash(self, properties: dict[str, str | None]) -> bytes:
        """Return what is equal for two versions of a record that have nothing to tell them apart."""
        # Nulls are left out, so that a property which is new in HubSpot and empty everywhere changes no row.
        content = {k: v for k, v in properties.items() if v is not None and k not in self.clock_like}
        return blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def _unencodable(properties: dict[str, str | None]) -> str:
    return next((n for n, v in properties.items() if v is not None and _is_broken(v)), "a property")


def _is_broken(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


def _refuse_nul(properties: dict[str, str | None]) -> None:
    for name, value in properties.items():
        if value is not None and _NUL in value:
            raise UnreadableValue(f"{name}: holds a NUL character (U+0000), which PostgreSQL cannot store")
