"""A company's mapping as it is written in JSON, read entry by entry so that one bad entry spoils no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from commission_sync.mapping.fields import FieldType
from commission_sync.mapping.issues import Issue, IssueKind

LONGEST_FORMULA_TEXT = 10_000
MOST_ENTRIES = 500
_PLAIN = r"^[^\x00-\x1f]*$"


def _written(value: Any) -> Any:
    """Return a JSON scalar as HubSpot would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value) if isinstance(value, int) else value


# Quotes would end a quoted name in a formula.
FieldName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\"\s]([^\x00-\x1f\"]*[^\x00-\x1f\"\s])?$"),
]
Written = Annotated[str, BeforeValidator(_written), StringConstraints(max_length=1_000, pattern=_PLAIN)]


class PropertyMapping(BaseModel):
    """Where one HubSpot property goes.

    `type` is, unless said, the one that goes with the property's own. `default` stands in where HubSpot has no value,
    `required` makes its absence a problem, and `values` translates each of HubSpot's values; one that is not in it is a
    problem.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: FieldName
    type: FieldType | None = None
    default: Written | None = None
    required: bool = False
    values: dict[Written, Written] = {}


class CalculatedField(BaseModel):
    """A field that is calculated from others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    formula: Annotated[str, StringConstraints(max_length=LONGEST_FORMULA_TEXT, pattern=r"^[^\x00]*$")]
    description: Annotated[str, StringConstraints(max_length=1_000, pattern=_PLAIN)] = ""


@dataclass(frozen=True)
class MappingConfig:
    """The entries that can be read, and what is wrong with the others."""

    mappings: Mapping[str, PropertyMapping]
    formulas: Mapping[str, str]
    issues: tuple[Issue, ...] = ()


def read_config(property_mappings: Any, calculated_fields: Any) -> MappingConfig:
    """Read the two documents of `crm_integrations`.

    Short forms: `{"property": "field"}` for a mapping, `{"field": "a * b"}` for a calculated field.
    """
    issues: list[Issue] = []
    mappings = _entries("property_mappings", property_mappings, "field", PropertyMapping, issues)
    calculated = _entries("calculated_fields", calculated_fields, "formula", CalculatedField, issues)
    formulas = {name: c.formula for name, c in calculated.items() if _is_name(name, issues)}
    shared = {field for field, times in Counter(m.field for m in mappings.values()).items() if times > 1}
    for name in sorted(shared):
        properties = sorted(p for p, m in mappings.items() if m.field == name)
        message = f"several properties fill it: {', '.join(properties)}"
        issues.append(Issue(name, IssueKind.INVALID, message, part="field"))
    for name in sorted({m.field for m in mappings.values()} & formulas.keys()):
        message = "it is both mapped and calculated; give one of them another name"
        issues.append(Issue(name, IssueKind.INVALID, message, part="field"))
        shared.add(name)
    return MappingConfig(
        {p: m for p, m in mappings.items() if m.field not in shared},
        {name: formula for name, formula in formulas.items() if name not in shared},
        tuple(issues),
    )


Model = TypeVar("Model", bound=BaseModel)


def _entries(where: str, raw: Any, short: str, model: type[Model], issues: list[Issue]) -> dict[str, Model]:
    if not isinstance(raw, Mapping):
        issues.append(Issue(where, IssueKind.INVALID, "has to be a JSON object"))
        return {}
    if len(raw) > MOST_ENTRIES:
        issues.append(Issue(where, IssueKind.INVALID, f"has {len(raw)} entries, and may have {MOST_ENTRIES}"))
        return {}
    read: dict[str, Model] = {}
    for name, entry in raw.items():
        try:
            read[name] = model.model_validate({short: entry} if isinstance(entry, str) else entry)
        except ValidationError as error:
            message, part = f"{where}[{name!r}]: {_first(error)}", _part(error)
            of = name if short == "field" else None
            issues.append(Issue(_field(name, entry), IssueKind.INVALID, message, of, part=part))
    return read


def _field(name: str, entry: Any) -> str:
    named = entry.get("field") if isinstance(entry, Mapping) else None
    return named if isinstance(named, str) and named else name


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"][0].lower() + first["msg"][1:]
    if first["type"] == "string_pattern_mismatch":
        message = "holds a quotation mark, a control character, or a space at an end"
    return f"{where}: {message}" if where else message


def _part(error: ValidationError) -> str | None:
    where = error.errors()[0]["loc"]
    return str(where[0]) if where else None


class _Named(BaseModel):
    name: FieldName


def _is_name(name: str, issues: list[Issue]) -> bool:
    try:
        _Named(name=name)
    except ValidationError as error:
        issues.append(Issue(name, IssueKind.INVALID, f"calculated_fields[{name!r}]: {_first(error)}", part="field"))
        return False
    return True
