"""The deal page: one reading order from HubSpot's history to the echo, for whoever may see, and nobody else's deals."""

import re
from html import unescape

import pytest

from commissions import WriteBack
from hubspot_emulator import PortalSpec, running_emulator
from page_client import pages_over
from world import World, register

EVIL = "<img src=x onerror=alert(1)>"
DOCUMENTS = ('{"contract_length_months": {"field": "months", "type": "number"}}', '{"total": "amount * months"}')


@pytest.fixture(scope="module")
def acme(fresh_database):
    portal = PortalSpec("acme", 1001, 40, "pat-na1-acme", "pro")
    with running_emulator([portal], limits=False) as emulator:
        world = World(emulator, portal, fresh_database, register(fresh_database, portal))
        world.execute(
            f"UPDATE crm_integrations SET property_mappings = '{DOCUMENTS[0]}', calculated_fields = '{DOCUMENTS[1]}'"
        )
        paid, evil, _ = emulator.admin.truth_ids(1001)[:3]
        emulator.admin.override_deal(1001, evil, {"dealname": EVIL, "amount": "12.50"})
        world.sync_all()
        back = WriteBack(world)
        back.flag("on")
        back.pay([paid], "123.45")
        back.run()
        world.sync()
        world.reconcile(history_of=(paid, evil))
        yield world


@pytest.fixture
def paid(acme):
    return acme.value("SELECT crm_id FROM commission_writebacks LIMIT 1")


@pytest.fixture
def pages(acme, monkeypatch):
    with pages_over(acme.dsn, monkeypatch) as made:
        yield made


def text(answer):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def test_the_steps_come_in_the_order_in_which_the_number_came_about(pages, acme, paid):
    answer = pages("viewer").get(f"/deals/acme/{paid}")
    assert answer.status_code == 200, answer.text
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", answer.text)
    assert headings == [
        "What HubSpot says",
        "Mapped fields",
        "Calculated fields",
        "Amount in USD",
        "Commission",
        "Write-back to HubSpot",
        "Line items",
        "Splits",
        "Audit trail",
    ]


def test_each_step_says_where_its_value_came_from(pages, acme, paid):
    said = text(pages("viewer").get(f"/deals/acme/{paid}"))
    amount, months, total = acme.query(
        "SELECT properties ->> 'amount', mapped ->> 'months', calculated ->> 'total' FROM deals WHERE crm_id = %s", paid
    )[0]
    assert "read 20" in said
    assert "version 1 of the mapping, saved by crm_integrations" in said
    assert f"contract_length_months {months}" in said
    assert (
        f"total = {total} amount * months with amount = {amount} ( property amount ), months = {months} (mapped field)"
        in said
    )
    assert "123.45 USD , approved, approved 2026-03-31" in said
    assert "Came back as an echo 20" in said
    assert "commission_amount 123.45" in said
    assert "echo by" in said


def test_a_deal_that_nothing_happened_to_says_so_step_by_step(pages, acme, paid):
    other = acme.value("SELECT max(crm_id) FROM deals WHERE crm_id <> %s", paid)
    said = text(pages("viewer").get(f"/deals/acme/{other}"))
    assert "The commission engine has written none." in said
    assert "Nothing of this deal was ever to be written." in said
    assert "HubSpot's history of this deal was never read" in said
    assert "It was not converted" in said


def test_a_merged_and_an_archived_deal_say_what_became_of_them(pages, acme, paid):
    one, two = [
        row[0] for row in acme.query("SELECT crm_id FROM deals WHERE crm_id <> %s ORDER BY crm_id DESC LIMIT 2", paid)
    ]
    acme.execute(
        f"UPDATE deals SET archived_at = now(), merged_into_crm_id = '{paid}' WHERE crm_id = '{one}';"
        f"UPDATE deals SET archived_at = now() WHERE crm_id = '{two}'"
    )
    try:
        client = pages("viewer")
        assert f"This deal was merged into {paid}" in text(client.get(f"/deals/acme/{one}"))
        assert f"Merged into it: {one}" in text(client.get(f"/deals/acme/{paid}"))
        assert "HubSpot has archived or deleted this deal" in text(client.get(f"/deals/acme/{two}"))
        assert "archived" in text(client.get(f"/deals/acme?words={two}"))
    finally:
        acme.execute("UPDATE deals SET archived_at = NULL, merged_into_crm_id = NULL")


def test_deals_are_found_by_id_and_name_and_lead_to_their_page(pages, acme, paid):
    client = pages("viewer")
    assert f'/deals/acme/{paid}"' in client.get(f"/deals/acme?words={paid}").text
    assert "No deal of acme has the id or a name with “nothing like it”." in text(
        client.get("/deals/acme?words=nothing like it")
    )
    assert text(client.get("/deals/acme")).count("alive") == 20


def test_what_is_not_there_is_not_found(pages):
    client = pages("viewer")
    answer = client.get("/deals/acme/404404")
    assert (answer.status_code, "There is no deal '404404' of acme" in unescape(answer.text)) == (404, True)
    assert client.get("/deals/acme/%00").status_code == 404
    assert client.get("/deals/nobody").status_code == 404


def test_values_from_hubspot_are_shown_and_not_obeyed(pages, acme):
    crm_id = acme.value("SELECT crm_id FROM deals WHERE name = %s", EVIL)
    client = pages("viewer")
    for answer in (client.get(f"/deals/acme/{crm_id}"), client.get("/deals/acme?words=onerror")):
        assert EVIL not in answer.text
        assert "&lt;img src=x onerror=alert(1)&gt;" in answer.text


def test_the_audit_trail_goes_on_where_a_page_ended(pages, acme, paid):
    newest = acme.value("SELECT max(id) FROM audit_log WHERE entity = 'deal' AND entity_id = %s", paid)
    older = text(pages("viewer").get(f"/deals/acme/{paid}/audit?before={newest}"))
    assert "insert by" in older
    assert "Nothing older is in the audit log." in text(pages("viewer").get(f"/deals/acme/{paid}/audit?before=1"))


def test_nobody_reaches_a_deal_under_another_companys_name(pages, acme, paid):
    acme.execute("INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('globex', 2, 'hubspot_globex')")
    assert pages("admin").get(f"/deals/globex/{paid}").status_code == 404
