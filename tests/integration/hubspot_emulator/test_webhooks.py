"""The emulator sends webhooks as HubSpot does, and lets them go wrong in every way HubSpot's may."""

import time

import httpx
import pytest
from hubspot.utils.signature import Signature
from hubspot.webhooks import ApiClient, Configuration, SubscriptionsApi

from hubspot_emulator import PortalSpec, running_emulator
from hubspot_emulator.webhooks.app import APP_ID, DEVELOPER_KEY
from listener import Listener
from postgres_owner import eventually

PORTAL = PortalSpec("acme", 1001, 40, "pat-na1-acme")


@pytest.fixture
def emulator():
    with running_emulator([PORTAL], limits=False) as running:
        yield running


def wired(emulator, listener, **knobs):
    emulator.admin.set_webhooks(url=listener.url, secret="s3cret", subscriptions="all", batch_ms=20, **knobs)
    return emulator.admin


def api(emulator, method, path, body=None):
    answer = httpx.request(method, emulator.url + path, json=body, headers={"Authorization": f"Bearer {PORTAL.token}"})
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else {}


def settled(admin):
    return eventually(lambda: admin.webhooks()["under_way"] == 0, 20)


def types(listener):
    return [event["subscriptionType"] for event in listener.events]


def test_a_change_is_told_of_once_for_each_subscribed_property_and_signed_in_both_ways(emulator):
    with Listener() as listener:
        admin = wired(emulator, listener)
        deal = admin.truth_ids(1001)[0]
        admin.override_deal(1001, deal, {"amount": "12.50", "hs_next_step": "Call", "not_subscribed": "x"})
        assert settled(admin)
    (request,) = listener.requests
    told = {(e["subscriptionType"], e["propertyName"], e["propertyValue"]) for e in request["events"]}
    assert told == {
        ("deal.propertyChange", "amount", "12.50"),
        ("deal.propertyChange", "hs_next_step", "Call"),
    }
    first = request["events"][0]
    assert (first["objectId"], first["portalId"], first["appId"], first["attemptNumber"]) == (
        int(deal),
        1001,
        APP_ID,
        0,
    )
    assert abs(first["occurredAt"] - time.time() * 1000) < 20_000
    headers, body = request["headers"], request["body"].decode()
    assert Signature.is_valid(
        headers["X-HubSpot-Signature-v3"],
        "s3cret",
        body,
        listener.url,
        "POST",
        "v3",
        headers["X-HubSpot-Request-Timestamp"],
    )
    assert headers["X-HubSpot-Signature-Version"] == "v1"
    assert Signature.is_valid(headers["X-HubSpot-Signature"], "s3cret", body, signature_version="v1")


def test_creation_deletion_restore_merge_and_links_are_told_of(emulator):
    with Listener() as listener:
        admin = wired(emulator, listener)
        kept, gone, third = admin.truth_ids(1001)[:3]
        created = api(emulator, "POST", "/crm/v3/objects/line_items", {"properties": {"name": "Seat"}})["id"]
        api(emulator, "PUT", f"/crm/v4/objects/deals/{third}/associations/default/line_items/{created}")
        api(emulator, "DELETE", f"/crm/v3/objects/deals/{third}")
        admin.restore_deal(1001, third)
        api(emulator, "POST", "/crm/v3/objects/deals/merge", {"primaryObjectId": kept, "objectIdToMerge": gone})
        assert settled(admin)
    found = types(listener)
    for wanted in ("line_item.creation", "deal.deletion", "deal.restore", "deal.merge"):
        assert found.count(wanted) == 1, wanted
    (merge,) = [e for e in listener.events if e["subscriptionType"] == "deal.merge"]
    assert (merge["primaryObjectId"], merge["mergedObjectIds"], merge["newObjectId"]) == (
        int(kept),
        [int(gone)],
        int(kept),
    )
    both = {
        (e["associationType"], e["fromObjectId"], e["toObjectId"])
        for e in listener.events
        if e["subscriptionType"].endswith("associationChange") and not e["associationRemoved"]
    }
    assert ("DEAL_TO_LINE_ITEM", int(third), int(created)) in both
    assert ("LINE_ITEM_TO_DEAL", int(created), int(third)) in both


