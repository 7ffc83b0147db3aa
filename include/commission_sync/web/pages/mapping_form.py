"""The form in which a mapping is edited: from its inputs to a draft."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from starlette.datastructures import FormData

from commission_sync.mapping.draft import CalculatedRow, Draft, MappedRow

# A mapping has at most a thousand rows of some ten inputs each, and one input for each option of a property.
MOST_FIELDS = 50_000

_ROW = re.compile(r"(mapped|calculated)-([0-9]{1,6})-")


def read_draft(form: FormData) -> Draft:
    """Return the rows in the order of their numbers, which need not be without gaps."""
    rows: dict[str, set[int]] = {"mapped": set(), "calculated": set()}
    for name in form:
        if found := _ROW.match(name):
            rows[found[1]].add(int(found[2]))
    return Draft(
        tuple(_mapped(form, f"mapped-{number}") for number in sorted(rows["mapped"])),
        tuple(_calculated(form, f"calculated-{number}") for number in sorted(rows["calculated"])),
    )


def edited(draft: Draft, action: str) -> Draft:
    """Return a draft after one of the form's buttons: `add-mapped`, `add-calculated`, `map:NAME`, `remove:mapped-0`."""
    verb, _, what = action.partition(":")
    if verb == "add-calculated":
        return replace(draft, calculated=(*draft.calculated, CalculatedRow()))
    if verb == "map":
        return replace(draft, mapped=(*draft.mapped, MappedRow(what, what)))
    if verb == "remove" and (found := _ROW.fullmatch(f"{what}-")):
        kind, number = found[1], int(found[2])
        rows = getattr(draft, kind)
        changed: Draft = replace(draft, **{kind: (*rows[:number], *rows[number + 1 :])})
        return changed
    return replace(draft, mapped=(*draft.mapped, MappedRow()))


def focused(draft: Draft, action: str) -> str:
    """Return the input, or the button, at which a person goes on after a button."""
    verb, _, what = action.partition(":")
    if verb == "remove":
        return f"add-{what.partition('-')[0]}"
    if verb == "add-calculated":
        return f"calculated-{len(draft.calculated) - 1}-name"
    return f"mapped-{len(draft.mapped) - 1}-{'field' if verb == 'map' else 'property'}"


def _mapped(form: FormData, row: str) -> MappedRow:
    pairs = zip(_texts(form, f"{row}-from"), _texts(form, f"{row}-to"), strict=False)
    return MappedRow(
        _text(form, f"{row}-property").strip(),
        _text(form, f"{row}-field").strip(),
        _text(form, f"{row}-type"),
        _text(form, f"{row}-default"),
        f"{row}-required" in form,
        # What is not translated is left out: an option without a translation is a problem of the deals that have it.
        tuple({key: value for key, value in pairs if key and value}.items()),
    )


def _calculated(form: FormData, row: str) -> CalculatedRow:
    return CalculatedRow(
        _text(form, f"{row}-name").strip(),
        # Forms send the ends of lines as two characters, and errors tell the column of one.
        _text(form, f"{row}-formula").replace("\r\n", "\n"),
        _text(form, f"{row}-description").strip(),
    )


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _texts(form: FormData, name: str) -> Iterable[str]:
    return (value if isinstance(value, str) else "" for value in form.getlist(name))
