"""The official client reads and writes line items, activities, links and splits, and accepts every answer."""

import pytest
from hubspot import HubSpot
from hubspot.crm.associations.v4 import (
    AssociationSpec,
    BatchInputPublicAssociationMultiArchive,
    BatchInputPublicAssociationMultiPost,
    BatchInputPublicDefaultAssociationMultiPost,
    BatchInputPublicFetchAssociationsBatchRequest,
    PublicDefaultAssociationMultiPost,
)
from hubspot.crm.associations.v4.schema import PublicAssociationDefinitionCreateRequest
from hubspot.crm.line_items import (
    BatchReadInputSimplePublicObjectId,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.objects.deal_splits import BatchInputPublicObjectId, PublicDealSplitsBatchCreateRequest

from hubspot_emulator import PortalSpec, running_emulator

PORTAL = PortalSpec("acme", 1001, 250, "pat-na1-acme", line_items_on_one_deal=600)


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([PORTAL], limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def admin(emulator):
    return emulator.admin


@pytest.fixture(scope="module")
def hubspot(emulator):
    return HubSpot(access_token=PORTAL.token, host=emulator.url)


def api(hubspot, name):
    crm = hubspot.crm
    return getattr(crm, name) if hasattr(crm, name) else getattr(crm.objects, name)


@pytest.mark.parametrize(
    "name", ["line_items", "products", "contacts", "companies", "notes", "calls", "emails", "meetings", "tasks"]
)
def test_every_type_is_listed_read_and_searched(hubspot, admin, name):
    ids, found = admin.truth_ids(1001, name), api(hubspot, name)
    assert [record.id for record in found.basic_api.get_page(limit=100).results] == ids[:100]
    one = found.basic_api.get_by_id(ids[0], properties=["hs_object_id"], properties_with_history=["hs_object_id"])
    assert one.properties_with_history["hs_object_id"][0].value == one.id
    answer = found.search_api.do_search({"limit": 3, "sorts": ["-hs_object_id"]})
    assert (answer.total, [r.id for r in answer.results]) == (len(ids), ids[::-1][:3])


def test_any_type_is_read_by_its_name_in_a_batch(hubspot, admin):
    ids = admin.truth_ids(1001, "calls")[:3]
    wanted = BatchReadInputSimplePublicObjectId(
        inputs=[{"id": i} for i in [*ids, "999"]], properties=["hs_call_title"], properties_with_history=[]
    )
    answer = hubspot.crm.objects.batch_api.read("calls", wanted)
    assert [r.id for r in answer.results] == ids
    assert answer.errors[0].message.startswith("Could not get some CALL objects")


def test_links_come_along_with_a_read(hubspot, admin):
    link = next(iter(admin.truth_links(1001, "deals", "line_items")))
    deal = hubspot.crm.deals.basic_api.get_by_id(link["from"], associations=["line_items", "companies"])
    assert link["to"] in {r.id for r in deal.associations["line items"].results}
    assert deal.associations["companies"].results[0].type == "deal_to_company"


def test_a_line_item_is_created_on_a_deal_changed_and_found_by_it(hubspot, admin):
    deal, items = admin.truth_ids(1001)[0], hubspot.crm.line_items
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 20}]
    created = items.basic_api.create(
        SimplePublicObjectInputForCreate(
            properties={"name": "Einrichtung", "price": "99.50", "quantity": "2"},
            associations=[{"to": {"id": deal}, "types": types}],
        )
    )
    changed = items.basic_api.update(created.id, SimplePublicObjectInput(properties={"quantity": "3"}))
    assert changed.properties["amount"] == "298.50"
    filters = [{"propertyName": "associations.deal", "operator": "EQ", "value": deal}]
    found = items.search_api.do_search(PublicObjectSearchRequest(filter_groups=[{"filters": filters}], limit=100))
    assert created.id in {r.id for r in found.results}


def test_a_batch_of_links_is_read_with_its_errors_and_pages(hubspot, admin):
    deals = admin.truth_ids(1001)
    linked = {link["from"] for link in admin.truth_links(1001, "deals", "line_items")}
    answer = hubspot.crm.associations.v4.batch_api.get_page(
        "deals", "line_items", BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": i} for i in deals])
    )
    assert {r._from.id for r in answer.results} == linked
    assert answer.num_errors == len(deals) - len(linked)
    crowded = next(r for r in answer.results if r.paging)
    assert len(crowded.to) == 500
    rest = hubspot.crm.associations.v4.basic_api.get_page(
        "deals", crowded._from.id, "line_items", after=crowded.paging.next.after, limit=500
    )
    assert len(rest.results) >= 100
    assert rest.results[0].association_types[0].type_id == 19


def test_links_are_written_labelled_and_removed(hubspot, admin):
    deal, note = admin.truth_ids(1001)[1], admin.truth_ids(1001, "notes")[-1]
    batch, basic = hubspot.crm.associations.v4.batch_api, hubspot.crm.associations.v4.basic_api
    spec = [AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=213)]
    pair = {"_from": {"id": deal}, "to": {"id": note}}

    def is_linked():
        return {"from": deal, "to": note} in [
            {"from": e["from"], "to": e["to"]} for e in admin.truth_links(1001, "deals", "notes")
        ]

    made = batch.create(
        "deals", "notes", BatchInputPublicAssociationMultiPost(inputs=[{**as_json(pair), "types": spec}])
    )
    assert (made.results[0].from_object_id, is_linked()) == (deal, True)
    batch.archive(
        "deals", "notes", BatchInputPublicAssociationMultiArchive(inputs=[{"from": {"id": deal}, "to": [{"id": note}]}])
    )
    assert not is_linked()
    default = [PublicDefaultAssociationMultiPost(**pair)]
    batch.create_default("deals", "notes", BatchInputPublicDefaultAssociationMultiPost(inputs=default))
    assert is_linked()
    basic.archive("deals", deal, "notes", note)
    assert not is_linked()
    basic.create_default("deals", deal, "notes", note)
    assert is_linked()
    labels = hubspot.crm.associations.v4.schema.definitions_api
    wanted = PublicAssociationDefinitionCreateRequest(name="proof", label="Proof")
    assert labels.create("deals", "notes", wanted).results[0].label == "Proof"
    assert {t.label for t in labels.get_all("deals", "notes").results} == {None, "Proof"}


def as_json(pair):
    return {"from": pair["_from"], "to": pair["to"]}


def test_splits_are_read_and_set(hubspot, admin):
    splits = hubspot.crm.objects.deal_splits.batch_api
    deal, truth = next(iter(admin.truth_splits(1001).items()))
    read = splits.read(BatchInputPublicObjectId(inputs=[{"id": deal}])).results[0]
    found = {s.properties["hubspot_owner_id"]: s.properties["hs_deal_split_percentage"] for s in read.splits}
    assert (read.id, found) == (deal, truth)
    wanted = [{"ownerId": 70_003, "percentage": 0.4}, {"ownerId": 70_004, "percentage": 0.6}]
    splits.upsert(PublicDealSplitsBatchCreateRequest(inputs=[{"id": int(deal), "splits": wanted}]))
    assert admin.truth_splits(1001)[deal] == {"70003": "0.4", "70004": "0.6"}
