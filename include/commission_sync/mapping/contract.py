"""Holds a mapping to the portal's properties: what it needs must exist, fit, and be what it was when it was saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from commission_sync.mapping.compiled import Catalogue, Compiled
from commission_sync.mapping.config import MappingConfig, PropertyMapping
from commission_sync.mapping.formula.errors import suggestion
from commission_sync.mapping.issues import Issue, IssueKind
from commission_sync.store.catalog import KnownProperty

Baseline = Mapping[str, Mapping[str, Any]]


def baseline(compiled: Compiled, catalogue: Catalogue) -> dict[str, dict[str, str]]:
    """Return what is to be remembered of the properties that a mapping uses, to tell later what has changed."""
    used = sorted({name for names in compiled.sources.values() for name in names} & catalogue.keys())
    return {name: {"label": catalogue[name].label, "type": catalogue[name].type} for name in used}


def check_contract(
    config: MappingConfig, compiled: Compiled, catalogue: Catalogue, before: Baseline | None = None
) -> list[Issue]:
    """Return every issue of a mapping against the properties of now: its own, and what HubSpot changed beneath it.

    :param before: the `baseline` of the mapping when it was saved; None for one that is new
    """
    issues = list(compiled.issues)
    for name, properties in sorted(compiled.sources.items()):
        for used in properties:
            known = catalogue.get(used)
            mapping = config.mappings.get(used)
            if known is None or known.archived_at is not None:
                issues.append(_gone(name, used, known, catalogue))
                continue
            if mapping is not None and mapping.field == name:
                issues += _misfits(mapping, known)
            if before is not None and used in before:
                issues += _changes(name, known, before[used])
    return issues


def _gone(name: str, used: str, known: KnownProperty | None, catalogue: Catalogue) -> Issue:
    live = {other.name: other for other in catalogue.values() if other.archived_at is None}
    if known is None:
        hint = suggestion(used, live)
        return Issue(name, IssueKind.MISSING, f"the portal has no property {used!r}{hint}", used, part="property")
    heir = next((other for other in live.values() if other.label == known.label), None)
    hint = f"; {heir.name!r} has the same label" if heir else "; restore it in HubSpot, or change the mapping"
    message = f"property {used!r} was archived in HubSpot{hint}"
    return Issue(name, IssueKind.ARCHIVED, message, used, part="property")


def _misfits(mapping: PropertyMapping, known: KnownProperty) -> Iterator[Issue]:
    if mapping.type and not mapping.type.fits(known.type, known.field_type, has_value_map=bool(mapping.values)):
        yield Issue(
            mapping.field,
            IssueKind.TYPE,
            f"it is declared {mapping.type}, and {known.name!r} is {_described(known)} in HubSpot",
            known.name,
            part="type",
        )
    options = {str(option.get("value")) for option in known.options}
    if not mapping.values or not options:
        return
    if surplus := sorted(mapping.values.keys() - options):
        yield _about_options(mapping, known, f"HubSpot has no option {_some(surplus)} any more, or never had")
    if unmapped := sorted(options - mapping.values.keys()):
        yield _about_options(mapping, known, f"deals with option {_some(unmapped)} get no value, as it is not mapped")


def _about_options(mapping: PropertyMapping, known: KnownProperty, message: str) -> Issue:
    return Issue(mapping.field, IssueKind.OPTIONS, message, known.name, is_error=False, part="values")


def _changes(name: str, known: KnownProperty, before: Mapping[str, Any]) -> Iterator[Issue]:
    if known.type != before["type"]:
        message = f"property {known.name!r} was {before['type']} when this was saved and is {known.type} now"
        yield Issue(name, IssueKind.TYPE_CHANGED, message, known.name, part="property")
    if known.label != before["label"]:
        message = f"property {known.name!r} was renamed from {before['label']!r} to {known.label!r}; is it still meant?"
        yield Issue(name, IssueKind.RENAMED, message, known.name, is_error=False, part="property")


def _described(known: KnownProperty) -> str:
    return f"{known.type} ({known.field_type})"


def _some(values: list[str]) -> str:
    more = f" and {len(values) - 5} more" if len(values) > 5 else ""
    return ", ".join(map(repr, values[:5])) + more
