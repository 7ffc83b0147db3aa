"""What events name: every object that may look different now, under one name whichever kind of subscription told."""

import pytest
from pydantic import ValidationError

from commission_sync.webhooks.events import event_of
from webhook_requests import event


def touched(**values):
    return {(ref.object_type, ref.crm_id) for ref in event_of(event(**values)).touched}


def test_a_plain_event_names_its_object():
    assert touched(object_id=5, kind="line_item.creation") == {("line_item", 5)}


def test_a_generic_subscription_names_the_type_by_its_id():
    assert touched(object_id=5, kind="object.propertyChange", objectTypeId="0-3") == {("deal", 5)}
    assert touched(object_id=5, kind="object.creation", objectTypeId="2-4711") == {("2-4711", 5)}


def test_a_merge_names_the_survivor_and_all_that_went_into_it():
    told = {"primaryObjectId": 1, "mergedObjectIds": [2, 3], "newObjectId": 9}
    assert touched(object_id=9, kind="deal.merge", **told) == {("deal", i) for i in (1, 2, 3, 9)}


def test_what_names_only_the_merged_is_about_the_first_of_them():
    told = event_of(event(object_id=None, kind="deal.merge", mergedObjectIds=[2, 3]))
    assert told.object == ("deal", 2)


@pytest.mark.parametrize(
    ("told", "ends"),
    [
        ({"kind": "deal.associationChange", "associationType": "DEAL_TO_LINE_ITEM"}, {("deal", 1), ("line_item", 2)}),
        (
            {"kind": "line_item.associationChange", "associationType": "LINE_ITEM_TO_DEAL"},
            {("line_item", 1), ("deal", 2)},
        ),
        (
            {"kind": "object.associationChange", "fromObjectTypeId": "0-46", "toObjectTypeId": "0-3"},
            {("note", 1), ("deal", 2)},
        ),
    ],
)
def test_an_association_names_both_ends(told, ends):
    assert touched(object_id=None, fromObjectId=1, toObjectId=2, **told) == ends


def test_a_repeated_delivery_has_the_same_key_and_anything_else_another():
    first = event(5)
    key = event_of(first).key
    assert event_of({**first, "attemptNumber": 4}).key == key
    for name in ("portalId", "subscriptionId", "eventId", "objectId", "occurredAt"):
        assert event_of({**first, name: first[name] + 1}).key != key


@pytest.mark.parametrize(
    "broken", [{"objectId": None}, {"objectId": -1}, {"occurredAt": 10**15}, {"subscriptionType": ""}]
)
def test_what_names_no_object_or_no_time_is_no_event(broken):
    with pytest.raises(ValidationError):
        event_of({**event(5), **broken})
