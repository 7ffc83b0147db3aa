"""A request as the resources see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from hubspot_emulator.collection import Collection
from hubspot_emulator.errors import invalid
from hubspot_emulator.kinds import kind_of
from hubspot_emulator.portal import Portal


@dataclass(frozen=True)
class Call:
    """One API call: where it goes, with what, in which version of the API."""

    portal: Portal
    path: str
    version: str
    parameters: Mapping[str, str]
    query: Mapping[str, list[str]]
    raw_body: bytes = b""
    token: str = field(default="", repr=False)

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the caller may do."""
        return self.portal.spec.scopes

    @property
    def collection(self) -> Collection:
        """The records of the object type that the path names."""
        return self.portal.collections[kind_of(self.parameters["type"]).name]

    @property
    def is_numbered(self) -> bool:
        """Whether the path has a numbered version of the API, not a dated one."""
        return self.version.startswith("v")

    @property
    def body(self) -> dict[str, Any]:
        """The parsed JSON body; almost every call of these APIs that has one sends an object.

        :raises ApiError: 400 when it is none
        """
        parsed = self._parsed("{}")
        if not isinstance(parsed, dict):
            raise invalid("Invalid input JSON on line 1, column 1: the body is not an object")
        return parsed

    @property
    def listed(self) -> list[Any]:
        """The parsed JSON body where it is a list of objects.

        :raises ApiError: 400 when it is none
        """
        parsed = self._parsed("[]")
        if not isinstance(parsed, list) or not all(isinstance(one, dict) for one in parsed):
            raise invalid("Invalid input JSON on line 1, column 1: the body is not a list of objects")
        return parsed

    def _parsed(self, otherwise: str) -> Any:
        try:
            return orjson.loads(self.raw_body or otherwise)
        except orjson.JSONDecodeError:
            raise invalid("Invalid input JSON on line 1, column 1: the body is not JSON") from None

    def last(self, name: str, otherwise: str = "") -> str:
        """Return a query parameter that is given once."""
        return self.query.get(name, [otherwise])[-1]

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter, in whatever case the client writes it."""
        return self.last(name).lower() == "true"

    def number(self, name: str, otherwise: int, most: int) -> int:
        """Return a whole query parameter.

        :raises ApiError: 400 when it is none or out of bounds
        """
        value = self.last(name, str(otherwise))
        if not value.isdigit() or not 1 <= int(value) <= most:
            raise invalid(f"{name} must be a whole number between 1 and {most}")
        return int(value)

    def names(self, name: str) -> tuple[str, ...]:
        """Return a list parameter, given as repeated keys or with commas."""
        return _split(tuple(self.query.get(name, ())))


@dataclass(frozen=True)
class Answer:
    """What a resource answers; a body of None is empty."""

    body: Any = None
    status: int = 200


@lru_cache(maxsize=256)
def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for value in values for name in value.split(",") if name)
