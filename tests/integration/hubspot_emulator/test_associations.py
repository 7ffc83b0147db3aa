"""Links are read in batches, by record, along with lists and in filters, and they are the same from both sides."""

from collections import defaultdict

import pytest

from hubspot_calls import caller, inputs
from hubspot_emulator import PortalSpec, running_emulator
from hubspot_emulator.kinds import KINDS

PORTAL = PortalSpec("acme", 1001, 300, "pat-na1-acme", line_items_on_one_deal=1_200)
BLIND = PortalSpec("globex", 1002, 20, "pat-na1-globex", scopes=("crm.objects.deals.read",))
WITH_LINKS = [kind.name for kind in KINDS if kind.name not in {"deals", "products"}]


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([PORTAL, BLIND], limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def call(emulator):
    return caller(emulator.url, PORTAL.token)


@pytest.fixture
def admin(emulator):
    return emulator.admin


def links(admin, one, other):
    found = defaultdict(list)
    for link in admin.truth_links(1001, one, other):
        found[link["from"]].append(link["to"])
    return found


@pytest.mark.parametrize("name", WITH_LINKS)
def test_a_batch_read_gives_the_links_of_each_record_and_an_error_entry_for_each_that_has_none(call, admin, name):
    deals, truth = admin.truth_ids(1001), links(admin, "deals", name)
    answer = call("POST", f"/crm/v4/associations/deals/{name}/batch/read", inputs(*deals)).json()
    crowded = {i for i, found in truth.items() if len(found) > 500}
    read = {r["from"]["id"]: [str(t["toObjectId"]) for t in r["to"]] for r in answer["results"]}
    assert {i: f for i, f in read.items() if i not in crowded} == {i: f for i, f in truth.items() if i not in crowded}
    none = {e["context"]["fromObjectId"][0] for e in answer.get("errors", ())}
    assert none == set(deals) - set(truth)
    assert {e["subCategory"] for e in answer.get("errors", ())} <= {"crm.associations.NO_ASSOCIATIONS_FOUND"}


@pytest.mark.parametrize("name", WITH_LINKS)
def test_links_are_the_same_from_the_other_side(admin, name):
    forth = {(link["from"], link["to"]) for link in admin.truth_links(1001, "deals", name)}
    assert forth == {(link["to"], link["from"]) for link in admin.truth_links(1001, name, "deals")}
    assert forth


def test_a_batch_with_an_error_entry_is_207_and_one_without_is_200(call, admin):
    truth = links(admin, "deals", "line_items")
    some, none = next(iter(truth)), next(i for i in admin.truth_ids(1001) if i not in truth)
    path = "/crm/v4/associations/deals/line_items/batch/read"
    assert call("POST", path, inputs(some)).status == 200
    partly = call("POST", path, inputs(some, none, "999"))
    assert (partly.status, partly.json()["numErrors"]) == (207, 2)
    message = f"No line item is associated with deal {none}."
    assert message in [e["message"] for e in partly.json()["errors"]]


def test_more_than_500_targets_come_in_pages_whose_after_goes_into_the_input(call, admin):
    deal, truth = max(links(admin, "deals", "line_items").items(), key=lambda pair: len(pair[1]))
    found, after, pages = [], None, 0
    while pages == 0 or after is not None:
        one = {"id": deal} if after is None else {"id": deal, "after": after}
        result = call("POST", "/crm/v4/associations/deals/line_items/batch/read", {"inputs": [one]}).json()["results"][
            0
        ]
        found += [str(t["toObjectId"]) for t in result["to"]]
        after, pages = result.get("paging", {}).get("next", {}).get("after"), pages + 1
    assert (found, pages) == (truth, 3)
    single = call("GET", f"/crm/v4/objects/deals/{deal}/associations/line_items?limit=500&after={truth[999]}").json()
    assert [str(t["toObjectId"]) for t in single["results"]] == truth[1000:]


def test_a_thousand_inputs_are_the_most(call):
    ids = [str(n) for n in range(1_001)]
    path = "/crm/v4/associations/deals/notes/batch/read"
    assert call("POST", path, inputs(*ids)).status == 400
    assert call("POST", path, inputs(*ids[:1_000])).status == 207


def test_an_id_is_a_number_in_version_4_and_text_in_dated_ones(call, admin):
    deal = next(iter(links(admin, "deals", "emails")))

    def to(path):
        return call("POST", f"{path}/deals/emails/batch/read", inputs(deal)).json()["results"][0]["to"][0]["toObjectId"]

    assert isinstance(to("/crm/v4/associations"), int)
    assert to("/crm/associations/2026-03") == str(to("/crm/v4/associations"))
    admin.set_knobs(1001, dated_ids_are_text=False)
    assert to("/crm/associations/2026-03") == to("/crm/v4/associations")
    admin.set_knobs(1001, dated_ids_are_text=True)


def test_a_list_gives_links_along_under_a_name_with_a_space_and_no_more_than_100(call, admin):
    truth, after, found = links(admin, "deals", "line_items"), "0", {}
    while after:
        page = call("GET", f"/crm/objects/2026-03/deals?limit=100&after={after}&associations=line_items,notes").json()
        for deal in page["results"]:
            if inline := deal.get("associations", {}).get("line items"):
                found[deal["id"]] = inline
        after = page.get("paging", {}).get("next", {}).get("after")
    assert {i: [e["id"] for e in f["results"]] for i, f in found.items()} == {i: f[:100] for i, f in truth.items()}
    assert [i for i, f in found.items() if "paging" in f] == [i for i, f in truth.items() if len(f) > 100]
    assert {e["type"] for f in found.values() for e in f["results"]} == {"deal_to_line_item"}


def test_records_are_searched_by_what_they_are_linked_to(call, admin):
    deals = list(links(admin, "deals", "calls").items())[:3]
    for filters, expected in (
        ([{"propertyName": "associations.deal", "operator": "EQ", "value": deals[0][0]}], deals[:1]),
        ([{"propertyName": "associations.deals", "operator": "IN", "values": [d for d, _ in deals]}], deals),
    ):
        body = {"filterGroups": [{"filters": filters}], "limit": 200}
        answer = call("POST", "/crm/v3/objects/calls/search", body).json()
        assert {r["id"] for r in answer["results"]} == {i for _, ids in expected for i in ids}


def test_search_knows_of_a_link_made_or_undone_only_after_the_lag(call, admin):
    deal, calls = list(links(admin, "deals", "calls").items())[-1]
    other = next(i for i in admin.truth_ids(1001, "calls") if i not in calls)
    call("PUT", f"/crm/v4/objects/deals/{deal}/associations/default/calls/{other}")
    call("DELETE", f"/crm/v4/objects/deals/{deal}/associations/calls/{calls[0]}")

    def found():
        filters = [{"propertyName": "associations.deal", "operator": "EQ", "value": deal}]
        body = {"filterGroups": [{"filters": filters}], "limit": 200}
        return {r["id"] for r in call("POST", "/crm/v3/objects/calls/search", body).json()["results"]}

    admin.set_knobs(1001, lag_seconds=60)
    assert found() == set(calls)
    admin.set_knobs(1001, lag_seconds=0)
    assert found() == {*calls[1:], other}


def test_a_company_is_linked_with_a_labelled_type_beside_the_plain_one(call, admin):
    deal = next(iter(links(admin, "deals", "companies")))
    answer = call("GET", f"/crm/v4/objects/deals/{deal}/associations/companies").json()
    types = answer["results"][0]["associationTypes"]
    assert [(t["typeId"], t["label"]) for t in types] == [(341, None), (5, "Primary")]


def test_attaching_and_detaching_shows_on_both_sides_and_leaves_the_modified_times_alone(call, admin):
    deal, note = admin.truth_ids(1001)[3], admin.truth_ids(1001, "notes")[-1]
    before = [call("GET", f"/crm/v3/objects/{p}").json()["updatedAt"] for p in (f"deals/{deal}", f"notes/{note}")]
    pair = {"from": {"id": deal}, "to": {"id": note}}
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 213}]
    created = call("POST", "/crm/v4/associations/deals/notes/batch/create", {"inputs": [pair | {"types": types}]})
    assert created.status == 201
    assert note in links(admin, "deals", "notes")[deal]
    assert deal in links(admin, "notes", "deals")[note]
    gone = {"inputs": [{"from": {"id": note}, "to": [{"id": deal}]}]}
    assert call("POST", "/crm/v4/associations/notes/deals/batch/archive", gone).status == 204
    assert call("POST", "/crm/associations/2026-03/notes/deals/batch/archive", gone).status == 200
    assert note not in links(admin, "deals", "notes")[deal]
    after = [call("GET", f"/crm/v3/objects/{p}").json()["updatedAt"] for p in (f"deals/{deal}", f"notes/{note}")]
    assert after == before


