"""The official client library works against the emulator, and its models accept every answer."""

from collections.abc import Iterator

import pytest
from hubspot import HubSpot
from hubspot.crm.deals import (
    ApiException,
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectId,
    BatchReadInputSimplePublicObjectId,
    PublicMergeInput,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.properties import ApiException as PropertiesException
from hubspot.crm.properties import PropertyCreate

from hubspot_emulator import Emulator, PortalSpec, running_emulator

PORTAL = PortalSpec("acme", 1001, 250, "pat-na1-acme")


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with running_emulator([PORTAL], limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def hubspot(emulator) -> HubSpot:
    return HubSpot(access_token=PORTAL.token, host=emulator.url)


def ids(emulator: Emulator) -> list[str]:
    return emulator.admin.truth_ids(1001)


def test_pages_of_the_list_follow_each_other_to_the_end(hubspot, emulator):
    found = hubspot.crm.deals.get_all(properties=["dealname", "amount"])
    assert [deal.id for deal in found] == ids(emulator)
    assert all(isinstance(deal.properties["dealname"], str) for deal in found)


def test_a_deal_is_read_with_its_history(hubspot, emulator):
    deal = hubspot.crm.deals.basic_api.get_by_id(
        ids(emulator)[0], properties=["amount"], properties_with_history=["dealstage"]
    )
    assert deal.properties_with_history["dealstage"][0].value == deal.properties["dealstage"]


def test_a_deal_is_created_changed_and_archived(hubspot):
    api = hubspot.crm.deals.basic_api
    deal = api.create(
        SimplePublicObjectInputForCreate(properties={"dealname": "Ünï 🚀", "amount": "12.50"}, associations=[])
    )
    assert api.get_by_id(deal.id).properties["dealname"] == "Ünï 🚀"
    changed = api.update(deal.id, SimplePublicObjectInput(properties={"amount": ""}))
    assert changed.properties["amount"] is None
    assert changed.updated_at >= deal.updated_at
    api.archive(deal.id)
    with pytest.raises(ApiException) as raised:
        api.get_by_id(deal.id)
    assert raised.value.status == 404
    assert deal.id in [d.id for d in api.get_page(archived=True).results]
    assert api.get_by_id(deal.id, archived=True).archived_at


def test_a_batch_read_lists_what_is_missing(hubspot, emulator):
    wanted = [*ids(emulator)[:3], "999"]
    answer = hubspot.crm.deals.batch_api.read(
        BatchReadInputSimplePublicObjectId(
            inputs=[{"id": i} for i in wanted], properties=["amount"], properties_with_history=[]
        )
    )
    assert {deal.id for deal in answer.results} == set(wanted[:3])
    assert answer.num_errors == 1
    assert answer.errors[0].context["ids"] == ["999"]


def test_batches_write_and_one_bad_value_fails_them_all(hubspot):
    api = hubspot.crm.deals.batch_api
    created = api.create(
        BatchInputSimplePublicObjectBatchInputForCreate(
            inputs=[{"properties": {"dealname": f"Batch {n}"}, "associations": []} for n in range(3)]
        )
    ).results
    assert len(created) == 3
    bad = [{"id": created[0].id, "properties": {"amount": "1"}}, {"id": created[1].id, "properties": {"amount": "one"}}]
    with pytest.raises(ApiException) as raised:
        api.update(BatchInputSimplePublicObjectBatchInput(inputs=bad))
    assert raised.value.status == 400
    assert "INVALID_INTEGER" in raised.value.body
    assert hubspot.crm.deals.basic_api.get_by_id(created[0].id).properties["amount"] is None
    api.archive(BatchInputSimplePublicObjectId(inputs=[{"id": deal.id} for deal in created]))
    with pytest.raises(ApiException):
        hubspot.crm.deals.basic_api.get_by_id(created[2].id)


@pytest.mark.parametrize("makes_third", [False, True])
def test_a_merged_deal_answers_with_the_survivor(hubspot, emulator, makes_third):
    emulator.admin.set_knobs(1001, merge_makes_third=makes_third)
    primary, loser = ids(emulator)[-2:]
    survivor = hubspot.crm.deals.basic_api.merge(PublicMergeInput(primary_object_id=primary, object_id_to_merge=loser))
    assert (survivor.id != primary) == makes_third
    assert hubspot.crm.deals.basic_api.get_by_id(loser).id == survivor.id
    merged = hubspot.crm.deals.basic_api.get_by_id(survivor.id, properties=["hs_merged_object_ids"])
    assert loser in merged.properties["hs_merged_object_ids"].split(";")
    read = hubspot.crm.deals.batch_api.read(
        BatchReadInputSimplePublicObjectId(inputs=[{"id": loser}], properties=[], properties_with_history=[])
    )
    assert read.results == []


def test_search_filters_sorts_and_counts(hubspot, emulator):
    truth = [deal for deal in emulator.admin.truth(1001) if deal["properties"]["sales_region"] == "EMEA"]
    answer = hubspot.crm.deals.search_api.do_search(
        PublicObjectSearchRequest(
            filter_groups=[{"filters": [{"propertyName": "sales_region", "operator": "EQ", "value": "EMEA"}]}],
            sorts=[{"propertyName": "hs_object_id", "direction": "DESCENDING"}],
            properties=["sales_region"],
            limit=5,
        )
    )
    assert answer.total == len(truth)
    assert [deal.id for deal in answer.results] == [deal["id"] for deal in truth[::-1][:5]]
    assert answer.paging.next.after == "5"


def test_owners_are_listed_and_those_who_left_apart(hubspot):
    here = hubspot.crm.owners.owners_api.get_page(limit=500)
    gone = hubspot.crm.owners.owners_api.get_page(limit=500, archived=True)
    assert here.results
    assert gone.results
    assert {owner.id for owner in here.results}.isdisjoint(owner.id for owner in gone.results)
    assert hubspot.crm.owners.owners_api.get_by_id(int(here.results[0].id)).email == here.results[0].email


def test_every_stage_of_a_deal_is_in_a_pipeline(hubspot, emulator):
    pipelines = hubspot.crm.pipelines.pipelines_api.get_all("deals").results
    stages = {(p.id, stage.id): stage.metadata for p in pipelines for stage in p.stages}
    for deal in emulator.admin.truth(1001):
        properties = deal["properties"]
        closed = stages[properties["pipeline"], properties["dealstage"]]["isClosed"]
        assert closed == properties["hs_is_closed"]


def test_properties_are_listed_created_once_archived_and_brought_back(hubspot):
    api = hubspot.crm.properties.core_api
    wanted = PropertyCreate(
        name="commission_tier", label="Tier", type="string", field_type="text", group_name="dealinformation"
    )
    assert api.create("deals", wanted).name == "commission_tier"
    with pytest.raises(PropertiesException) as raised:
        api.create("deals", wanted)
    assert (raised.value.status, "PROPERTY_WITH_NAME_EXISTS" in raised.value.body) == (409, True)
    api.archive("deals", "commission_tier")
    assert "commission_tier" not in {p.name for p in api.get_all("deals").results}
    assert api.create("deals", wanted).archived is False
    assert hubspot.crm.properties.groups_api.get_all("deals").results
