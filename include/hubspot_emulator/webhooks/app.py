"""An app with webhooks: where they go, how they are signed, and what it has subscribed to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from itertools import count
from typing import Any

from hubspot_emulator.errors import invalid
from hubspot_emulator.kinds import KINDS
from hubspot_emulator.times import iso, now_ms

APP_ID = 99_001
DEVELOPER_KEY = "emulated-developer-key"
CLIENT_SECRET = "emulated-webhook-secret"  # noqa: S105 - of the emulator only

# HubSpot, "Webhooks API": a thousand subscriptions for an app; line items and products know no association.
MOST_SUBSCRIPTIONS = 1_000
_WITH_EVENTS = ("contact", "company", "deal", "ticket", "product", "line_item", "object")
_EVENTS = ("creation", "deletion", "propertyChange", "associationChange", "merge", "restore")
# HubSpot does not tell of what every change changes.
_NOT_SUBSCRIBABLE = {"hs_lastmodifieddate", "lastmodifieddate"}


@dataclass
class Subscription:
    """What the app wants to hear of."""

    id: int
    event_type: str
    property_name: str | None = None
    object_type_id: str | None = None
    active: bool = True
    created_at: str = field(default_factory=lambda: iso(now_ms()))

    def as_dict(self) -> dict[str, Any]:
        """Return it as HubSpot shows it."""
        shown: dict[str, Any] = {"id": str(self.id), "eventType": self.event_type, "active": self.active}
        shown |= {"createdAt": self.created_at, "updatedAt": self.created_at}
        shown |= {"propertyName": self.property_name} if self.property_name else {}
        return shown | ({"objectTypeId": self.object_type_id} if self.object_type_id else {})


@dataclass
class SenderKnobs:
    """How deliveries go wrong, and how long HubSpot's patience and pauses are.

    :param time_scale: HubSpot retries for a day; 0.001 makes that 86 seconds
    :param v1: whether the signature of version 1 comes along, as it does
    """

    batch_ms: float = 100.0
    timeout_seconds: float = 5.0
    time_scale: float = 1.0
    drop_probability: float = 0.0
    duplicate_probability: float = 0.0
    wrong_signature_probability: float = 0.0
    disorder_ms: float = 0.0
    v1: bool = True


class App:
    """The one app; nothing is sent before it has a target."""

    def __init__(self) -> None:
        self.target_url: str | None = None
        self.secret = CLIENT_SECRET
        self.knobs = SenderKnobs()
        self.subscriptions: dict[int, Subscription] = {}
        self._ids = count(5_000_001)

    def turn(self, wanted: dict[str, Any]) -> None:
        """Set `url`, `secret`, `subscriptions` (`all`) and any of the knobs.

        :raises ValueError: for a name that is none of them
        """
        names = {f.name for f in fields(SenderKnobs)}
        for name, value in wanted.items():
            if name == "url":
                self.target_url = value
            elif name == "secret":
                self.secret = value
            elif name == "subscriptions":
                self._subscribe_to(value)
            elif name in names:
                setattr(self.knobs, name, value)
            else:
                raise ValueError(f"there is no knob {name!r}; there are {', '.join(sorted(names))}")

    def subscribe(self, wanted: dict[str, Any]) -> Subscription:
        """Add a subscription.

        :raises ApiError: 400 for one that HubSpot does not offer
        """
        event_type, name = str(wanted.get("eventType") or ""), wanted.get("propertyName")
        kind, _, what = event_type.partition(".")
        if kind not in _WITH_EVENTS or what not in _EVENTS or event_type == "product.associationChange":
            raise invalid(f"Invalid event type: {event_type}")
        if (what == "propertyChange") != bool(name) or name in _NOT_SUBSCRIBABLE:
            raise invalid(f"Invalid propertyName {name} for {event_type}")
        if (kind == "object") != bool(wanted.get("objectTypeId")):
            raise invalid(f"Invalid objectTypeId for {event_type}")
        if len(self.subscriptions) >= MOST_SUBSCRIPTIONS:
            raise invalid(f"An app can have {MOST_SUBSCRIPTIONS} subscriptions at most")
        active = bool(wanted.get("active", False))
        one = Subscription(next(self._ids), event_type, name, wanted.get("objectTypeId"), active)
        if any(self._same(one, known) for known in self.subscriptions.values()):
            raise invalid(f"A subscription for {event_type} {name or ''} exists already")
        self.subscriptions[one.id] = one
        return one

    def matching(self, singular: str, type_id: str, what: str, name: str | None = None) -> Iterator[Subscription]:
        """Yield the active subscriptions that an event is of."""
        for one in self.subscriptions.values():
            kind, _, wanted = one.event_type.partition(".")
            fits = one.object_type_id == type_id if kind == "object" else kind == singular
            if one.active and fits and wanted == what and one.property_name == name:
                yield one

    def _subscribe_to(self, which: Any) -> None:
        self.subscriptions.clear()
        if which != "all":
            for wanted in which:
                self.subscribe({"active": True, **wanted})
            return
        for kind in KINDS:
            own = {"objectTypeId": kind.type_id} if kind.singular not in _WITH_EVENTS else {}
            prefix = "object" if own else kind.singular
            for what in _EVENTS:
                if what == "propertyChange" or (prefix, what) == ("product", "associationChange"):
                    continue
                self.subscribe({"eventType": f"{prefix}.{what}", "active": True, **own})
            for name in sorted({*kind.fields.defined, *kind.fields.custom} - _NOT_SUBSCRIBABLE):
                self.subscribe({"eventType": f"{prefix}.propertyChange", "propertyName": name, "active": True, **own})

    def _same(self, one: Subscription, known: Subscription) -> bool:
        return (one.event_type, one.property_name, one.object_type_id) == (
            known.event_type,
            known.property_name,
            known.object_type_id,
        )
