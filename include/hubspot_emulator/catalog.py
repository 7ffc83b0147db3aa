"""The properties that object types have to begin with, as HubSpot's property API describes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hubspot_emulator.declaration import Kind

CREATED = "2023-01-01T00:00:00Z"

_FIELD_TYPES = {
    "string": "text",
    "number": "number",
    "datetime": "date",
    "date": "date",
    "bool": "booleancheckbox",
    "enumeration": "select",
}


def definitions(kind: Kind) -> dict[str, dict[str, Any]]:
    """Return the definitions of a type's properties by name."""
    fields = kind.fields
    kinds: tuple[tuple[Any, dict[str, bool]], ...] = (
        (fields.defined, {}),
        (fields.read_only, {"read_only": True}),
        (fields.calculated, {"calculated": True}),
        (fields.custom, {"custom": True}),
    )
    return {name: _definition(kind, name, of, **marks) for names, marks in kinds for name, of in names.items()}


def group(kind: Kind) -> dict[str, Any]:
    """Return the group that these properties are in."""
    label = f"{kind.label.capitalize()} information"
    return {"name": kind.group, "label": label, "displayOrder": 0, "archived": False}


def options(values: Iterable[str]) -> list[dict[str, Any]]:
    """Return enumeration options in HubSpot's shape."""
    return [
        {"label": value.title(), "value": value, "displayOrder": n, "hidden": False} for n, value in enumerate(values)
    ]


def completed(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a definition as HubSpot gives it back once it is created."""
    return {
        "description": "",
        "displayOrder": -1,
        "options": [],
        "calculated": False,
        "externalOptions": False,
        "hasUniqueValue": False,
        "hidden": False,
        "formField": False,
        "hubspotDefined": False,
        "archived": False,
        "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False},
        "createdAt": CREATED,
        "updatedAt": CREATED,
        **definition,
    }


def _definition(
    kind: Kind, name: str, of: str, *, read_only: bool = False, calculated: bool = False, custom: bool = False
) -> dict[str, Any]:
    fixed = read_only or calculated
    return completed(
        {
            "name": name,
            "label": name.removeprefix("hs_").replace("_", " ").capitalize(),
            "type": of,
            "fieldType": "calculation_equation" if calculated and of == "number" else _field_type(kind, name, of),
            "groupName": kind.group,
            "options": options(("true", "false") if of == "bool" else kind.fields.options.get(name, ())),
            "calculated": calculated,
            "externalOptions": name in kind.fields.from_elsewhere,
            "hubspotDefined": not custom,
            "modificationMetadata": {
                "archivable": custom,
                "readOnlyDefinition": not custom,
                "readOnlyValue": fixed,
            },
        }
    )


def _field_type(kind: Kind, name: str, of: str) -> str:
    if name in kind.fields.text_areas:
        return "textarea"
    if name in kind.fields.html:
        return "html"
    return "checkbox" if name in kind.fields.check_boxes else _FIELD_TYPES[of]
