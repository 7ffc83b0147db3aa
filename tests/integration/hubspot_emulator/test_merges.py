"""Merged, archived, restored and purged records, as reads, batches, lists and associations show them."""

import pytest

from hubspot_calls import caller, inputs
from hubspot_emulator import PortalSpec, running_emulator

PORTAL = PortalSpec("acme", 1001, 300, "pat-na1-acme")


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([PORTAL], limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def call(emulator):
    return caller(emulator.url, PORTAL.token)


@pytest.fixture
def admin(emulator):
    return emulator.admin


def linked(admin, deal, name="notes"):
    return {link["to"] for link in admin.truth_links(1001, "deals", name) if link["from"] == deal}


def two_deals_with_notes(admin):
    found = dict.fromkeys(link["from"] for link in admin.truth_links(1001, "deals", "notes"))
    return list(found)[-2:]


@pytest.mark.parametrize("third", [False, True])
def test_reads_of_a_merged_deal_answer_with_the_one_that_stays(call, admin, third):
    primary, loser = two_deals_with_notes(admin)
    kept = admin.merge(1001, primary, loser, third=third)
    assert (kept == primary) != third
    gone = [loser, primary] if third else [loser]
    for crm_id in gone:
        assert call("GET", f"/crm/v3/objects/deals/{crm_id}").json()["id"] == kept
    read = call("POST", "/crm/v3/objects/deals/batch/read", inputs(*gone, kept))
    assert (read.status, [r["id"] for r in read.json()["results"]]) == (200, [kept])
    record = call("GET", f"/crm/v3/objects/deals/{kept}?properties=hs_merged_object_ids").json()
    assert set(record["properties"]["hs_merged_object_ids"].split(";")) >= set(gone)
    assert not [r for r in admin.truth(1001, archived=True) if r["id"] in gone]


@pytest.mark.parametrize("third", [False, True])
def test_links_move_to_the_deal_that_stays_and_old_ids_have_none(call, admin, third):
    primary, loser = two_deals_with_notes(admin)
    notes = linked(admin, primary) | linked(admin, loser)
    kept = admin.merge(1001, primary, loser, third=third)
    assert linked(admin, kept) == notes
    answer = call("POST", "/crm/v4/associations/deals/notes/batch/read", inputs(loser)).json()
    assert [e["subCategory"] for e in answer["errors"]] == ["crm.associations.NO_ASSOCIATIONS_FOUND"]
    assert call("GET", f"/crm/v4/objects/deals/{loser}/associations/notes").json()["results"] == []
    for note in notes:
        found = call("GET", f"/crm/v4/objects/notes/{note}/associations/deals").json()["results"]
        assert kept in {str(f["toObjectId"]) for f in found}


@pytest.mark.parametrize("carried", [True, False])
def test_a_chain_of_merges_ends_at_the_last_deal(call, admin, carried):
    admin.set_knobs(1001, merged_ids_are_carried=carried)
    a, b, c, d = admin.truth_ids(1001)[:4]
    assert admin.merge(1001, a, b) == a
    second = admin.merge(1001, c, a, third=True)
    assert admin.merge(1001, d, second) == d
    merged = admin.truth_merged(1001)
    assert {i: merged[i] for i in (a, b, c, second)} == dict.fromkeys((a, b, c, second), d)
    assert call("GET", f"/crm/v3/objects/deals/{b}").json()["id"] == d
    record = call("GET", f"/crm/v3/objects/deals/{d}?properties=hs_merged_object_ids").json()
    told = set(record["properties"]["hs_merged_object_ids"].split(";"))
    assert told == ({a, b, c, second} if carried else {second})


def test_a_split_goes_to_the_deal_that_stays(admin):
    split = next(iter(admin.truth_splits(1001)))
    shares = admin.truth_splits(1001)[split]
    other = next(i for i in admin.truth_ids(1001) if i not in admin.truth_splits(1001))
    kept = admin.merge(1001, split, other, third=True)
    assert admin.truth_splits(1001)[kept] == shares


def test_what_hubspot_does_not_merge_is_refused(call, admin):
    one, other = admin.truth_ids(1001, "line_items")[:2]
    answer = call("POST", "/crm/v3/objects/line_items/merge", {"primaryObjectId": one, "objectIdToMerge": other})
    assert answer.status == 400


def test_contacts_merge_and_their_deals_follow(admin):
    found = dict.fromkeys(link["from"] for link in admin.truth_links(1001, "contacts", "deals"))
    primary, loser = list(found)[:2]
    deals = {link["to"] for link in admin.truth_links(1001, "contacts", "deals") if link["from"] in {primary, loser}}
    kept = admin.merge(1001, primary, loser, "contacts", third=True)
    assert {link["to"] for link in admin.truth_links(1001, "contacts", "deals") if link["from"] == kept} == deals


@pytest.mark.parametrize("name", ["deals", "line_items", "emails"])
def test_an_archived_record_is_gone_for_good_after_ninety_days(name):
    with running_emulator([PORTAL], limits=False) as running:
        call, admin = caller(running.url, PORTAL.token), running.admin
        first, second = admin.truth_ids(1001, name)[:2]
        call("DELETE", f"/crm/v3/objects/{name}/{first}")
        admin.advance_clock(1001, days=60)
        call("DELETE", f"/crm/v3/objects/{name}/{second}")
        assert [r["id"] for r in admin.truth(1001, name, archived=True)] == [first, second]
        admin.advance_clock(1001, days=31)
        assert [r["id"] for r in admin.truth(1001, name, archived=True)] == [second]
        assert call("GET", f"/crm/v3/objects/{name}/{first}?archived=true").status == 404
        assert admin.purge(1001)[name] == 1
        assert call("GET", f"/crm/v3/objects/{name}/{second}?archived=true").status == 404
        assert call("POST", f"/crm/v3/objects/{name}/batch/read?archived=true", inputs(second)).status == 207
