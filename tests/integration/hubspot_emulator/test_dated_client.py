"""HubSpot's client for the dated paths works against the emulator; the documents judge what it asks and is answered.

Its token call is left out: the alpha sends JSON where the document has a form.
"""

import pytest
from hubspot_sdk import APIStatusError, HubSpot

from hubspot_emulator import PortalSpec, running_emulator

PORTAL = PortalSpec("acme", 1001, 250, "pat-na1-acme")


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([PORTAL], limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def hubspot(emulator):
    with HubSpot(access_token=PORTAL.token, base_url=emulator.url, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def deals(emulator):
    return emulator.admin.truth_ids(1001)


def test_pages_of_the_list_follow_each_other_to_the_end(hubspot, deals):
    found = list(hubspot.crm.objects.deals.list(limit=100, properties=["dealname"]))
    assert [deal.id for deal in found] == deals


def test_a_deal_is_created_read_changed_and_archived(hubspot):
    api = hubspot.crm.objects.deals
    made = api.create(properties={"dealname": "made", "amount": "12.50"}, associations=[])
    assert api.get(made.id, properties=["amount"]).properties["amount"] == "12.50"
    assert api.update(made.id, properties={"amount": "13"}).properties["amount"] == "13"
    api.delete(made.id)
    with pytest.raises(APIStatusError) as raised:
        api.get(made.id)
    assert raised.value.status_code == 404


def test_batches_create_read_change_and_archive(hubspot):
    api = hubspot.crm.objects.deals.batch
    made = api.create(inputs=[{"properties": {"dealname": f"Batch {n}"}, "associations": []} for n in range(3)]).results
    ids = [{"id": deal.id} for deal in made]
    read = api.get(inputs=ids, properties=["dealname"], properties_with_history=[])
    assert {deal.id for deal in read.results} == {one["id"] for one in ids}
    changed = api.update(inputs=[{**one, "properties": {"amount": "17"}} for one in ids])
    assert {deal.properties["amount"] for deal in changed.results} == {"17"}
    api.delete(inputs=ids)
    assert api.get(inputs=ids, properties=[], properties_with_history=[]).results == []


def test_deals_are_upserted_by_a_unique_property(hubspot):
    wanted = {"label": "Key", "type": "string", "field_type": "text", "group_name": "dealinformation"}
    hubspot.crm.properties.create("deals", name="own_key", has_unique_value=True, **wanted)
    inputs = [{"id": "K1", "id_property": "own_key", "properties": {"dealname": "upserted"}}]
    first, second = (hubspot.crm.objects.deals.batch.upsert(inputs=inputs).results[0] for _ in range(2))
    assert (first.id, first.new, second.new) == (second.id, True, False)


def test_search_counts_and_pages(hubspot, deals):
    answer = hubspot.crm.objects.deals.search(
        filter_groups=[{"filters": [{"propertyName": "hs_object_id", "operator": "IN", "values": deals[-5:]}]}],
        sorts=["hs_object_id"],
        properties=["amount"],
        limit=2,
        after="0",
    )
    assert answer.total == 5
    assert [deal.id for deal in answer.results] == deals[-5:-3]


def test_associations_are_made_read_and_removed(hubspot, emulator, deals):
    item = emulator.admin.truth_ids(1001, "line_items")[0]
    links = hubspot.crm.associations
    pair = [{"from": {"id": deals[0]}, "to": {"id": item}}]
    links.batch.create_default("line_items", from_object_type="deals", inputs=pair)
    read = links.batch.get("line_items", from_object_type="deals", inputs=[{"id": deals[0]}])
    assert item in {str(one.to_object_id) for one in read.results[0].to}
    links.delete(deals[0], object_type="line_items", object_id=item, to_object_type="deals")


def test_owners_pipelines_and_properties_are_listed(hubspot):
    assert list(hubspot.crm.owners.list(limit=100))
    assert hubspot.crm.pipelines.list("deals").results[0].stages
    assert "amount" in {one.name for one in hubspot.crm.properties.list("deals").results}


def test_splits_are_read(hubspot, emulator):
    deal, shares = next(iter(emulator.admin.truth_splits(1001).items()))
    (answer,) = hubspot.crm.deal_splits.batch.read(inputs=[{"id": deal}]).results
    assert {one.properties["hubspot_owner_id"] for one in answer.splits} == set(shares)


def test_the_account_and_its_currencies_are_told(hubspot):
    assert hubspot.account.get().portal_id == 1001
    assert hubspot.account.get_daily_private_apps_usage().results[0].usage_limit == 625_000
    assert hubspot.settings.currencies.get_company_currency().id == "USD"
    assert list(hubspot.settings.currencies.exchange_rates.list_exchange_rates())
