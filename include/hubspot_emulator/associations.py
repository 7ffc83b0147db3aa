"""Associations of API version 4: reading, writing and labelling links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from hubspot_emulator import batch
from hubspot_emulator.call import Answer, Call
from hubspot_emulator.collection import Collection
from hubspot_emulator.errors import invalid, not_found
from hubspot_emulator.kinds import kind_of
from hubspot_emulator.links import Labels, Links
from hubspot_emulator.records import Version

# HubSpot's changelog of 2025-02-10, and "Associate records" for what is written.
MOST_READ, MOST_WRITTEN, MOST_TARGETS = 1_000, 2_000, 500


@dataclass(frozen=True)
class Ends:
    """The two types of a path and their links; `side` is the one that the path begins with."""

    call: Call
    mine: Collection
    theirs: Collection
    links: Links
    side: int

    def number(self, crm_id: Any) -> int:
        """Return the number of a live record of the first type; -1 when there is none."""
        return _number(self.mine, crm_id)

    def linked(self, crm_id: Any) -> dict[int, Labels]:
        """Return what a record of the first type is linked to."""
        return self.links.of(self.number(crm_id), self.side)

    def pair(self, crm_id: Any, to_id: Any) -> tuple[int, int]:
        """Return two records in the order of the links.

        :raises ApiError: 404 when one of them is not there
        """
        one, other = self.number(crm_id), _number(self.theirs, to_id)
        if one < 0 or other < 0:
            raise not_found(f"{self.mine.kind.label} {crm_id} or {self.theirs.kind.label} {to_id} does not exist")
        return (other, one) if self.side else (one, other)

    def shown(self, number: int, labels: Labels) -> dict[str, Any]:
        """Return a link as HubSpot answers it: ids are numbers in version 4, and perhaps text in dated ones."""
        crm_id = self.theirs.crm_id(number)
        as_text = not self.call.is_numbered and self.call.portal.knobs.dated_ids_are_text
        types = self.links.types(labels, self.side)
        return {"toObjectId": crm_id if as_text else int(crm_id), "associationTypes": types}

    def attach(self, crm_id: Any, to_id: Any, labels: Labels) -> None:
        """Link two records."""
        one, other = self.pair(crm_id, to_id)
        self.links.attach(one, other, labels)
        self._bump(one, other)

    def detach(self, crm_id: Any, to_id: Any) -> None:
        """Unlink two records; those that are not there have no links either."""
        one, other = self.number(crm_id), _number(self.theirs, to_id)
        if one >= 0 and other >= 0:
            found = (other, one) if self.side else (one, other)
            self.links.detach(*found)
            self._bump(*found)

    def _bump(self, one: int, other: int) -> None:
        if self.call.portal.knobs.links_bump:
            for name, number in ((self.links.pair.one, one), (self.links.pair.other, other)):
                collection = self.call.portal.collections[name]
                collection.written(collection.records.update(collection.records.version(number), {}))


def ends_of(call: Call) -> Ends:
    """Return what a path with two types is about.

    :raises ApiError: 400 for types that HubSpot does not link
    """
    theirs = call.portal.collections[kind_of(call.parameters["to"]).name]
    links, side = call.portal.linked(call.collection.kind.name, theirs.kind.name)
    return Ends(call, call.collection, theirs, links, side)


def batch_read(call: Call) -> Answer:
    """Read the links of up to 1,000 records; each that has none is an error entry of a 207."""
    ends, results, errors = ends_of(call), [], []
    for one in batch.inputs_of(call, most=MOST_READ):
        crm_id, after = str(one.get("id")), one.get("after")
        linked = ends.linked(crm_id)
        if linked:
            results.append({"from": {"id": crm_id}, **_page(ends, linked, after, MOST_TARGETS, "to")})
        else:
            errors.append(_none_found(ends, crm_id))
    return batch.answer(call, results, errors)


def read(call: Call) -> Answer:
    """Read the links of one record, a page at a time."""
    ends, crm_id = ends_of(call), call.parameters["id"]
    # A record that was merged away is no error: it is as if it had no links.
    if ends.mine.records.find(crm_id) is None:
        raise not_found()
    limit = call.number("limit", MOST_TARGETS, MOST_TARGETS)
    return Answer(_page(ends, ends.linked(crm_id), call.last("after") or None, limit, "results"))


def batch_create(call: Call) -> Answer:
    """Link up to 2,000 pairs of records, each with association types."""
    ends, results = ends_of(call), []
    for one in batch.inputs_of(call, most=MOST_WRITTEN):
        crm_id, to_id = _ids(one)
        labels = _labels(ends, one.get("types") or ())
        ends.attach(crm_id, to_id, labels)
        results.append(_created(ends, crm_id, to_id, labels))
    return batch.answer(call, results, [], 201)


def batch_create_default(call: Call) -> Answer:
    """Link up to 2,000 pairs of records with the plain association type."""
    ends, results = ends_of(call), []
    for one in batch.inputs_of(call, most=MOST_WRITTEN):
        crm_id, to_id = _ids(one)
        ends.attach(crm_id, to_id, frozenset())
        results += _both_ways(ends, crm_id, to_id)
    return batch.answer(call, results, [])


def batch_archive(call: Call) -> Answer:
    """Unlink records; several targets go with one source."""
    ends = ends_of(call)
    for one in batch.inputs_of(call, most=MOST_WRITTEN):
        for to in one.get("to") or ():
            ends.detach(*_ids({"from": one.get("from"), "to": to}))
    # The other status that differs between numbered and dated versions.
    return Answer(None, 204) if call.is_numbered else batch.answer(call, [], [])


def batch_unlabel(call: Call) -> Answer:
    """Take labels off links; without the plain type the link itself goes."""
    ends = ends_of(call)
    for one in batch.inputs_of(call, most=MOST_WRITTEN):
        types = one.get("types") or ()
        if any(ends.links.is_plain(t.get("associationTypeId"), ends.side) for t in types):
            ends.detach(*_ids(one))
        else:
            ends.links.unlabel(*ends.pair(*_ids(one)), _labels(ends, types))
    return Answer(None, 204) if call.is_numbered else batch.answer(call, [], [])


def put_default(call: Call) -> Answer:
    """Link two records with the plain association type."""
    ends, crm_id, to_id = ends_of(call), call.parameters["id"], call.parameters["to_id"]
    ends.attach(crm_id, to_id, frozenset())
    return batch.answer(call, _both_ways(ends, crm_id, to_id), [])


def put(call: Call) -> Answer:
    """Link two records with association types."""
    ends, crm_id, to_id = ends_of(call), call.parameters["id"], call.parameters["to_id"]
    labels = _labels(ends, call.listed)
    ends.attach(crm_id, to_id, labels)
    return Answer(_created(ends, crm_id, to_id, labels), 201)


def delete(call: Call) -> Answer:
    """Unlink two records."""
    ends_of(call).detach(call.parameters["id"], call.parameters["to_id"])
    return Answer(None, 204)


def list_labels(call: Call) -> Answer:
    """List the association types between two object types."""
    ends = ends_of(call)
    return Answer({"results": ends.links.every_type(ends.side)})


def create_label(call: Call) -> Answer:
    """Add a label: a pair of association types, one for each direction."""
    ends, label = ends_of(call), str(call.body.get("label") or "")
    if not label or not call.body.get("name"):
        raise invalid("Some required fields were not set: [name, label]")
    ends.links.add_label(label, str(call.body.get("inverseLabel") or label), ends.side)
    found = [t for t in ends.links.every_type(ends.side) if t["label"] == label]
    return Answer({"results": found})


def attach(call: Call, version: Version, wanted: Sequence[Any]) -> None:
    """Link a record that was just created: the association types say to what."""
    for one in wanted:
        types = one.get("types") or ()
        to_type = call.portal.linked_by(call.collection.kind.name, (t.get("associationTypeId") for t in types))
        ends = ends_of(replace(call, parameters={**call.parameters, "to": to_type}))
        ends.attach(ends.mine.crm_id(version.number), (one.get("to") or {}).get("id"), _labels(ends, types))


def _page(ends: Ends, linked: dict[int, Labels], after: Any, limit: int, name: str) -> dict[str, Any]:
    number = ends.theirs.records.source.lowest_number_above(int(after)) if str(after or "").isdecimal() else 0
    found = list(islice((n for n in linked if n >= number), limit + 1))
    body: dict[str, Any] = {name: [ends.shown(n, linked[n]) for n in found[:limit]]}
    if len(found) > limit:
        following = ends.theirs.crm_id(found[limit - 1])
        body["paging"] = {"next": {"after": following, "link": f"?after={following}"}}
    return body


def _none_found(ends: Ends, crm_id: str) -> dict[str, Any]:
    mine, theirs = ends.mine.kind, ends.theirs.kind
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {theirs.label} is associated with {mine.label} {crm_id}.",
        "context": {"fromObjectId": [crm_id], "fromObjectType": [mine.singular], "toObjectType": [theirs.singular]},
    }


def _labels(ends: Ends, types: Sequence[Any]) -> Labels:
    found = (ends.links.label(t.get("associationTypeId"), ends.side) for t in types)
    return frozenset(label for label in found if label is not None)


def _created(ends: Ends, crm_id: str, to_id: str, labels: Iterable[int]) -> dict[str, Any]:
    names = [t["label"] for t in ends.links.types(frozenset(labels), ends.side) if t["label"]]
    return {
        "fromObjectTypeId": ends.mine.kind.type_id,
        "fromObjectId": int(crm_id),
        "toObjectTypeId": ends.theirs.kind.type_id,
        "toObjectId": int(to_id),
        "labels": names,
    }


def _both_ways(ends: Ends, crm_id: str, to_id: str) -> list[dict[str, Any]]:
    pair = ends.links.pair
    directions = ((crm_id, to_id, ends.mine.kind.name), (to_id, crm_id, ends.theirs.kind.name))
    return [
        {
            "from": {"id": one},
            "to": {"id": other},
            "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": pair.type_id(name)},
        }
        for one, other, name in directions
    ]


def _ids(one: batch.Input) -> tuple[str, str]:
    ends = [one.get("from"), one.get("to")]
    if not all(isinstance(end, dict) and end.get("id") for end in ends):
        raise invalid("Invalid input JSON: each input needs a from and a to, with an id each")
    return str(one["from"]["id"]), str(one["to"]["id"])


def _number(collection: Collection, crm_id: Any) -> int:
    version: Version | None = collection.records.find(str(crm_id))
    return version.number if version is not None and version.is_live else -1
