"""Property values as HubSpot takes them on a write and keeps them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from hubspot_emulator.declaration import Properties
from hubspot_emulator.errors import ApiError, invalid, invalid_property
from hubspot_emulator.times import DAY_MS, iso, milliseconds

Definitions = Mapping[str, Mapping[str, Any]]

# float() would also take "nan", "1_000" and blanks.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_SEVERAL = {"checkbox"}


class Refused(ValueError):
    """A value that HubSpot does not take: `code` is HubSpot's, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def written(body: Any, definitions: Definitions, portal_id: int) -> Properties:
    """Return the `properties` of a write as they will be read; an empty string clears a value.

    :raises ApiError: 400, naming the property
    """
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise invalid("Invalid input JSON: properties must be an object")
    return {name: _kept(name, value, definitions, portal_id) for name, value in properties.items()}


def refusal(name: str, refused: Refused, portal_id: int) -> ApiError:
    """Return the 400 that names a property whose value was refused."""
    return invalid_property(name, refused.code, str(refused), portal_id)


def as_text(value: Any) -> str:
    """Return what HubSpot makes of a JSON scalar: every value is a string there."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def appended(given: str | None, before: str | None, definition: Mapping[str, Any]) -> str | None:
    """Return the value to be kept: a leading `;` adds to what is selected already of a multiple selection."""
    if given is None or not given.startswith(";") or definition["fieldType"] not in _SEVERAL:
        return given
    return ";".join(dict.fromkeys(v for v in f"{before or ''}{given}".split(";") if v))


def _kept(name: str, value: Any, definitions: Definitions, portal_id: int) -> str | None:
    definition = definitions.get(name)
    try:
        if definition is None or definition["archived"]:
            raise Refused("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
        if definition["calculated"] or definition["modificationMetadata"]["readOnlyValue"]:
            raise Refused("READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
        if isinstance(value, (dict, list)):
            raise Refused("INVALID_VALUE", f'"{name}" takes a string.')
        return None if value is None or value == "" else _checked(as_text(value), definition)
    except Refused as refused:
        raise refusal(name, refused, portal_id) from None


def _checked(value: str, definition: Mapping[str, Any]) -> str:
    match definition["type"]:
        case "number" if not _NUMBER.fullmatch(value):
            raise Refused("INVALID_INTEGER", f"{value} was not a valid number.")
        case "date":
            return _date(value)
        case "datetime":
            return _datetime(value)
        case "enumeration" | "bool":
            _check_options(value, definition)
    return value


def _check_options(value: str, definition: Mapping[str, Any]) -> None:
    allowed = [option["value"] for option in definition["options"]]
    chosen = value.split(";") if definition["fieldType"] in _SEVERAL else [value]
    # No options are given where they come from elsewhere, as owners do.
    if allowed and not {v for v in chosen if v} <= set(allowed):
        raise Refused("INVALID_OPTION", f"{value} was not one of the allowed options: [{', '.join(allowed)}]")


def _date(value: str) -> str:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise Refused("INVALID_DATE", f"{value} was not a valid date.") from None
    at = _instant(value, "INVALID_DATE", "date")
    if at % DAY_MS:
        raise Refused("INVALID_DATE", f"{value} is at {iso(at)[11:].rstrip('Z')} UTC, not midnight!")
    return iso(at)[:10]


def _datetime(value: str) -> str:
    return iso(_instant(value, "INVALID_DATE", "datetime"))


def _instant(value: str, code: str, kind: str) -> int:
    at = milliseconds(value)
    # Python's years end at 9999.
    if at is None or not -62_135_596_800_000 <= at <= 253_402_300_799_999:
        raise Refused(code, f"{value} was not a valid {kind}.")
    return at
