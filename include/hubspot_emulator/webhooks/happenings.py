"""Turns writes into the events that the app has subscribed to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hubspot_emulator.collection import Collection
from hubspot_emulator.links import Links
from hubspot_emulator.portal import Portal
from hubspot_emulator.records import Version
from hubspot_emulator.webhooks.app import APP_ID, App

Event = dict[str, Any]


class Happenings:
    """What happens in one portal."""

    def __init__(self, portal: Portal, app: App, offer: Callable[[Event], None]) -> None:
        self._portal = portal
        self._app = app
        self._offer = offer
        self._seen: dict[tuple[str, int], Version] = {}

    def listen(self) -> None:
        """Hear of every write from now on."""
        for collection in self._portal.collections.values():
            collection.listeners.append(partial(self._written, collection))
        for links in self._portal.links:
            links.listeners.append(partial(self._linked, links))
        self._portal.merge_listeners.append(self._merged)

    def _written(self, collection: Collection, after: Version) -> None:
        key = (collection.kind.name, after.number)
        before = self._seen.get(key) or self._original(collection, after)
        self._seen[key] = after
        tell = partial(self._tell, collection, objectId=int(collection.crm_id(after.number)))
        if before is None:
            tell("creation", changeFlag="NEW")
        old = {} if before is None else before.changes
        for name, value in after.changes.items():
            if name not in old or old[name] != value:
                tell("propertyChange", name, propertyName=name, propertyValue=value or "", isSensitive=False)
        was_archived = before is not None and before.archived_ms is not None
        if after.archived_ms is not None and not was_archived:
            tell("deletion", changeFlag="DELETED")
        elif after.archived_ms is None and was_archived:
            tell("restore", changeFlag="RESTORED")

    def _original(self, collection: Collection, version: Version) -> Version | None:
        source = collection.records.source
        if version.number >= source.count:
            return None
        return Version(version.number, source.modified_ms(version.number))

    def _merged(self, kind: str, primary: Version, loser: Version, target: Version) -> None:
        collection = self._portal.collections[kind]
        ids = [int(collection.crm_id(v.number)) for v in (primary, loser, target)]
        self._tell(
            collection,
            "merge",
            objectId=ids[2],
            primaryObjectId=ids[0],
            mergedObjectIds=[ids[1]],
            newObjectId=ids[2],
            numberOfPropertiesMoved=0,
            changeFlag="MERGED",
        )

    def _linked(self, links: Links, one: int, other: int, is_linked: bool) -> None:
        ends = [(self._portal.collections[links.pair.one], one), (self._portal.collections[links.pair.other], other)]
        # Both directions fire.
        for (mine, number), (theirs, their_number) in (ends, ends[::-1]):
            self._tell(
                mine,
                "associationChange",
                associationType=f"{mine.kind.singular}_TO_{theirs.kind.singular}".upper(),
                associationCategory="HUBSPOT_DEFINED",
                associationTypeId=links.pair.type_id(mine.kind.name),
                fromObjectId=int(mine.crm_id(number)),
                toObjectId=int(theirs.crm_id(their_number)),
                fromObjectTypeId=mine.kind.type_id,
                toObjectTypeId=theirs.kind.type_id,
                associationRemoved=not is_linked,
                isPrimaryAssociation=False,
            )

    def _tell(self, collection: Collection, what: str, name: str | None = None, **values: Any) -> None:
        kind = collection.kind
        for subscription in self._app.matching(kind.singular, kind.type_id, what, name):
            generic = {"objectTypeId": kind.type_id} if subscription.object_type_id else {}
            self._offer(
                {
                    "eventId": self._portal.chance.randrange(1, 2**32),
                    "subscriptionId": subscription.id,
                    "portalId": self._portal.spec.portal_id,
                    "appId": APP_ID,
                    "occurredAt": self._portal.clock.now(),
                    "subscriptionType": subscription.event_type,
                    "attemptNumber": 0,
                    "changeSource": "CRM_UI",
                    "sourceId": "userId:5001",
                    **generic,
                    **values,
                }
            )
