"""How a deal's fields came about by the mapping that counts: a function of the deal's properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from commission_sync.mapping.compiled import Compiled
from commission_sync.mapping.derive import Derived, Input, Json, Properties
from commission_sync.mapping.fields import UnreadableValue, to_json


@dataclass(frozen=True)
class MappedStep:
    """From a property to a field.

    `written` is what HubSpot has (`is_known`: whether that was ever read), `translated` what the value map makes of it,
    `value` what the field is by the mapping that counts, and `stored` what the deal's row has.
    """

    field: str
    property: str
    written: str | None
    is_known: bool
    translated: str | None
    by_default: bool
    label: str = ""
    value: Json = None
    stored: Any = None
    reason: str | None = None


@dataclass(frozen=True)
class Used:
    """A value that a formula was given, and where that is from."""

    name: str
    value: Json
    origin: str
    property: str | None = None


@dataclass(frozen=True)
class CalculatedStep:
    """From a formula's inputs to a field."""

    field: str
    formula: str
    inputs: tuple[Used, ...]
    value: Json
    stored: Any
    reason: str | None


@dataclass(frozen=True)
class Derivation:
    """All steps, calculated fields behind those that they use."""

    mapped: tuple[MappedStep, ...]
    calculated: tuple[CalculatedStep, ...]

    @property
    def is_current(self) -> bool:
        """Whether the row has what the mapping that counts makes of it."""
        steps: tuple[MappedStep | CalculatedStep, ...] = (*self.mapped, *self.calculated)
        return all(step.value == step.stored for step in steps)


def derivation(
    compiled: Compiled, labels: Mapping[str, str], properties: Properties, stored: tuple[Mapping[str, Any], ...]
) -> Derivation:
    """Work out every step for one deal.

    :param labels: the properties' labels in HubSpot, by name
    :param stored: the documents `mapped` and `calculated` of the deal's row
    """
    mapping = compiled.mapping
    derived = mapping.derive(properties, all_were_asked_for=False)
    mapped, calculated = stored
    reasons = dict(derived.problems)
    steps = [
        replace(
            _mapped(one, properties),
            label=labels.get(one.property, one.property),
            value=derived.mapped[one.name],
            stored=mapped.get(one.name),
            reason=reasons.get(one.name),
        )
        for one in mapping.mapped
    ]
    origins = {one.name: one for one in mapping.helpers}
    results = [
        CalculatedStep(
            name,
            formula.text,
            tuple(_used(used, origins.get(used), derived, properties) for used in sorted(formula.names)),
            derived.calculated[name],
            calculated.get(name),
            reasons.get(name),
        )
        for name, formula in mapping.formulas
    ]
    return Derivation(tuple(steps), tuple(results))


def _mapped(one: Input, properties: Properties) -> MappedStep:
    written = properties.get(one.property)
    return MappedStep(
        field=one.name,
        property=one.property,
        written=written,
        is_known=one.property in properties,
        translated=(one.values or {}).get(written) if written else None,
        by_default=not written and one.default is not None,
    )


def _used(name: str, helper: Input | None, derived: Derived, properties: Properties) -> Used:
    if helper is not None:
        return Used(name, _read(helper, properties), "property", helper.property)
    if name in derived.mapped:
        return Used(name, derived.mapped[name], "mapped field")
    return Used(name, derived.calculated.get(name), "calculated field")


def _read(helper: Input, properties: Properties) -> Json:
    try:
        return to_json(helper.value(properties.get(helper.property)))
    except UnreadableValue:
        return None
