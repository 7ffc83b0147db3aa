"""What can be written into a formula: functions, fields, deal columns and properties, with what each of them is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from commission_sync.mapping.compiled import Compiled, Portal
from commission_sync.mapping.config import MappingConfig
from commission_sync.mapping.fields import natural_type
from commission_sync.mapping.formula import Kind

FUNCTIONS: Mapping[str, tuple[str, str]] = {
    "abs": ("abs(number)", "the number without its sign"),
    "coalesce": ("coalesce(a, b, …)", "the first that is not empty"),
    "if": ("if(condition, then, else)", "a choice"),
    "max": ("max(a, b, …)", "the largest, or the latest"),
    "min": ("min(a, b, …)", "the smallest, or the earliest"),
    "months_between": ("months_between(start, end)", "whole months, negative when end comes first"),
    "round": ("round(number, places)", "half away from zero, as on invoices"),
    "year": ("year(date)", "the year, in the portal's time zone"),
}
# What a formula takes as a name without quotes.
_PLAIN = re.compile(r"[^\W\d]\w*")
_RESERVED = {"and", "or", "not", "true", "false", "null"}


@dataclass(frozen=True)
class Completion:
    """`insert` is what stands in the formula; `kind` is what it is, and `about` says it to a person."""

    name: str
    insert: str
    kind: str
    about: str


def completions(config: MappingConfig, compiled: Compiled, portal: Portal) -> list[Completion]:
    """Return everything that a formula of this mapping may use; of one name that is what the formula would take."""
    found = {
        name: Completion(name, f"{name}(", "function", f"{signature}: {about}")
        for name, (signature, about) in FUNCTIONS.items()
    }
    names: dict[str, Completion] = {}
    calculated = dict(compiled.mapping.formulas)
    for name in sorted(config.formulas):
        names[name] = _name(name, calculated[name].kind if name in calculated else "unknown", "calculated field")
    for property_name, mapping in sorted(config.mappings.items(), key=lambda pair: pair[1].field):
        known = portal.catalogue.get(property_name)
        kind = mapping.type or (natural_type(known.type, known.field_type) if known else "unknown")
        names[mapping.field] = _name(mapping.field, kind, f"mapped from {property_name}")
    for column in portal.columns:
        names.setdefault(column.name, _name(column.name, column.type.kind, "column of deals"))
    for known in sorted(portal.catalogue.values(), key=lambda one: one.name):
        if known.archived_at is None:
            kind = natural_type(known.type, known.field_type).kind
            names.setdefault(known.name, _name(known.name, kind, f"property {known.label!r}"))
    return [*found.values(), *names.values()]


def _name(name: str, kind: Kind | str, about: str) -> Completion:
    is_plain = bool(_PLAIN.fullmatch(name)) and name.lower() not in _RESERVED
    return Completion(name, name if is_plain else f'"{name}"', str(kind), about)
