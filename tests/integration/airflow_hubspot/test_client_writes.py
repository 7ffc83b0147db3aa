"""Writing through the client: batches of which a part goes wrong, and properties that may be there already."""

import pytest

from airflow_hubspot.client import HubSpotClient, HubSpotError, InMemoryLimiter, Invalid, NotFound, Unavailable
from hubspot_emulator import PortalSpec, running_emulator

PORTAL = PortalSpec("acme", 1001, 250, "pat-na1-acme-secret")
NUMBER = {"label": "A number", "type": "number", "fieldType": "number", "groupName": "commissions"}


@pytest.fixture
def emulator():
    with running_emulator([PORTAL], limits=False) as running:
        yield running


@pytest.fixture
def client(emulator):
    limiter = InMemoryLimiter(10_000, 10_000)
    with HubSpotClient(token=PORTAL.token, base_url=emulator.url, timeout_seconds=1.0, limiter=limiter) as made:
        yield made


@pytest.fixture
def ids(emulator):
    return emulator.admin.truth_ids(1001)


def names(client, ids):
    found = client.objects.batch_read("deals", ids, ["dealname"]).results
    return {record["id"]: record["properties"]["dealname"] for record in found}


def change(crm_id, **properties):
    return {"id": crm_id, "properties": properties}


def test_a_batch_update_changes_what_is_there_and_names_what_is_not(client, ids):
    written = client.objects.batch_update("deals", [change(ids[0], dealname="New"), change("1", dealname="Lost")])
    assert [record["properties"]["dealname"] for record in written.results] == ["New"]
    assert [(failure.ids, failure.category) for failure in written.failures] == [(("1",), "OBJECT_NOT_FOUND")]
    assert written.correlation_id
    assert names(client, ids[:1]) == {ids[0]: "New"}


def test_one_bad_value_changes_nothing_and_tells_its_code(client, ids):
    before = names(client, ids[:2])
    with pytest.raises(Invalid) as refused:
        client.objects.batch_update("deals", [change(ids[0], dealname="New"), change(ids[1], amount="twelve")])
    assert (refused.value.property_name, refused.value.code) == ("amount", "INVALID_INTEGER")
    assert names(client, ids[:2]) == before


def test_a_write_whose_answer_is_lost_is_not_sent_again(client, emulator, ids):
    emulator.admin.set_faults(1001, {"next": ["reset_after_commit"]})
    with pytest.raises(Unavailable):
        client.objects.batch_update("deals", [change(ids[0], dealname="New")])
    assert emulator.admin.stats(1001)["by_operation"]["deals.batch.update"] == 1
    assert names(client, ids[:1]) == {ids[0]: "New"}


def test_a_merged_deal_is_found_by_its_old_id_and_an_archived_one_is_not(client, ids):
    client.sdk.call("POST", "/crm/v3/objects/deals/merge", body={"primaryObjectId": ids[0], "objectIdToMerge": ids[1]})
    client.sdk.call("DELETE", f"/crm/v3/objects/deals/{ids[2]}")
    assert client.objects.get("deals", ids[1], ["dealname"])["id"] == ids[0]
    with pytest.raises(NotFound):
        client.objects.get("deals", ids[2], ["dealname"])


def test_a_batch_read_tells_the_history_of_values_the_newest_first(client, ids):
    client.objects.batch_update("deals", [change(ids[0], dealname="New")])
    (record,) = client.objects.batch_read_history("deals", ids[:1], ["dealname"]).results
    values = [past["value"] for past in record["propertiesWithHistory"]["dealname"]]
    assert (values[0], len(values)) == ("New", 2)
    with pytest.raises(ValueError, match="at most 50 ids, not 51"):
        client.objects.batch_read_history("deals", ids[:51], ["dealname"])


def test_properties_are_created_once_and_existing_ones_are_left_as_they_are(client):
    assert client.properties.create_group("deals", "commissions", "Commissions") is True
    assert client.properties.create_group("deals", "commissions", "Commissions") is False
    first, second = {**NUMBER, "name": "first_number"}, {**NUMBER, "name": "second_number"}
    assert [d.name for d in client.properties.batch_create("deals", [first])] == ["first_number"]
    renamed = {**first, "label": "Another label"}
    assert [d.name for d in client.properties.batch_create("deals", [renamed, second])] == ["second_number"]
    labels = {d.name: d.label for d in client.properties.list("deals")}
    assert (labels["first_number"], labels["second_number"]) == ("A number", "A number")


def test_a_definition_that_hubspot_refuses_is_an_error_that_names_it(client):
    with pytest.raises(HubSpotError, match="Property group nowhere does not exist"):
        client.properties.batch_create("deals", [{**NUMBER, "name": "n", "groupName": "nowhere"}])