def test_batches_hold_a_hundred_at_most(emulator):
    with Listener() as listener:
        admin = wired(emulator, listener)
        admin.send_webhooks([{"eventId": n, "attemptNumber": 0} for n in range(250)])
        assert settled(admin)
    assert sorted(len(r["events"]) for r in listener.requests) == [50, 100, 100]


def test_what_is_refused_or_not_answered_in_time_is_sent_again_with_a_higher_number(emulator):
    with Listener(answer=lambda number: [503, 401, 200][min(number, 3) - 1]) as listener:
        admin = wired(emulator, listener, time_scale=0.0005)
        admin.send_webhooks([{"eventId": 1}])
        assert settled(admin)
    assert [r["events"][0]["attemptNumber"] for r in listener.requests] == [0, 1, 2]
    assert admin.webhooks()["delivered"] == 1
    with Listener(delay_seconds=0.4) as slow:
        admin = wired(emulator, slow, time_scale=0.0002, timeout_seconds=0.1)
        admin.reset_webhooks()
        admin.send_webhooks([{"eventId": 2}])
        assert eventually(lambda: admin.webhooks().get("given_up") == 1, 60)
    assert admin.webhooks()["answered_no_answer"] == 11, "the first attempt and ten more"


def test_duplicates_drops_disorder_and_wrong_signatures(emulator):
    with Listener() as listener:
        admin = wired(emulator, listener, duplicate_probability=1.0)
        admin.send_webhooks([{"eventId": n} for n in range(20)])
        assert settled(admin)
        assert len(listener.events) == 40
        admin.set_webhooks(duplicate_probability=0.0, drop_probability=1.0)
        admin.send_webhooks([{"eventId": 100}])
        assert admin.webhooks()["dropped"] == 1
        admin.set_webhooks(drop_probability=0.0, disorder_ms=50)
        admin.send_webhooks([{"eventId": n} for n in range(200, 300)])
        assert settled(admin)
        order = [e["eventId"] for e in listener.events if e["eventId"] >= 200]
        assert order != sorted(order)
        assert sorted(order) == list(range(200, 300))
        admin.set_webhooks(disorder_ms=0, wrong_signature_probability=1.0)
        admin.send_webhooks([{"eventId": 400}])
        assert settled(admin)
    last = listener.requests[-1]
    stamp = last["headers"]["X-HubSpot-Request-Timestamp"]
    given = last["headers"]["X-HubSpot-Signature-v3"]
    assert given != Signature.get_signature("s3cret", last["body"].decode(), "v3", listener.url, "POST", stamp)


def test_the_official_client_manages_subscriptions(emulator):
    configuration = Configuration(host=emulator.url)
    configuration.api_key["developer_hapikey"] = DEVELOPER_KEY
    official = SubscriptionsApi(ApiClient(configuration))
    created = official.create(APP_ID, {"eventType": "deal.propertyChange", "propertyName": "amount", "active": True})
    assert created.event_type == "deal.propertyChange"
    listed = official.get_all(APP_ID).results
    assert [(one.id, one.property_name, one.active) for one in listed] == [(created.id, "amount", True)]
    with Listener() as listener:
        emulator.admin.set_webhooks(url=listener.url, batch_ms=10)
        deal = emulator.admin.truth_ids(1001)[0]
        emulator.admin.override_deal(1001, deal, {"amount": "1", "dealname": "not subscribed"})
        assert settled(emulator.admin)
        official.update(int(created.id), APP_ID, {"active": False})
        emulator.admin.override_deal(1001, deal, {"amount": "2"})
        official.archive(int(created.id), APP_ID)
    assert [e["propertyName"] for e in listener.events] == ["amount"]
    assert official.get_all(APP_ID).results == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"eventType": "deal.propertyChange"},
        {"eventType": "deal.propertyChange", "propertyName": "hs_lastmodifieddate"},
        {"eventType": "deal.explosion"},
        {"eventType": "product.associationChange"},
        {"eventType": "object.creation"},
    ],
)
def test_subscriptions_that_hubspot_does_not_offer_are_refused(emulator, wanted):
    url = f"{emulator.url}/webhooks/v3/{APP_ID}/subscriptions?hapikey={DEVELOPER_KEY}"
    assert httpx.post(url, json=wanted).status_code == 400


def test_without_the_developers_key_nothing_is_told(emulator):
    assert httpx.get(f"{emulator.url}/webhooks/v3/{APP_ID}/subscriptions").status_code == 401
