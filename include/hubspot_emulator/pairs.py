"""Which object types are linked, and by which association types."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """Two linked object types; `forward` and `back` are the ids of the plain association type, one per direction.

    :param generated: whether records of `other` hang on deals from the start
    :param primary: the ids of the one association type that has a label, `Primary`
    :param single: whether a record of `other` hangs on one record only
    """

    one: str
    other: str
    forward: int
    back: int
    generated: bool = False
    primary: tuple[int, int] | None = None
    single: bool = False

    def type_id(self, from_type: str) -> int:
        """Return the id of the plain type as seen from one of the two."""
        return self.forward if from_type == self.one else self.back


# HubSpot, "Associate records": association type id values.
PAIRS = (
    Pair("deals", "line_items", 19, 20, generated=True, single=True),
    Pair("deals", "calls", 205, 206, generated=True),
    Pair("deals", "emails", 209, 210, generated=True),
    Pair("deals", "meetings", 211, 212, generated=True),
    Pair("deals", "notes", 213, 214, generated=True),
    Pair("deals", "tasks", 215, 216, generated=True),
    Pair("deals", "contacts", 3, 4, generated=True),
    Pair("deals", "companies", 341, 342, generated=True, primary=(5, 6)),
    Pair("contacts", "calls", 193, 194),
    Pair("contacts", "emails", 197, 198),
    Pair("contacts", "meetings", 199, 200),
    Pair("contacts", "notes", 201, 202),
    Pair("contacts", "tasks", 203, 204),
    Pair("contacts", "companies", 279, 280, primary=(1, 2)),
    Pair("companies", "calls", 181, 182),
    Pair("companies", "emails", 185, 186),
    Pair("companies", "meetings", 187, 188),
    Pair("companies", "notes", 189, 190),
    Pair("companies", "tasks", 191, 192),
)
