"""Makes a mapping ready for one portal, and says what of it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo

from commission_sync.mapping.config import MappingConfig, PropertyMapping
from commission_sync.mapping.derive import DealMapping, Input
from commission_sync.mapping.fields import FieldType, UnreadableValue, natural_type, reader
from commission_sync.mapping.formula import Formula, FormulaError, Kind, Parsed, Value, parse, typed
from commission_sync.mapping.issues import Issue, IssueKind
from commission_sync.mapping.order import circle, in_order
from commission_sync.store.catalog import KnownProperty

Catalogue = Mapping[str, KnownProperty]


@dataclass(frozen=True)
class DealColumn:
    """A column of `deals` that formulas may use by its name; it is read from the property that fills it."""

    name: str
    property: str
    type: FieldType
    default: Value = None


@dataclass(frozen=True)
class Portal:
    """What a mapping has to know of the portal: its properties, the deal's columns, and where its days end."""

    catalogue: Catalogue
    columns: tuple[DealColumn, ...] = ()
    zone: tzinfo = UTC


@dataclass(frozen=True)
class Compiled:
    """A mapping made ready, and the issues of the fields that could not be."""

    mapping: DealMapping
    issues: tuple[Issue, ...]
    # For each field of ours the property that fills it, and for each calculated field those that its formula uses.
    sources: Mapping[str, tuple[str, ...]]


def compile_mapping(config: MappingConfig, portal: Portal, version: int | None = None) -> Compiled:
    """Return what can be made ready; a field that cannot is null for every deal, and an issue says why."""
    compiler = _Compiler(config, portal, list(config.issues), broken={issue.field for issue in config.issues})
    compiler.map_fields()
    compiler.calculate_fields()
    return compiler.compiled(version)


@dataclass
class _Compiler:
    config: MappingConfig
    portal: Portal
    issues: list[Issue]
    kinds: dict[str, Kind] = field(default_factory=dict)
    mapped: dict[str, Input] = field(default_factory=dict)
    helpers: dict[str, Input] = field(default_factory=dict)
    formulas: dict[str, Formula] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def map_fields(self) -> None:
        for name, mapping in sorted(self.config.mappings.items(), key=lambda pair: pair[1].field):
            kind, source = self._typed(name, mapping)
            try:
                default = None if mapping.default is None else source.read(mapping.default)
            except UnreadableValue as error:
                self._breaks(mapping.field, IssueKind.INVALID, f"its default cannot be: {error}", name, part="default")
                continue
            for written in mapping.values.values():
                try:
                    source.read(written)
                except UnreadableValue as error:
                    message = f"its value map: {error}"
                    self.issues.append(Issue(mapping.field, IssueKind.INVALID, message, name, part="values"))
            self.mapped[mapping.field] = replace(source, default=default)
            self.kinds[mapping.field] = kind

    def _typed(self, name: str, mapping: PropertyMapping) -> tuple[Kind, Input]:
        known = self.portal.catalogue.get(name)
        found = natural_type(known.type, known.field_type) if known else FieldType.TEXT
        field_type = mapping.type or found
        return field_type.kind, Input(
            mapping.field,
            name,
            reader(field_type, self.portal.zone, known.type if known else None),
            required=mapping.required,
            values=dict(mapping.values) or None,
            is_live=known is not None and known.archived_at is None,
        )

    def calculate_fields(self) -> None:
        parsed = {name: found for name, text in self.config.formulas.items() if (found := self._parsed(name, text))}
        uses = {name: found.names for name, found in parsed.items()}
        ordered, stuck = in_order(uses)
        for name in ordered:
            self._calculate(name, parsed[name])
        for name in stuck:
            way = circle(name, uses)
            message = f"it needs itself: {' -> '.join(way)}" if way else "it uses a field that needs itself"
            self._breaks(name, IssueKind.FORMULA if way else IssueKind.DEPENDS, message, part="formula")

    def _parsed(self, name: str, text: str) -> Parsed | None:
        try:
            return parse(text)
        except FormulaError as error:
            self._misreads(name, error)
            return None

    def _calculate(self, name: str, parsed: Parsed) -> None:
        if broken := sorted(parsed.names & self.broken):
            self._breaks(name, IssueKind.DEPENDS, f"it uses {', '.join(broken)}, which is broken", part="formula")
            return
        for used in sorted(parsed.names - self.kinds.keys()):
            self._help(used)
        try:
            self.formulas[name] = typed(parsed, self._visible_kinds(), self.portal.zone)
        except FormulaError as error:
            self._misreads(name, error)
            return
        self.kinds[name] = self.formulas[name].kind

    def _help(self, name: str) -> None:
        """Read a deal column, or else a property by its own name, for a formula that uses it."""
        column = next((c for c in self.portal.columns if c.name == name), None)
        if column is None and (known := self.portal.catalogue.get(name)) is not None:
            column = DealColumn(name, name, natural_type(known.type, known.field_type))
        if column is None:
            return
        known = self.portal.catalogue.get(column.property)
        is_live = known is not None and known.archived_at is None
        read = reader(column.type, self.portal.zone, known.type if known else None)
        self.helpers[name] = Input(name, column.property, read, default=column.default, is_live=is_live)
        self.kinds[name] = column.type.kind

    def _visible_kinds(self) -> dict[str, Kind]:
        """Return what a formula could have meant as well, for the suggestion beside a misspelt name."""
        columns = {c.name: c.type.kind for c in self.portal.columns}
        own = {name: natural_type(k.type, k.field_type).kind for name, k in self.portal.catalogue.items()}
        return {**own, **columns, **self.kinds}

    def _misreads(self, name: str, error: FormulaError) -> None:
        self._breaks(name, IssueKind.FORMULA, str(error), part="formula", column=error.column)

    def _breaks(
        self,
        name: str,
        kind: IssueKind,
        message: str,
        of: str | None = None,
        *,
        part: str | None = None,
        column: int | None = None,
    ) -> None:
        self.broken.add(name)
        self.issues.append(Issue(name, kind, message, of, part=part, column=column))

    def compiled(self, version: int | None) -> Compiled:
        calculated = self.config.formulas.keys() - self.formulas.keys()
        unread = {m.field for m in self.config.mappings.values()} - self.mapped.keys()
        inputs = {**self.helpers, **self.mapped}
        mapping = DealMapping(
            version,
            tuple(self.mapped.values()),
            tuple(self.helpers.values()),
            tuple(self.formulas.items()),
            tuple(sorted(unread)),
            tuple(sorted(calculated)),
        )
        sources: dict[str, tuple[str, ...]] = {name: (found.property,) for name, found in self.mapped.items()}
        for name, formula in self.formulas.items():
            sources[name] = tuple(sorted({inputs[used].property for used in formula.names if used in self.helpers}))
        return Compiled(mapping, tuple(self.issues), sources)
