"""The mapping page: what each role sees and may do, and that nothing invalid is kept."""

import json
import re
from html import unescape

import pytest

from hubspot_emulator import PortalSpec, running_emulator
from page_client import pages_over
from world import World, register

MAPPING = {
    "mapped-0-property": "contract_length_months",
    "mapped-0-field": "months",
    "mapped-0-type": "number",
    "calculated-0-name": "total",
    "calculated-0-formula": "amount * months",
}
WRONG = {**MAPPING, "calculated-0-formula": "amount * mnths"}
HERE = "/mapping/acme"
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def acme(fresh_database):
    portal = PortalSpec("acme", 1001, 60, "pat-na1-acme", "pro")
    with running_emulator([portal], limits=False) as emulator:
        world = World(emulator, portal, fresh_database, register(fresh_database, portal))
        world.sync()
        spoil(world)
        yield world


def spoil(world):
    """Let every partner have a name that would run if it were not escaped."""
    world.execute(
        f"UPDATE deals SET properties = jsonb_set(properties, '{{partner_name}}', '\"{EVIL}\"') "
        "WHERE properties ->> 'partner_name' <> ''"
    )


@pytest.fixture(autouse=True)
def nothing_is_mapped(acme):
    acme.execute(
        "TRUNCATE mapping_versions, mapping_problems, mapping_breaches;"
        "UPDATE crm_integrations SET property_mappings = '{}', calculated_fields = '{}', feature_flags = '{}';"
        "UPDATE deals SET mapped = '{}', calculated = '{}'"
    )


@pytest.fixture
def pages(acme, monkeypatch):
    with pages_over(acme.dsn, monkeypatch, hubspot_acme=connection(acme)) as made:
        yield made


def connection(acme, token=None):
    return json.dumps({"conn_type": "hubspot", "host": acme.emulator.url, "password": token or acme.portal.token})


def made_from(page):
    return re.search(r'name="made_from" value="([0-9a-f]+)"', page)[1]


def save(client, form=MAPPING, action="activate", **more):
    mark = more.pop("made_from", None) or made_from(client.get(HERE).text)
    return client.post(f"{HERE}/versions", data={**form, "made_from": mark, "action": action, **more})


def versions(acme):
    return acme.query("SELECT version, author, note, is_active FROM mapping_versions ORDER BY version")


def totals(acme):
    return acme.value("SELECT count(*) FROM deals WHERE calculated ->> 'total' IS NOT NULL")


def text(answer):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def test_a_company_without_a_mapping_is_told_so(pages):
    said = text(pages("viewer").get(HERE))
    assert "This company has no mapping yet" in said
    assert "Nothing is mapped." in said
    assert "No version was saved yet." in said


def test_a_company_without_deals_has_nothing_to_show_a_mapping_on(pages, acme):
    acme.execute(
        "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('initech', 3, 'hubspot_initech')"
    )
    try:
        client = pages("admin")
        assert "No properties of this portal are known yet" in client.get("/mapping/initech").text
        assert "There are no deals to show it on yet." in client.post("/mapping/initech/check").text
        assert "There are no deals" not in client.get(HERE).text
    finally:
        acme.execute("DELETE FROM crm_integrations WHERE company_id = 'initech'")


def test_an_unknown_company_is_not_found(pages):
    answer = pages("admin").get("/mapping/nobody")
    assert answer.status_code == 404
    assert "There is no company 'nobody'" in unescape(answer.text)


def test_properties_are_found_with_type_group_and_values(pages, acme):
    found = pages("viewer").get(f"{HERE}/properties?words=contract+length")
    assert "<code>contract_length_months</code>" in found.text
    sample = acme.value("SELECT properties ->> 'contract_length_months' FROM deals ORDER BY crm_id DESC LIMIT 1")
    assert f"<code>{sample}</code>" in found.text
    assert "No property fits." in text(pages("viewer").get(f"{HERE}/properties?words=%25%25"))


def test_a_property_that_was_made_a_moment_ago_can_be_asked_for(pages, acme):
    acme.add_property("launch_bonus", "Launch bonus")
    client = pages("admin")
    assert "No property fits." in client.get(f"{HERE}/properties?words=launch").text
    asked = client.post(f"{HERE}/refresh")
    assert (asked.status_code, asked.headers["hx-trigger"]) == (204, "changed")
    assert "<code>launch_bonus</code>" in client.get(f"{HERE}/properties?words=launch").text


