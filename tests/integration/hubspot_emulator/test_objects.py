"""What all object types share, and where they differ: properties, scopes, histories and limits."""

from dataclasses import replace

import pytest

from hubspot_calls import caller, inputs
from hubspot_emulator import PortalSpec, running_emulator
from hubspot_emulator.kinds import ACTIVITIES, KINDS
from hubspot_emulator.spec import ALL_SCOPES

PORTAL = PortalSpec("acme", 1001, 300, "pat-na1-acme")
BLIND = replace(
    PORTAL, portal_id=1002, token="pat-na1-blind", scopes=tuple(s for s in ALL_SCOPES if s != "sales-email-read")
)
LIMITED = replace(PORTAL, portal_id=1003, token="pat-na1-limited", deals=20, tier="free")
NAMES = [kind.name for kind in KINDS]


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([PORTAL, BLIND, LIMITED]) as running:
        for portal_id in (1001, 1002):
            running.admin.set_knobs(portal_id, limits=False)
        yield running


@pytest.fixture
def call(emulator):
    yield caller(emulator.url, PORTAL.token)
    emulator.admin.set_faults(1001, {})
    emulator.admin.set_knobs(1001, lag_seconds=0, short_page_probability=0)


@pytest.fixture
def admin(emulator):
    return emulator.admin


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_every_type_lists_searches_and_describes_all_of_its_properties(call, admin, kind):
    described = {p["name"] for p in call("GET", f"/crm/v3/properties/{kind.name}").json()["results"]}
    truth = list(admin.truth(1001, kind.name))
    assert truth
    assert all(set(record["properties"]) == described for record in truth)
    names = ",".join(described)
    listed = call("GET", f"/crm/objects/2026-03/{kind.type_id}?limit=100&properties={names}").json()["results"]
    body = {"limit": 100, "properties": sorted(described), "sorts": ["hs_object_id"]}
    found = call("POST", f"/crm/v3/objects/{kind.singular}/search", body).json()["results"]
    assert without_clocks(listed) == without_clocks(found) == without_clocks(truth[:100])


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_changes_of_every_type_are_found_by_their_own_modified_time(call, admin, kind):
    before = max(r["updatedAt"] for r in admin.truth(1001, kind.name))
    changed = admin.edit(1001, count=15, type=kind.name)
    filters = [{"propertyName": kind.modified, "operator": "GT", "value": before}]
    answer = call("POST", f"/crm/v3/objects/{kind.name}/search", {"filterGroups": [{"filters": filters}], "limit": 200})
    assert {r["id"] for r in answer.json()["results"]} == set(changed)


def test_contacts_are_not_found_by_the_modified_time_of_the_others(call):
    filters = [{"propertyName": "hs_lastmodifieddate", "operator": "GT", "value": "0"}]
    answer = call("POST", "/crm/v3/objects/contacts/search", {"filterGroups": [{"filters": filters}]})
    assert (answer.status, answer.json()["total"]) == (200, 0)


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_every_type_is_created_changed_archived_and_restored(call, admin, kind):
    name, values = next(iter(kind.edited.items())) if kind.edited else ("dealname", ("A", "B"))
    path = f"/crm/v3/objects/{kind.name}"
    created = call("POST", path, {"properties": {name: values[0]}})
    assert created.status == 201
    crm_id = created.json()["id"]
    changed = call("PATCH", f"{path}/{crm_id}", {"properties": {name: values[1]}}).json()
    assert (changed["properties"][name], changed["id"]) == (values[1], crm_id)
    assert call("DELETE", f"{path}/{crm_id}").status == 204
    assert crm_id in [r["id"] for r in call("GET", f"{path}?archived=true").json()["results"]]
    assert call("POST", f"{path}/batch/read", inputs(crm_id)).status == 207
    admin.restore(1001, crm_id, kind.name)
    assert call("GET", f"{path}/{crm_id}").json()["updatedAt"] == changed["updatedAt"]


