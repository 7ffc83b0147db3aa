"""What a mapping makes of one deal: a function of the deal's properties and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson

from commission_sync.mapping.fields import UnreadableValue, to_json
from commission_sync.mapping.formula import Formula, FormulaError, Value

Properties = Mapping[str, str | None]

Json = str | bool | None


@dataclass(frozen=True)
class Input:
    """A value that is read from one property.

    :param is_live: whether the portal has the property now
    """

    name: str
    property: str
    read: Callable[[str], Value]
    default: Value = None
    required: bool = False
    values: Mapping[str, str] | None = None
    is_live: bool = True

    def value(self, written: str | None) -> Value:
        """Return what HubSpot's string means.

        :raises UnreadableValue: when it cannot be what the field is declared to be.
        """
        if not written:
            if self.required and self.default is None:
                raise UnreadableValue(f"{self.property} is required, and HubSpot has no value")
            return self.default
        if self.values is not None:
            if written not in self.values:
                raise UnreadableValue(f"{self.property}: {written[:80]!r} is not in the value map")
            written = self.values[written]
        try:
            return self.read(written)
        except UnreadableValue as error:
            raise UnreadableValue(f"{self.property}: {error}") from None


@dataclass(frozen=True)
class Derived:
    """The fields of a deal as JSON has them, and for each that has no sound value the reason."""

    mapped: Mapping[str, Json]
    calculated: Mapping[str, Json]
    problems: tuple[tuple[str, str], ...] = ()

    def documents(self) -> tuple[str, str]:
        """Return the texts of the two columns."""
        return orjson.dumps(self.mapped).decode(), orjson.dumps(self.calculated).decode()


NOTHING = Derived({}, {})


@dataclass(frozen=True)
class DealMapping:
    """A company's mapping made ready.

    :param mapped: the fields of `mapped`, in the order of their names
    :param helpers: deal columns and properties that formulas use without a field of their own
    :param formulas: calculated fields, each behind those it uses
    :param broken_mapped: fields that cannot be read for any deal
    :param broken_calculated: fields that cannot be calculated for any deal
    """

    version: int | None = None
    mapped: tuple[Input, ...] = ()
    helpers: tuple[Input, ...] = ()
    formulas: tuple[tuple[str, Formula], ...] = ()
    broken_mapped: tuple[str, ...] = ()
    broken_calculated: tuple[str, ...] = ()

    @property
    def properties(self) -> frozenset[str]:
        """The properties that it reads."""
        return frozenset(one.property for one in self.mapped + self.helpers)

    @property
    def live_properties(self) -> frozenset[str]:
        """Those of them that the portal has now."""
        return frozenset(one.property for one in self.mapped + self.helpers if one.is_live)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do for any deal."""
        return not (self.mapped or self.formulas or self.broken_mapped or self.broken_calculated)

    def derive(self, properties: Properties, *, all_were_asked_for: bool = True) -> Derived:
        """Return a deal's mapped and calculated fields.

        A field that has no sound value is null and so is everything calculated from it, whatever the formula says:
        `coalesce` stands in for an empty value, not for a broken one.

        :param all_were_asked_for: whether a live property that is not there is empty; otherwise it is unknown
        """
        if self.is_empty:
            return NOTHING
        deal = _Deal(properties, all_were_asked_for)
        for one in self.mapped + self.helpers:
            deal.read(one)
        deal.unknown.update(self.broken_mapped, self.broken_calculated)
        for name, formula in self.formulas:
            deal.calculate(name, formula)
        mapped = {i.name: to_json(deal.values[i.name]) for i in self.mapped}
        mapped.update(dict.fromkeys(self.broken_mapped))
        calculated = {name: to_json(deal.values[name]) for name, _ in self.formulas}
        calculated.update(dict.fromkeys(self.broken_calculated))
        return Derived(mapped, calculated, tuple(deal.problems))


@dataclass
class _Deal:
    properties: Properties
    all_were_asked_for: bool
    values: dict[str, Value] = field(default_factory=dict)
    # Without a value for a reason that concerns every deal, and is reported once for all of them.
    unknown: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def read(self, one: Input) -> None:
        self.values[one.name] = None
        if one.property not in self.properties and not (one.is_live and self.all_were_asked_for):
            self.unknown.add(one.name)
            return
        try:
            self.values[one.name] = one.value(self.properties.get(one.property))
        except UnreadableValue as error:
            self._fails(one.name, str(error))

    def calculate(self, name: str, formula: Formula) -> None:
        self.values[name] = None
        if self.wrong and (wrong := formula.names & self.wrong):
            self._fails(name, f"uses {', '.join(sorted(wrong))}, which has no sound value")
        elif self.unknown and formula.names & self.unknown:
            self.unknown.add(name)
        else:
            try:
                self.values[name] = formula.evaluate(self.values)
            except FormulaError as error:
                self._fails(name, str(error))

    def _fails(self, name: str, reason: str) -> None:
        self.wrong.add(name)
        self.problems.append((name, reason))
