"""What values properties have had: what was written since the start, and before that a past made up by the seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hubspot_emulator.declaration import Properties
from hubspot_emulator.source import Source
from hubspot_emulator.times import iso

Entry = dict[str, Any]

INTEGRATION, CRM_UI = "INTEGRATION", "CRM_UI"

_USER = 5001
# What people change while a record is worked on, and so has a past of several values.
_WITH_A_PAST = {"amount", "dealstage", "hubspot_owner_id", "price", "quantity"}
_MOST_EARLIER = 3


class History:
    """The past of one object type's records."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._written: dict[int, dict[str, list[Entry]]] = {}

    def write(self, number: int, changes: Properties, at_ms: int, source: str = INTEGRATION) -> None:
        """Take note of values that were set; `source` is `INTEGRATION`, or `CRM_UI` for a person."""
        for name, value in changes.items():
            entries = self._written.setdefault(number, {}).setdefault(name, [])
            entries.insert(0, _entry(value, at_ms, source))

    def written(self, name: str) -> Iterator[tuple[int, list[Entry]]]:
        """Yield what was written to a property since the start, the newest first, by the number of its record."""
        yield from ((number, by_name[name]) for number, by_name in self._written.items() if name in by_name)

    def past(self, number: int, name: str, original: Properties | None) -> list[Entry]:
        """Return the values that a property has had, the newest first.

        :param original: the properties that the record was generated with; None when it was created later
        """
        written = self._written.get(number, {}).get(name, ())
        return [*written, *(() if original is None else self._generated(number, name, original.get(name)))]

    def _generated(self, number: int, name: str, last: str | None) -> Sequence[Entry]:
        created, modified = self._source.created_ms(number), self._source.modified_ms(number)
        noise = self._source.noise(number, 7)
        earlier = noise % (_MOST_EARLIER + 1) if name in _WITH_A_PAST else 0
        values = [self._elsewhere(number, name, n) for n in range(earlier)] + [last]
        step = (modified - created) // max(1, earlier)
        entries = [_entry(value, created + n * step, CRM_UI) for n, value in enumerate(values)]
        return entries[::-1]

    def _elsewhere(self, number: int, name: str, away: int) -> str | None:
        """Return a value that the property has on another record, as one that it could have had here."""
        return self._source.properties((number + 7 * (away + 1)) % self._source.count).get(name)


def _entry(value: str | None, at_ms: int, source_type: str) -> Entry:
    entry: Entry = {"value": value or "", "timestamp": iso(at_ms), "sourceType": source_type}
    if source_type == CRM_UI:
        return entry | {"sourceId": f"userId:{_USER}", "sourceLabel": "CRM UI", "updatedByUserId": _USER}
    return entry | {"sourceId": "1", "sourceLabel": "Private app"}