def test_the_modified_times_move_where_the_portal_is_said_to_do_so(call, admin):
    deal, task = admin.truth_ids(1001)[4], admin.truth_ids(1001, "tasks")[-1]
    before = call("GET", f"/crm/v3/objects/deals/{deal}").json()["updatedAt"]
    admin.set_knobs(1001, links_bump=True)
    assert call("PUT", f"/crm/v4/objects/deals/{deal}/associations/default/tasks/{task}").status == 200
    admin.set_knobs(1001, links_bump=False)
    assert call("GET", f"/crm/v3/objects/deals/{deal}").json()["updatedAt"] > before


def test_a_line_item_belongs_to_one_deal(call, admin):
    item, deals = admin.truth_ids(1001, "line_items")[7], admin.truth_ids(1001)[-2:]
    for deal in deals:
        call("PUT", f"/crm/v4/objects/line_items/{item}/associations/default/deals/{deal}")
    assert links(admin, "line_items", "deals")[item] == [deals[1]]


def test_links_of_an_archived_record_are_gone_until_it_is_restored(call, admin):
    deal, emails = next(iter(links(admin, "deals", "emails").items()))
    call("DELETE", f"/crm/v3/objects/deals/{deal}")
    assert call("POST", "/crm/v4/associations/deals/emails/batch/read", inputs(deal)).json()["numErrors"] == 1
    assert all(deal not in found for found in links(admin, "emails", "deals").values())
    admin.restore(1001, deal)
    assert links(admin, "deals", "emails")[deal] == emails