def test_a_record_is_created_with_its_links(call, admin):
    deal = admin.truth_ids(1001)[0]
    wanted = {
        "properties": {"name": "Setup", "price": "10", "quantity": "2"},
        "associations": [
            {"to": {"id": deal}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 20}]}
        ],
    }
    item = call("POST", "/crm/v3/objects/line_items", wanted).json()
    assert item["properties"]["amount"] == "20"
    links = [link["to"] for link in admin.truth_links(1001, "deals", "line_items") if link["from"] == deal]
    assert item["id"] in links
    batch = call("POST", "/crm/v3/objects/line_items/batch/create", {"inputs": [wanted, wanted]}).json()
    ids = {r["id"] for r in batch["results"]}
    assert ids <= {link["to"] for link in admin.truth_links(1001, "deals", "line_items") if link["from"] == deal}


@pytest.mark.parametrize(("name", "prop"), [("deals", "amount"), ("line_items", "price"), ("tasks", "hs_timestamp")])
def test_histories_come_with_lists_reads_and_batches_the_newest_first(call, admin, name, prop):
    crm_id = admin.edit(1001, count=1, type=name)[0]
    admin.override(1001, crm_id, {prop: "1782864000000"}, name)
    path = f"/crm/v3/objects/{name}"
    read = call("GET", f"{path}/{crm_id}?propertiesWithHistory={prop}").json()
    batch = call("POST", f"{path}/batch/read", inputs(crm_id) | {"propertiesWithHistory": [prop]}).json()["results"][0]
    assert read["propertiesWithHistory"] == batch["propertiesWithHistory"]
    listed = call("GET", f"{path}?limit=50&propertiesWithHistory={prop}").json()["results"]
    assert any(len(r["propertiesWithHistory"][prop]) > 1 for r in [*listed, read])
    for record in [*listed, read]:
        entries = record["propertiesWithHistory"][prop]
        assert entries[0]["value"] == (record["properties"][prop] or "")
        times = [e["timestamp"].replace("Z", ".000Z") if "." not in e["timestamp"] else e["timestamp"] for e in entries]
        assert times == sorted(times, reverse=True)
    newest, oldest = read["propertiesWithHistory"][prop][0], read["propertiesWithHistory"][prop][-1]
    assert (newest["sourceType"], oldest["sourceType"]) == ("INTEGRATION", "CRM_UI")
    assert oldest["updatedByUserId"] == 5001


def test_a_change_without_a_new_modified_time_is_in_the_history_when_it_was_made(call, admin):
    item = admin.truth_ids(1001, "line_items")[5]
    before = call("GET", f"/crm/v3/objects/line_items/{item}").json()["updatedAt"]
    admin.override(1001, item, {"price": "77"}, "line_items", bump=False)
    read = call("GET", f"/crm/v3/objects/line_items/{item}?propertiesWithHistory=price").json()
    assert read["updatedAt"] == before
    assert read["propertiesWithHistory"]["price"][0]["timestamp"] > before


def test_histories_are_for_fifty_at_a_time(call):
    ids = [str(n) for n in range(51)]
    body = {"properties": [], "propertiesWithHistory": ["price"]}
    assert call("POST", "/crm/v3/objects/line_items/batch/read", inputs(*ids) | body).status == 400
    assert call("GET", "/crm/v3/objects/line_items?limit=51&propertiesWithHistory=price").status == 400


def test_emails_have_no_content_for_those_who_may_not_read_it(emulator):
    call = caller(emulator.url, BLIND.token)
    path = "/crm/v3/objects/emails?limit=20&properties=hs_email_html,hs_email_status,hs_email_subject"
    mails = call("GET", f"{path}&propertiesWithHistory=hs_email_text").json()["results"]
    assert {m["properties"]["hs_email_html"] for m in mails} == {None}
    assert {m["properties"]["hs_email_status"] for m in mails} == {"SENT"}
    assert all(m["propertiesWithHistory"]["hs_email_text"] == [] for m in mails)
    body = {"properties": ["hs_email_subject"], "limit": 5}
    found = call("POST", "/crm/v3/objects/emails/search", body).json()["results"]
    assert {m["properties"]["hs_email_subject"] for m in found} == {None}
    seeing = caller(emulator.url, PORTAL.token)("GET", path).json()["results"]
    assert any("<div" in (m["properties"]["hs_email_html"] or "") for m in seeing)


