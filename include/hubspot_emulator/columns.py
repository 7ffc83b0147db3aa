"""The values of single properties of all generated records, for filters that the index has no look-up for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from hubspot_emulator.declaration import Properties
from hubspot_emulator.records import Records, Version

Column = list[str | None]
# Of a record as the index shows it: its number, and its version when it was written to.
Read = Callable[[int, Version | None], Properties]

# Kept along with the first column that is asked for: they have few values, and people filter by them.
_TOGETHER = {"enumeration", "bool"}


class Columns:
    """A column is worked out when it is first asked for: from then on a filter costs a comparison a record."""

    def __init__(self, records: Records) -> None:
        self._records = records
        kind = records.source.kind
        types = {**kind.fields.defined, **kind.fields.custom, **kind.fields.calculated}
        self._possible = {*kind.fields.defined, *kind.fields.custom, *kind.steady}
        self._together = {name for name in self._possible if types[name] in _TOGETHER}
        self._columns: dict[str, Column] = {}

    def reader(self, names: Iterable[str] | None) -> Read:
        """Return what reads the named properties of a record, and perhaps others; None: all of them."""
        records = self._records
        if names is None or not self._possible.issuperset(names):
            return lambda number, version: records.properties(version or records.untouched(number))
        wanted = set(names)
        if not wanted <= self._columns.keys():
            self._add(wanted | self._together)
        columns = [(name, self._columns[name]) for name in wanted]

        def read(number: int, version: Version | None) -> Properties:
            if version is not None:
                return records.properties(version)
            return {name: column[number] for name, column in columns}

        return read

    def _add(self, names: set[str]) -> None:
        records = self._records
        columns: list[tuple[str, Column]] = [(name, []) for name in names - self._columns.keys()]
        for number in range(records.source.count):
            own = records.steady_properties(number)
            for name, column in columns:
                value = own.get(name)
                # Few values are shared by many records.
                column.append(None if value is None else sys.intern(value))
        self._columns |= columns