def test_a_label_is_added_used_and_taken_off(call, admin):
    deal, contact = admin.truth_ids(1001)[6], admin.truth_ids(1001, "contacts")[-1]
    wanted = {"name": "payer", "label": "Pays", "inverseLabel": "Paid by"}
    label = call("POST", "/crm/v4/associations/contacts/deals/labels", wanted).json()["results"][0]
    body = [{"associationCategory": "USER_DEFINED", "associationTypeId": label["typeId"]}]
    assert call("PUT", f"/crm/v4/objects/contacts/{contact}/associations/deals/{deal}", body).status == 201

    def seen_from_the_deal():
        found = call("GET", f"/crm/v4/objects/deals/{deal}/associations/contacts").json()["results"]
        return [t["label"] for t in next(f for f in found if str(f["toObjectId"]) == contact)["associationTypes"]]

    assert seen_from_the_deal() == [None, "Paid by"]
    one = {"from": {"id": contact}, "to": {"id": deal}, "types": body}
    assert call("POST", "/crm/v4/associations/contacts/deals/batch/labels/archive", {"inputs": [one]}).status == 204
    assert seen_from_the_deal() == [None]


def test_both_ends_need_their_scope(emulator):
    answer = caller(emulator.url, BLIND.token)("POST", "/crm/v4/associations/deals/line_items/batch/read", inputs("1"))
    assert answer.status == 403
    assert "crm.objects.line_items.read" in answer.json()["errors"][0]["context"]["requiredGranularScopes"]
