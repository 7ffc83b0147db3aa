"""A person agrees to a plan, or does not: in a real Airflow, by its API and in its pages."""

import re
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import expect

import chromium
from airflow_server import AirflowServer, airflow_server
from commissions import DAG_ID, WriteBack
from hubspot_emulator import PortalSpec, running_emulator
from world import World, connection_variables, register

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("airflow")]

PORTALS = [
    PortalSpec(name, 1001 + n, 60, f"pat-na1-{name}") for n, name in enumerate(("acme", "globex", "initech", "hooli"))
]


@pytest.fixture(scope="module")
def emulator():
    with running_emulator(PORTALS, limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def airflow_and_dsn(postgres, emulator, tmp_path_factory):
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as conn:
        conn.execute("CREATE DATABASE approvals_airflow")
        conn.execute("CREATE DATABASE approvals TEMPLATE migrated")
    connections = connection_variables(PORTALS, emulator.url)
    dsn = postgres.dsn("approvals")
    # Daily: after the run that is due at once, no scheduled one comes in between.
    variables = {"SYNC_INTERVAL_MINUTES": "1440", **connections}
    metadata = postgres.dsn("approvals_airflow", driver="postgresql+psycopg")
    with airflow_server(tmp_path_factory.mktemp("airflow"), metadata, dsn, **variables) as server:
        server.enable(DAG_ID)
        yield server, dsn


@pytest.fixture
def airflow(airflow_and_dsn) -> AirflowServer:
    return airflow_and_dsn[0]


@pytest.fixture
def company(request, airflow_and_dsn, emulator):
    """A company with ten commissions to write, whose plans need an approval."""
    portal = next(p for p in PORTALS if p.company == request.param)
    world = World(emulator, portal, airflow_and_dsn[1], register(airflow_and_dsn[1], portal))
    world.sync()
    back = WriteBack(world)
    back.flag("approval")
    back.pay(emulator.admin.truth_ids(portal.portal_id)[:10])
    yield back
    world.execute("UPDATE crm_integrations SET is_active = false")


def asked(airflow, company):
    """Start a run for the company and return its id and its question."""
    run_id = airflow.trigger(DAG_ID, companies=[company.world.portal.company])
    return run_id, airflow.asked(DAG_ID, run_id)


def decided(company):
    return company.world.query(
        "SELECT state, decided_by FROM writeback_plans WHERE integration_id = %s", company.world.integration_id
    )


@pytest.mark.parametrize("company", ["acme"], indirect=True)
def test_approved_by_the_api_it_is_written(airflow, company):
    run_id, question = asked(airflow, company)
    assert question["subject"] == "Write 10 commissions of acme to HubSpot?"
    assert "| USD | 10 | 0 | 1000.00 | 1000.00 |" in question["body"]
    assert f"https://app.hubspot.com/contacts/{company.world.portal.portal_id}/record/0-3/" in question["body"]
    assert company.in_hubspot() == {}
    airflow.answer(DAG_ID, run_id, question, "Approve")
    assert airflow.ended(DAG_ID, run_id) == "success"
    assert company.in_hubspot() == company.in_table()
    assert len(company.in_hubspot()) == 10
    assert decided(company) == [("applied", "admin")]


@pytest.mark.parametrize("company", ["globex"], indirect=True)
def test_rejected_hubspot_stays_as_it_is(airflow, company):
    run_id, question = asked(airflow, company)
    company.calls()
    airflow.answer(DAG_ID, run_id, question, "Reject")
    assert airflow.ended(DAG_ID, run_id) == "success"
    assert airflow.states(DAG_ID, run_id)["write_back.apply"] == "skipped"
    assert (company.in_hubspot(), company.calls()) == ({}, {})
    assert decided(company) == [("rejected", "admin")]


@pytest.mark.parametrize("company", ["initech"], indirect=True)
def test_approved_after_it_expired_it_is_not_applied(airflow, company):
    run_id, question = asked(airflow, company)
    company.world.execute("UPDATE writeback_plans SET expires_at = now()")
    airflow.answer(DAG_ID, run_id, question, "Approve")
    assert airflow.ended(DAG_ID, run_id) == "success"
    assert airflow.states(DAG_ID, run_id)["write_back.apply"] == "skipped"
    assert company.in_hubspot() == {}


@pytest.mark.parametrize("company", ["hooli"], indirect=True)
def test_approved_in_a_browser_it_is_written(airflow, company, tmp_path):
    chromium.require()
    run_id, question = asked(airflow, company)
    ti = question["task_instance"]
    with chromium.running_chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1100})
        user, password = airflow.login
        page.goto(airflow.url)
        page.get_by_label(re.compile("username", re.IGNORECASE)).fill(user)
        page.get_by_label(re.compile("password", re.IGNORECASE)).first.fill(password)
        page.get_by_role("button", name=re.compile("sign in|log ?in", re.IGNORECASE)).click()
        page.wait_for_url(lambda url: "/auth/" not in url)
        path = f"/dags/{DAG_ID}/runs/{run_id}/tasks/{ti['task_id']}/mapped/{ti['map_index']}/required_actions"
        page.goto(airflow.url + path)
        expect(page.get_by_text("Write 10 commissions of hooli to HubSpot?").first).to_be_visible(timeout=30_000)
        page.screenshot(path=Path(tmp_path) / "question.png")
        page.get_by_role("button", name="Approve").click()
        assert airflow.ended(DAG_ID, run_id) == "success"
    assert len(company.in_hubspot()) == 10
    assert decided(company) == [("applied", "admin")]
