"""What HubSpot's events say: which object of which portal has changed. Pure; nothing is believed of the values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

# HubSpot, "Object type IDs"; a generic subscription (`object.*`) names the type by its id.
OBJECT_TYPES = {
    "0-1": "contact",
    "0-2": "company",
    "0-3": "deal",
    "0-7": "product",
    "0-8": "line_item",
    "0-27": "task",
    "0-46": "note",
    "0-47": "meeting",
    "0-48": "call",
    "0-49": "email",
}
_GENERIC = "object"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MILLISECOND = 253_402_300_799_999  # of the year 9999, the last that Python knows

Id = Annotated[int, Field(ge=0, le=2**63 - 1)]
Word = Annotated[str, Field(min_length=1, max_length=200)]


class ObjectRef(NamedTuple):
    """An object of a portal: `deal`, `line_item`, ... and its id."""

    object_type: str
    crm_id: int


class Event(BaseModel):
    """One event of a webhook (HubSpot, "Webhooks API"); only what says where and when something changed.

    The new value is not taken from it: events come late, twice and out of order, and the record is read afresh anyway.
    """

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore")

    portal_id: Id
    occurred_at: Annotated[int, Field(ge=0, le=_LAST_MILLISECOND)]
    subscription_type: Word
    subscription_id: Id = 0
    event_id: Id = 0
    object_id: Id | None = None
    object_type_id: Word | None = None
    from_object_id: Id | None = None
    from_object_type_id: Word | None = None
    to_object_id: Id | None = None
    to_object_type_id: Word | None = None
    association_type: Word | None = None
    primary_object_id: Id | None = None
    merged_object_ids: Annotated[tuple[Id, ...], Field(max_length=1_000)] = ()
    new_object_id: Id | None = None

    @model_validator(mode="after")
    def _names_an_object(self) -> Event:
        if not self.touched:
            raise ValueError("it names no object")
        return self

    @property
    def at(self) -> datetime:
        """When it happened."""
        return _EPOCH + timedelta(milliseconds=self.occurred_at)

    @property
    def key(self) -> str:
        """What a repeated delivery shares with the first; an `eventId` alone is not promised to be unique."""
        which = self.object_id if self.object_id is not None else f"{self.from_object_id}>{self.to_object_id}"
        return f"{self.portal_id}:{self.subscription_id}:{self.event_id}:{which}:{self.occurred_at}"

    @property
    def object_type(self) -> str:
        """The kind of object that the subscription is for."""
        prefix = self.subscription_type.partition(".")[0]
        return _named(self.object_type_id or self.from_object_type_id or prefix) if prefix == _GENERIC else prefix

    @property
    def object(self) -> ObjectRef:
        """The object that it is mostly about."""
        candidates = (self.object_id, self.new_object_id, self.primary_object_id, *self._ends, *self.merged_object_ids)
        return ObjectRef(self.object_type, next(i for i in candidates if i))

    @property
    def touched(self) -> frozenset[ObjectRef]:
        """Every object that may look different now: both ends of an association, all parts of a merge."""
        own = (self.object_id, self.primary_object_id, self.new_object_id, *self.merged_object_ids)
        found = {ObjectRef(self.object_type, i) for i in own if i}
        source, target = self._association
        found |= {ObjectRef(kind, i) for kind, i in ((source, self.from_object_id), (target, self.to_object_id)) if i}
        return frozenset(found)

    @property
    def _ends(self) -> tuple[int | None, ...]:
        return (self.from_object_id, self.to_object_id)

    @property
    def _association(self) -> tuple[str, str]:
        # `DEAL_TO_LINE_ITEM`; a generic subscription gives the two type ids instead.
        source, _, target = (self.association_type or "").lower().partition("_to_")
        return (
            _named(self.from_object_type_id or source or self.object_type),
            _named(self.to_object_type_id or target or "unknown"),
        )


def event_of(payload: Any) -> Event:
    """Return the event that a payload is.

    :raises pydantic.ValidationError: when it is none.
    """
    return Event.model_validate(payload)


def _named(object_type: str) -> str:
    return OBJECT_TYPES.get(object_type, object_type)
