"""What an object type declares; everything else about it is served the same way for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubspot_emulator.spec import PortalSpec

if TYPE_CHECKING:
    from hubspot_emulator.source import Source

Properties = dict[str, str | None]


@dataclass(frozen=True)
class Fields:
    """The properties that a type has to begin with, as names with their types."""

    defined: Mapping[str, str] = field(default_factory=dict)
    read_only: Mapping[str, str] = field(default_factory=dict)
    calculated: Mapping[str, str] = field(default_factory=dict)
    custom: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text_areas: frozenset[str] = frozenset()
    html: frozenset[str] = frozenset()
    check_boxes: frozenset[str] = frozenset()
    from_elsewhere: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Moment:
    """What calculated properties depend on beside the record itself."""

    home_currency: str
    modified_ms: int
    now_ms: int
    rate: Callable[[str, int], str | None]


def _nothing(_: Properties, __: Moment) -> Properties:
    return {}


@dataclass(frozen=True)
class Kind:
    """An object type.

    :param salt: sets its noise apart from that of the other types
    :param read: the scopes of which a read needs one; `write`, `schema_read` and `schema_write` alike
    :param generate: its own properties, from their number alone
    :param calculate: the properties that HubSpot works out of the others
    :param steady: those of them that depend on nothing but the record
    :param edited: what people change, as names with the values they choose from
    :param offsets: how far from where they start the deals are that records hang on; see `Spread`
    :param crowd: how many more records hang all on one deal
    :param guarded: properties that have values only for those who have one more scope
    """

    name: str
    singular: str
    type_id: str
    salt: int
    group: str
    fields: Fields
    defaults: tuple[str, ...]
    count: Callable[[PortalSpec], int]
    generate: Callable[[Source, int], Properties]
    read: tuple[str, ...]
    write: tuple[str, ...]
    schema_read: tuple[str, ...]
    schema_write: tuple[str, ...]
    calculate: Callable[[Properties, Moment], Properties] = _nothing
    steady: tuple[str, ...] = ()
    created: str = "hs_createdate"
    modified: str = "hs_lastmodifieddate"
    searched: tuple[str, ...] = ()
    edited: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    guarded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    merges: bool = False
    offsets: tuple[tuple[int, ...], ...] = ((),)
    crowd: Callable[[PortalSpec], int] = lambda _: 0

    @property
    def label(self) -> str:
        """The name as it stands between words: `line item`."""
        return self.singular.replace("_", " ")

    @property
    def always(self) -> tuple[str, ...]:
        """The properties that come with every answer."""
        return (self.created, self.modified, "hs_object_id")
