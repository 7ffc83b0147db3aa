"""Edits of every kind can be repeated by their seed, and what the API shows afterwards is the truth."""

import time
from collections import Counter

import pytest

from hubspot_calls import caller, inputs
from hubspot_emulator import PortalSpec, running_emulator
from hubspot_emulator.kinds import ACTIVITIES, KINDS

PORTAL = PortalSpec("acme", 1001, 400, "pat-na1-acme")
HANGING = ["line_items", *(kind.name for kind in ACTIVITIES)]
DEEDS = {
    "update",
    "create",
    "archive",
    "restore",
    "merge",
    "merge_third",
    "chain",
    "attach",
    "detach",
    "adopt",
    "split",
}


@pytest.fixture
def emulator():
    with running_emulator([PORTAL], limits=False) as running:
        yield running


@pytest.fixture
def call(emulator):
    return caller(emulator.url, PORTAL.token)


def every_record(call, name, archived=False):
    after, found = "0", []
    while after:
        page = call("GET", f"/crm/v3/objects/{name}?limit=100&after={after}&archived={archived}").json()
        found += [record["id"] for record in page["results"]]
        after = page.get("paging", {}).get("next", {}).get("after")
    return found


def snapshot(admin):
    links = [(r["from"], name, r["to"]) for name in HANGING for r in admin.truth_links(1001, "deals", name)]
    ids = {
        kind.name: (admin.truth_ids(1001, kind.name), len(list(admin.truth(1001, kind.name, archived=True))))
        for kind in KINDS
    }
    return links, ids, admin.truth_splits(1001), admin.truth_merged(1001)


def test_the_same_seed_does_the_same_deeds(emulator):
    done, seen = [], []
    for seed in (5, 5, 6):
        with running_emulator([PORTAL], limits=False) as running:
            done.append(running.admin.edit_everything(1001, count=300, seed=seed))
            seen.append(snapshot(running.admin))
    assert done[0] == done[1] != done[2]
    assert seen[0] == seen[1] != seen[2]
    assert set(done[0]["deeds"]) == DEEDS


def test_lists_searches_and_batches_show_the_truth_after_edits_of_every_kind(emulator, call):
    emulator.admin.edit_everything(1001, count=800, seed=1)
    for kind in KINDS:
        truth = {r["id"]: r for r in emulator.admin.truth(1001, kind.name)}
        assert every_record(call, kind.name) == list(truth)
        assert call("POST", f"/crm/v3/objects/{kind.name}/search", {"limit": 1}).json()["total"] == len(truth)
        some = list(truth)[-100:]
        read = call("POST", f"/crm/v3/objects/{kind.name}/batch/read", inputs(*some))
        assert read.status == 200
        assert [r["updatedAt"] for r in read.json()["results"]] == [truth[i]["updatedAt"] for i in some]
        archived = [r["id"] for r in emulator.admin.truth(1001, kind.name, archived=True)]
        assert every_record(call, kind.name, archived=True) == archived
    for name in HANGING:
        deals = emulator.admin.truth_ids(1001)
        answer = call("POST", f"/crm/v4/associations/deals/{name}/batch/read", inputs(*deals)).json()
        read = {(r["from"]["id"], str(t["toObjectId"])) for r in answer["results"] for t in r["to"]}
        assert read == {(link["from"], link["to"]) for link in emulator.admin.truth_links(1001, "deals", name)}
    per_item = Counter(link["to"] for link in emulator.admin.truth_links(1001, "deals", "line_items"))
    assert set(per_item.values()) == {1}


def test_only_the_deeds_that_are_asked_for_are_done(emulator):
    done = emulator.admin.edit_everything(1001, count=20, weights={"attach": 1, "detach": 1})
    assert set(done["deeds"]) <= {"attach", "detach"}
    before = {r["id"]: r["updatedAt"] for r in emulator.admin.truth(1001)}
    emulator.admin.edit_everything(1001, count=50, weights={"attach": 1, "detach": 1})
    assert {r["id"]: r["updatedAt"] for r in emulator.admin.truth(1001)} == before


def test_a_line_item_that_waits_is_adopted_by_a_new_deal(emulator):
    before = {link["from"] for link in emulator.admin.truth_links(1001, "line_items", "deals")}
    done = emulator.admin.edit_everything(1001, count=2, weights={"adopt": 1})
    adopted = set(done["by_type"]["line_items"])
    assert adopted.isdisjoint(before)
    assert adopted <= {link["from"] for link in emulator.admin.truth_links(1001, "line_items", "deals")}
    assert set(done["by_type"]["deals"]) <= set(emulator.admin.truth_ids(1001)[-2:])


def test_records_of_any_type_are_edited(emulator):
    ids = emulator.admin.edit(1001, count=40, type="emails", same_millisecond=True)
    changed = {r["id"]: r["updatedAt"] for r in emulator.admin.truth(1001, "emails") if r["id"] in ids}
    assert len(changed) == 40
    assert len(set(changed.values())) == 1


def test_a_stream_does_deeds_of_every_kind_while_others_read(emulator, call):
    emulator.admin.stream_edits(1001, per_second=200, seconds=30, mix="everything")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and len(emulator.admin.truth_ids(1001)) == 400:
        assert call("POST", "/crm/v3/objects/deals/search", {"limit": 1}).status == 200
    assert emulator.admin.stop_edits(1001) > 0


def test_an_unknown_deed_is_named(emulator, call):
    answer = call("POST", "/_emulator/portals/1001/edits", {"count": 1, "mix": "everything", "weights": {"burn": 1}})
    assert answer.status == 400
    assert b"burn" in answer.data


def test_what_was_written_to_a_property_is_told_with_who_wrote_it_also_of_records_that_are_gone(emulator):
    admin = emulator.admin
    kept, gone = admin.truth_ids(1001)[:2]
    admin.override(1001, kept, {"description": "an app's"})
    admin.override(1001, kept, {"description": "a person's"}, person=True)
    admin.override(1001, gone, {"description": "gone"})
    admin.merge(1001, kept, gone)
    told = admin.truth_history(1001, "description")
    assert [(e["value"], e["sourceType"]) for e in told[kept]] == [
        ("an app's", "INTEGRATION"),
        ("a person's", "CRM_UI"),
    ]
    assert [e["value"] for e in told[gone]] == ["gone"]
