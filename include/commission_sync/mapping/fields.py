"""The types that our fields can have: how HubSpot's strings become them, and how they are kept in JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import partial

from commission_sync.mapping.formula import Kind, Value
from commission_sync.mapping.formula.dates import day
from commission_sync.streams.values import UnreadableValue, boolean, instant, number

# HubSpot's field type for an enumeration of which several options can be chosen at once: `core;support`.
SEVERAL = "checkbox"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class FieldType(StrEnum):
    """What a field of ours is declared to be."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    ENUMERATION = "enumeration"

    @property
    def kind(self) -> Kind:
        """What a formula sees."""
        return Kind.TEXT if self is FieldType.ENUMERATION else Kind(self.value)

    def fits(self, hubspot_type: str, hubspot_field_type: str, *, has_value_map: bool) -> bool:
        """Whether a HubSpot property of this type can fill such a field."""
        if self is FieldType.ENUMERATION and hubspot_field_type == SEVERAL:
            return False
        # A value map translates whatever an enumeration holds, so its result may be anything.
        if has_value_map and hubspot_type in {"enumeration", "bool"}:
            return True
        return self is FieldType.TEXT or hubspot_type in _SOURCES[self]


_SOURCES = {
    FieldType.NUMBER: {"number"},
    FieldType.BOOLEAN: {"bool"},
    FieldType.DATE: {"date", "datetime"},
    FieldType.DATETIME: {"datetime"},
    FieldType.ENUMERATION: {"enumeration", "bool"},
}
_NATURAL = {
    "number": FieldType.NUMBER,
    "bool": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "enumeration": FieldType.ENUMERATION,
}


def natural_type(hubspot_type: str, hubspot_field_type: str) -> FieldType:
    """Return the type of a field whose mapping does not say one."""
    return FieldType.TEXT if hubspot_field_type == SEVERAL else _NATURAL.get(hubspot_type, FieldType.TEXT)


def reader(field_type: FieldType, zone: tzinfo, hubspot_type: str | None = None) -> Callable[[str], Value]:
    """Return what turns a string of HubSpot's, which is not empty, into a value; it raises `UnreadableValue`.

    :param hubspot_type: the property's type in the portal's catalogue; None where that is not known
    """
    match field_type:
        case FieldType.NUMBER:
            return number
        case FieldType.BOOLEAN:
            return boolean
        case FieldType.DATETIME:
            return instant
        case FieldType.DATE:
            return day_reader(hubspot_type, zone)
        case _:
            return str


def day_reader(hubspot_type: str | None, zone: tzinfo) -> Callable[[str], date | None]:
    """Return what tells the day that a value of a property stands for; it raises `UnreadableValue`.

    A `date` property holds a day, which HubSpot writes as `2026-04-01`, as epoch milliseconds or as a time, the latter
    two of midnight UTC wherever the portal is. A `datetime` holds an instant, which belongs to a day of the portal's.
    """
    return partial(_day, zone, hubspot_type)


def _day(zone: tzinfo, hubspot_type: str | None, written: str) -> date | None:
    if _DAY.fullmatch(written):
        try:
            return date.fromisoformat(written)
        except ValueError:
            raise UnreadableValue(f"{written!r} is no day") from None
    moment = instant(written)
    if moment is None:
        return None
    is_day = hubspot_type == "date" or (hubspot_type is None and moment.time() == time())
    return moment.date() if is_day else day(moment, zone)


def to_json(value: Value) -> str | bool | None:
    """Return a value as `mapped` and `calculated` keep it: numbers as text, so that no reader makes them floats."""
    if isinstance(value, Decimal):
        # Zero has a sign in decimal arithmetic, and nobody is owed minus nothing.
        return format(value or abs(value), "f")
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


__all__ = ["SEVERAL", "FieldType", "UnreadableValue", "day_reader", "natural_type", "reader", "to_json"]