def test_emails_may_also_be_refused_altogether(emulator, admin):
    admin.set_knobs(1002, email_needs_scope=True)
    answer = caller(emulator.url, BLIND.token)("GET", "/crm/v3/objects/emails")
    admin.set_knobs(1002, email_needs_scope=False)
    assert answer.json()["errors"][0]["context"]["requiredGranularScopes"] == ["sales-email-read"]


def test_bodies_are_html_rarely_missing_and_rarely_long(admin):
    bodies = [r["properties"]["hs_note_body"] for r in admin.truth(1002, "notes")]
    assert any(body is None for body in bodies)
    assert all(body.startswith("<div") for body in bodies if body)
    assert max(len(body) for body in bodies if body) > 10_000
    assert any("株式会社" in body for body in bodies if body)


def test_activities_hang_on_none_one_or_several_deals(admin):
    for kind in ACTIVITIES:
        links = list(admin.truth_links(1001, kind.name, "deals"))
        per_record = {i: sum(link["from"] == i for link in links) for i in admin.truth_ids(1001, kind.name)}
        assert {1, 2} <= set(per_record.values())


def test_lag_faults_and_short_pages_hold_for_line_items_and_links(call, admin):
    item = admin.truth_ids(1001, "line_items")[3]
    admin.set_knobs(1001, lag_seconds=60)
    call("PATCH", f"/crm/v3/objects/line_items/{item}", {"properties": {"name": "Late"}})
    filters = [{"propertyName": "name", "operator": "EQ", "value": "Late"}]
    assert call("POST", "/crm/v3/objects/line_items/search", {"filters": filters}).json()["total"] == 0
    admin.set_knobs(1001, lag_seconds=0, short_page_probability=1.0)
    page = call("POST", "/crm/v3/objects/notes/search", {"limit": 100}).json()
    assert len(page["results"]) < 100 < page["total"] + 41
    admin.set_faults(1001, {"next": ["locked_423"]})
    assert call("POST", "/crm/v4/associations/deals/notes/batch/read", inputs("1")).status == 423


def test_batch_reads_of_links_fill_the_burst_window_or_do_not(emulator, admin):
    call = caller(emulator.url, LIMITED.token)
    read = "/crm/v4/associations/deals/notes/batch/read"
    admin.use_up(1003, calls=98)
    statuses = [call("POST", read, inputs("1")).status for _ in range(3)]
    assert statuses == [207, 207, 429]
    admin.set_knobs(1003, links_fill_burst=False)
    assert call("POST", read, inputs("1")).status == 207
    assert call("GET", "/crm/v3/objects/notes").status == 429


@pytest.mark.parametrize(
    ("kind", "scope"),
    [(kind, kind.read[0]) for kind in KINDS if kind.name != "deals"],
    ids=[n for n in NAMES if n != "deals"],
)
def test_every_type_needs_its_scope(kind, scope):
    lacking = replace(PORTAL, deals=5, scopes=("oauth", "crm.objects.deals.read"))
    with running_emulator([lacking], limits=False) as running:
        answer = caller(running.url, PORTAL.token)("GET", f"/crm/v3/objects/{kind.name}")
        assert (answer.status, answer.json()["category"]) == (403, "MISSING_SCOPES")
        assert scope in answer.json()["errors"][0]["context"]["requiredGranularScopes"]


def without_clocks(records):
    return [
        {**r, "properties": {k: v for k, v in r["properties"].items() if not k.startswith("hs_time_in_")}}
        for r in records
    ]
