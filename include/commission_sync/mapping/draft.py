"""A mapping while a person edits it: rows of a form, the documents they make, and what is wrong with each input."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commission_sync.mapping.compiled import Portal
from commission_sync.mapping.issues import Issue
from commission_sync.mapping.versions import Checked, Documents, check
from commission_sync.store.mapping_versions import exact_json

# The inputs of a row, as the form and a fault's place name them.
INPUTS = {
    "mapped": ("property", "field", "type", "default", "required", "values"),
    "calculated": ("name", "formula", "description"),
}


@dataclass(frozen=True)
class MappedRow:
    """A property (`source`) and the field that it fills; an input that was left empty is an empty string."""

    source: str = ""
    field: str = ""
    type: str = ""
    default: str = ""
    required: bool = False
    values: tuple[tuple[str, str], ...] = ()

    @property
    def is_blank(self) -> bool:
        """Whether nothing was entered."""
        return self == MappedRow()

    @property
    def lacks(self) -> str | None:
        """The input that has to be filled in first."""
        return "property" if not self.source else "field" if not self.field else None

    def entry(self) -> dict[str, Any]:
        """Return what the document has for it: only what was entered."""
        given = {"field": self.field, "type": self.type, "default": self.default, "required": self.required}
        return {name: value for name, value in given.items() if value} | (
            {"values": dict(self.values)} if self.values else {}
        )


@dataclass(frozen=True)
class CalculatedRow:
    """A calculated field."""

    name: str = ""
    formula: str = ""
    description: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing was entered."""
        return self == CalculatedRow()

    @property
    def lacks(self) -> str | None:
        """The input that has to be filled in first."""
        return "name" if not self.name else "formula" if not self.formula else None

    def entry(self) -> dict[str, Any]:
        """Return what the document has for it."""
        return {"formula": self.formula} | ({"description": self.description} if self.description else {})


@dataclass(frozen=True)
class Fault:
    """What is wrong with one input: `place` is its name in the form (`mapped-0-type`), empty for the mapping at large.

    `column` is where in a formula, counted from 1.
    """

    place: str
    message: str
    is_error: bool = True
    column: int | None = None


@dataclass(frozen=True)
class Draft:
    """The rows, in the order in which they are shown."""

    mapped: tuple[MappedRow, ...] = ()
    calculated: tuple[CalculatedRow, ...] = ()

    @classmethod
    def of(cls, documents: Documents) -> Draft:
        """Return the rows of stored documents, those included that cannot be used as they are."""
        mappings = exact_json(documents.property_mappings)
        calculated = exact_json(documents.calculated_fields)
        return cls(
            tuple(_mapped(name, entry) for name, entry in _entries(mappings)),
            tuple(_calculated(name, entry) for name, entry in _entries(calculated)),
        )

    def documents(self) -> Documents:
        """Return the documents of the rows that can be told apart; of two with one name that is the first."""
        mappings: dict[str, Any] = {}
        for row in self.mapped:
            if not row.lacks:
                mappings.setdefault(row.source, row.entry())
        calculated: dict[str, Any] = {}
        for one in self.calculated:
            if not one.lacks:
                calculated.setdefault(one.name, one.entry())
        return Documents(json.dumps(mappings), json.dumps(calculated))


@dataclass(frozen=True)
class CheckedDraft:
    """A draft held to the portal's properties."""

    checked: Checked
    faults: tuple[Fault, ...]

    @property
    def is_sound(self) -> bool:
        """Whether it may be saved."""
        return not any(fault.is_error for fault in self.faults)

    def at(self, place: str) -> list[Fault]:
        """Return what is wrong with an input."""
        return [fault for fault in self.faults if fault.place == place]


def check_draft(draft: Draft, portal: Portal) -> CheckedDraft:
    """Return every fault of a draft, at the input that it belongs to."""
    checked = check(draft.documents(), portal)
    faults = [*_incomplete("mapped", draft.mapped), *_incomplete("calculated", draft.calculated)]
    faults += _repeated("mapped", "property", [row.source for row in draft.mapped])
    faults += _repeated("calculated", "name", [row.name for row in draft.calculated])
    for issue in checked.issues:
        faults += [Fault(place, _plain(issue), issue.is_error, issue.column) for place in _places(draft, issue) or [""]]
    return CheckedDraft(checked, tuple(dict.fromkeys(faults)))


def _entries(document: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(document, Mapping):
        yield from sorted(document.items())


def _mapped(name: str, entry: Any) -> MappedRow:
    if isinstance(entry, str):
        return MappedRow(name, entry)
    given = entry if isinstance(entry, Mapping) else {}
    values = given.get("values")
    return MappedRow(
        name,
        _text(given.get("field")),
        _text(given.get("type")),
        _text(given.get("default")),
        given.get("required") is True,
        tuple((key, _text(value)) for key, value in values.items()) if isinstance(values, Mapping) else (),
    )


def _calculated(name: str, entry: Any) -> CalculatedRow:
    if isinstance(entry, str):
        return CalculatedRow(name, entry)
    given = entry if isinstance(entry, Mapping) else {}
    return CalculatedRow(name, _text(given.get("formula")), _text(given.get("description")))


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _incomplete(kind: str, rows: Sequence[MappedRow | CalculatedRow]) -> Iterator[Fault]:
    wanted = {
        "property": "choose the property that fills it",
        "field": "give the field a name",
        "name": "give the field a name",
        "formula": "write its formula",
    }
    for number, row in enumerate(rows):
        if row.lacks and not row.is_blank:
            yield Fault(f"{kind}-{number}-{row.lacks}", wanted[row.lacks])


def _repeated(kind: str, part: str, names: Sequence[str]) -> Iterator[Fault]:
    for number, name in enumerate(names):
        if name and name in names[:number]:
            yield Fault(f"{kind}-{number}-{part}", f"{name!r} is there already, above")


def _places(draft: Draft, issue: Issue) -> list[str]:
    mapped = [
        number
        for number, row in enumerate(draft.mapped)
        if (issue.property in {None, row.source} and issue.field == row.field)
        or (issue.property == row.source and issue.field == row.source)
    ]
    calculated = [number for number, row in enumerate(draft.calculated) if row.name == issue.field]
    part = issue.part or ""
    return [f"mapped-{n}-{part if part in INPUTS['mapped'] else 'field'}" for n in mapped] + [
        f"calculated-{n}-{'name' if part == 'field' else part if part in INPUTS['calculated'] else 'formula'}"
        for n in calculated
    ]


def _plain(issue: Issue) -> str:
    """Return the message without the path that leads a reader of JSON to the place."""
    message = issue.message
    for where in (f"property_mappings[{issue.property!r}]: ", f"calculated_fields[{issue.field!r}]: "):
        message = message.removeprefix(where)
    return message.removeprefix(f"{issue.part}: ")