def test_a_portal_that_cannot_be_asked_is_told_with_the_reason(pages, acme, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_ACME", connection(acme, token="pat-na1-nobody"))
    refused = pages("admin").post(f"{HERE}/refresh")
    assert refused.status_code == 502
    assert "HubSpot cannot be asked for acme's properties" in refused.json()["detail"]
    assert "pat-na1-nobody" not in refused.text


def test_a_mapping_is_saved_activated_and_applied_to_stored_deals(pages, acme):
    answer = save(pages("admin"), note="for 2027")
    assert answer.headers["hx-redirect"] == "/hubspot/mapping/acme?done=activated", answer.text
    assert versions(acme) == [(1, "ana", "for 2027", True)]
    assert totals(acme) == acme.value("SELECT count(*) FROM deals WHERE amount IS NOT NULL")
    page = pages("admin").get(f"{HERE}?done=activated")
    assert "It counts from now on." in page.text
    assert "Version 1 counts, and all stored deals are computed with it." in text(page)
    assert 'value="months"' in page.text
    told = acme.query(
        "SELECT entity_id, action, actor FROM audit_log WHERE entity = 'mapping' ORDER BY id DESC LIMIT 2"
    )
    assert told == [("1", "activate", "ana"), ("1", "save", "ana")]


def test_saving_alone_changes_nothing_that_counts(pages, acme):
    assert save(pages("admin"), action="save").headers["hx-redirect"].endswith("done=saved")
    assert versions(acme) == [(1, "ana", "", False)]
    assert totals(acme) == 0


def test_nothing_invalid_is_saved_and_the_editor_looks_again(pages, acme):
    answer = save(pages("admin"), WRONG)
    assert answer.status_code == 422
    assert "total: column 10: there is no 'mnths'; did you mean 'months'?" in answer.json()["detail"]
    assert answer.headers["hx-trigger"] == "recheck"
    assert save(pages("admin"), {**MAPPING, "mapped-1-property": "amount"}).status_code == 422
    assert versions(acme) == []


def test_checking_tells_faults_by_input_and_shows_five_deals_before_and_after(pages, acme):
    answer = pages("admin").post(f"{HERE}/check", data=MAPPING)
    assert answer.status_code == 200
    assert answer.text.count('class="deal"') == 5
    assert "It can be saved." in answer.text
    deal, total = acme.query(
        "SELECT crm_id, amount * (properties ->> 'contract_length_months')::numeric FROM deals "
        "WHERE amount IS NOT NULL ORDER BY crm_id DESC LIMIT 1"
    )[0]
    assert deal in answer.text
    assert f"<td>{total}" in answer.text
    wrong = pages("admin").post(f"{HERE}/check", data=WRONG)
    slot = re.search(r'id="faults-calculated-0-formula" hx-swap-oob="true".*?</div>', wrong.text, re.DOTALL)[0]
    assert 'data-column="10"' in slot
    assert "there is no 'mnths'; did you mean 'months'?" in unescape(slot)
    assert 'id="faults-mapped-0-field" hx-swap-oob="true"></div>' in wrong.text
    assert "It cannot be saved yet: 1 input is wrong." in wrong.text
    assert versions(acme) == []


def test_buttons_of_the_editor_add_and_remove_rows_and_keep_nothing(pages, acme):
    client = pages("admin")
    mapped = client.post(
        f"{HERE}/edit", data={**MAPPING, "edit": "map:sales_region", "made_from": "abc", "note": "why"}
    )
    assert 'name="mapped-1-property" value="sales_region"' in mapped.text
    assert '<input type="hidden" name="mapped-1-from" value="EMEA">' in mapped.text
    assert ('name="made_from" value="abc"' in mapped.text, 'name="note" value="why"' in mapped.text) == (True, True)
    fewer = client.post(f"{HERE}/edit", data={**MAPPING, "edit": "remove:mapped-0"})
    assert "mapped-0-field" not in fewer.text
    assert "amount * months</textarea>" in fewer.text
    assert versions(acme) == []


def test_a_draft_over_a_mapping_that_somebody_changed_meanwhile_is_not_saved_before_that_is_seen(pages, acme):
    client = pages("admin")
    mark = made_from(client.get(HERE).text)
    save(client)
    other = {**MAPPING, "calculated-0-formula": "amount * 3"}
    late = save(client, other, made_from=mark)
    assert late.status_code == 409
    assert "another mapping became the one that counts while you edited (version 1)" in late.json()["detail"]
    assert len(versions(acme)) == 1
    assert late.headers["hx-trigger"] == "outdated"
    newer = client.get(f"{HERE}/versions").text
    assert "amount * months" in newer
    assert 'hx-swap-oob="true"' in newer
    assert "hx-redirect" in save(client, other, made_from=made_from(newer)).headers


def test_versions_are_activated_and_rolled_back_with_what_they_change(pages, acme):
    client = pages("admin")
    save(client)
    save(client, {**MAPPING, "calculated-0-formula": "amount * 2"})
    page = text(client.get(HERE))
    assert "Roll back to version 1" in page
    assert "amount * months" in page
    assert client.post(f"{HERE}/rollback").headers["hx-redirect"].endswith("done=rolled-back")
    assert [row[3] for row in versions(acme)] == [True, False]
    assert "hx-redirect" in client.post(f"{HERE}/versions/2/activate").headers
    assert [row[3] for row in versions(acme)] == [False, True]
    doubled = "SELECT count(*) FROM deals WHERE (calculated ->> 'total')::numeric IS DISTINCT FROM amount * 2"
    assert acme.value(doubled) == 0
    assert client.post(f"{HERE}/versions/9/activate").status_code == 404
    copied = client.get(f"{HERE}?version=1").text
    assert "amount * months</textarea>" in copied


def test_a_version_that_fits_the_portal_no_more_is_not_activated(pages, acme):
    client = pages("admin")
    save(client, action="save")
    acme.execute("UPDATE property_catalog SET archived_at = now() WHERE name = 'contract_length_months'")
    try:
        answer = client.post(f"{HERE}/versions/1/activate")
    finally:
        acme.execute("UPDATE property_catalog SET archived_at = NULL WHERE name = 'contract_length_months'")
    assert answer.status_code == 422
    assert "was archived in HubSpot" in answer.json()["detail"]
    assert versions(acme)[0][3] is False


def test_a_recomputation_that_was_interrupted_goes_on(pages, acme):
    client = pages("admin")
    save(client)
    acme.execute("UPDATE mapping_versions SET recomputed_at = NULL; UPDATE deals SET calculated = '{}'")
    waiting = client.get(f"{HERE}/standing").text
    assert "stored deals are being brought to it" in waiting
    assert "load delay:2s" in waiting
    assert client.post(f"{HERE}/recompute").status_code == 204
    assert totals(acme) > 0
    settled = client.get(f"{HERE}/standing").text
    assert "all stored deals are computed with it" in settled
    assert "load delay" not in settled
    assert acme.value("SELECT count(*) FROM audit_log WHERE action = 'recompute' AND actor = 'ana'") == 1


def test_flags_are_set_for_the_company_and_handed_back(pages, acme):
    client = pages("admin")
    assert client.post(f"{HERE}/flags/writeback", data={"value": "approval"}).status_code == 204
    assert acme.value("SELECT feature_flags FROM crm_integrations") == {"writeback": "approval"}
    assert "set for the company" in client.get(f"{HERE}/flags").text
    assert client.post(f"{HERE}/flags/writeback", data={"value": ""}).status_code == 204
    assert acme.value("SELECT feature_flags FROM crm_integrations") == {}
    refused = client.post(f"{HERE}/flags/writeback", data={"value": "perhaps"})
    assert refused.status_code == 422
    assert "allowed: off, dry_run, approval, on" in refused.json()["detail"]
    told = acme.query("SELECT actor FROM audit_log WHERE entity = 'feature_flag'")
    assert set(told) == {("ana",)}


def test_a_viewer_sees_everything_and_is_refused_whatever_writes(pages, acme):
    save(pages("admin"))
    page = pages("viewer").get(HERE).text
    assert "amount * months" in page
    for absent in ("<textarea", "hx-post"):
        assert absent not in page
    before = versions(acme)
    viewer = pages("viewer")
    for path in (
        "versions",
        "edit",
        "check",
        "refresh",
        "rollback",
        "recompute",
        "versions/1/activate",
        "flags/writeback",
    ):
        assert viewer.post(f"{HERE}/{path}", data={**MAPPING, "value": "on"}).status_code == 403, path
    assert versions(acme) == before
    assert acme.value("SELECT feature_flags FROM crm_integrations") == {}


@pytest.mark.parametrize("path", ["versions", "rollback", "versions/1/activate", "flags/writeback", "recompute"])
def test_what_another_site_sends_is_refused(pages, acme, path):
    save(pages("admin"), action="save")
    for headers, status in (({"Origin": "https://evil.example.com"}, 403), ({"HX-Request": "false"}, 415)):
        answer = pages("admin").post(f"{HERE}/{path}", data={**MAPPING, "value": "on"}, headers=headers)
        assert answer.status_code == status
    assert versions(acme) == [(1, "ana", "", False)]
    assert acme.value("SELECT feature_flags FROM crm_integrations") == {}


def test_values_from_hubspot_are_shown_and_not_obeyed(pages, acme):
    client = pages("admin")
    for answer in (
        client.get(f"{HERE}/properties?words=partner_name"),
        client.post(f"{HERE}/check", data={"mapped-0-property": "partner_name", "mapped-0-field": "partner"}),
        client.post(f"{HERE}/edit", data={"mapped-0-property": EVIL, "mapped-0-field": EVIL, "edit": "add-mapped"}),
    ):
        assert EVIL not in answer.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text


def test_names_for_completion_say_what_they_are(pages):
    names = {one["name"]: one for one in pages("viewer").get(f"{HERE}/names").json()}
    assert names["round"]["insert"] == "round("
    assert names["amount"]["kind"] == "number"


def test_what_is_wrong_with_deals_leads_to_them(pages, acme):
    client = pages("admin")
    save(client, {**MAPPING, "mapped-0-property": "partner_name", "mapped-0-field": "who", "mapped-0-required": "on",
                  "mapped-0-type": "", "calculated-0-formula": "amount"})  # fmt: skip
    spoiled = acme.query("SELECT crm_id FROM mapping_problems WHERE resolved_at IS NULL")
    page = client.get(HERE)
    assert f"{len(spoiled)} fields of deals have no sound value" in text(page)
    assert any(f"/deals/acme/{crm_id}" in page.text for (crm_id,) in spoiled)
