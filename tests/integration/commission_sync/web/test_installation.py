"""A person connects a company to HubSpot: Airflow's login, HubSpot's page, and back, over real HTTP."""

import json
from contextlib import closing
from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg
import pytest

from api_server import running_api_server
from commission_sync.store import connect, migrate
from commission_sync.store.credentials import read_credential
from commission_sync.store.keyring import Keyring, new_key
from hubspot_emulator import PortalSpec, running_emulator

pytestmark = pytest.mark.slow

KEY = new_key()
PORTALS = [PortalSpec("acme", 1001, 20, "pat-na1-acme"), PortalSpec("globex", 1002, 20, "pat-na1-globex")]


@pytest.fixture(scope="module")
def emulator():
    with running_emulator(PORTALS, limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def dsn(postgres):
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE airflow_of_the_pages")
        admin.execute("CREATE DATABASE companies_of_the_pages")
    migrate(postgres.dsn("companies_of_the_pages"))
    return postgres.dsn("companies_of_the_pages")


@pytest.fixture(scope="module")
def airflow(postgres, dsn, emulator, tmp_path_factory):
    app = {"conn_type": "hubspot", "host": emulator.url, "login": "emulated-app", "password": "emulated-secret"}
    variables = {
        "AIRFLOW_CONN_COMMISSIONS_DB": dsn,
        "AIRFLOW_CONN_HUBSPOT_OAUTH": json.dumps(app),
        "TOKEN_ENCRYPTION_KEYS": KEY,
    }
    metadata = postgres.dsn("airflow_of_the_pages", driver="postgresql+psycopg")
    with running_api_server(tmp_path_factory.mktemp("pages"), metadata, **variables) as server:
        yield server


@pytest.fixture(autouse=True)
def nobody_is_connected(dsn):
    with psycopg.connect(dsn) as conn:
        conn.execute("TRUNCATE crm_credentials, crm_integrations CASCADE")


def rows(dsn, statement):
    with psycopg.connect(dsn) as conn:
        return conn.execute(statement).fetchall()


def query(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def start(browser, company="acme", **features):
    answer = browser.get(f"/hubspot/oauth/start?{urlencode({'company': company, **features})}")
    assert answer.status == 302, answer.text
    return answer.location


def agree(browser, url, portal_id=1001):
    """Press the account's button on HubSpot's page and return where it sends the browser."""
    assert browser.get(url).status == 200
    answer = browser.get(url, form={"portal_id": str(portal_id)})
    assert answer.status == 302, answer.text
    return answer.location


def test_a_person_connects_a_new_company(airflow, emulator, dsn):
    browser = airflow.browser("admin")
    page = start(browser, writeback="approval", activities="false")
    assert page.startswith(f"{emulator.url}/oauth/authorize?")
    asked = query(page)
    assert asked["redirect_uri"] == f"{airflow.url}/hubspot/oauth/callback"
    assert "crm.objects.deals.write" in asked["scope"].split()
    assert "sales-email-read" not in asked["scope"].split()

    done = browser.get(agree(browser, page))
    assert done.status == 200, done.text
    assert "Company acme is connected: portal 1001." in done.text
    assert (done.headers["cache-control"], done.headers["referrer-policy"]) == ("no-store", "no-referrer")

    (row,) = rows(dsn, "SELECT company_id, portal_id, conn_id, is_active, base_currency FROM crm_integrations")
    assert row == ("acme", 1001, "hubspot_oauth", True, "USD")
    assert rows(dsn, "SELECT feature_flags ->> 'writeback', feature_flags ->> 'activities' FROM crm_integrations") == [
        ("approval", "false")
    ]
    assert rows(dsn, "SELECT state, scopes = %s FROM crm_credentials".replace("%s", repr_array(asked["scope"]))) == [
        ("valid", True)
    ]
    assert rows(dsn, "SELECT action, actor FROM audit_log WHERE entity = 'integration' ORDER BY id DESC LIMIT 1") == [
        ("insert", "user:admin")
    ]
    assert portal_opened_by_stored_token(emulator, dsn) == 1001


def repr_array(scopes):
    return "ARRAY[" + ",".join(f"'{scope}'" for scope in scopes.split()) + "]"


def portal_opened_by_stored_token(emulator, dsn):
    from airflow_hubspot.client import HubSpotClient  # noqa: PLC0415

    (integration_id,) = rows(dsn, "SELECT id FROM crm_integrations")[0]
    with closing(connect(dsn)) as conn:
        stored = read_credential(conn, Keyring([KEY]), integration_id)
    with HubSpotClient(token=stored.access_token, base_url=emulator.url) as client:
        return client.account.details().portal_id


def test_connecting_again_renews_the_credentials_of_the_same_integration(airflow, emulator, dsn):
    browser = airflow.browser("admin")
    browser.get(agree(browser, start(browser, writeback="on")))
    before = rows(dsn, "SELECT id FROM crm_integrations")
    emulator.admin.uninstall(1001)
    with psycopg.connect(dsn) as conn:
        conn.execute("UPDATE crm_credentials SET state = 'needs_authorization', alerted_at = now()")
        conn.execute("UPDATE crm_integrations SET is_active = false")

    again = start(browser)
    assert "crm.objects.deals.write" in query(again)["scope"], "the company's own flags decide, not the defaults"
    done = browser.get(agree(browser, again))
    assert "Company acme is authorized again: portal 1001." in done.text
    assert rows(dsn, "SELECT id FROM crm_integrations WHERE is_active") == before
    assert rows(dsn, "SELECT state, alerted_at FROM crm_credentials") == [("valid", None)]
    assert rows(dsn, "SELECT action, changes FROM audit_log ORDER BY id DESC LIMIT 1") == [
        ("authorize", {"is_active": [False, True]})
    ]
    assert portal_opened_by_stored_token(emulator, dsn) == 1001


def test_a_consent_is_good_once(airflow, dsn):
    browser = airflow.browser("admin")
    back = agree(browser, start(browser))
    assert browser.get(back).status == 200
    again = browser.get(back)
    assert again.status == 400
    assert "has been used already" in again.text


def test_a_consent_belongs_to_the_person_who_started_it(airflow, dsn):
    browser = airflow.browser("admin")
    back = agree(browser, start(browser))
    stolen = airflow.browser("second").get(back)
    assert (stolen.status, "Somebody else started this consent" in stolen.text) == (400, True)
    assert rows(dsn, "SELECT FROM crm_integrations") == []


@pytest.mark.parametrize("state", ["", "made-up", "gAAAAABmade-up"])
def test_a_state_that_we_did_not_make_is_refused(airflow, dsn, state):
    answer = airflow.browser("admin").get(f"/hubspot/oauth/callback?{urlencode({'code': 'x', 'state': state})}")
    assert (answer.status, "was not started here" in answer.text) == (400, True)


def test_a_stored_token_does_not_pass_for_a_state(airflow, dsn):
    browser = airflow.browser("admin")
    browser.get(agree(browser, start(browser)))
    ((stored,),) = rows(dsn, "SELECT refresh_token FROM crm_credentials")
    answer = browser.get(f"/hubspot/oauth/callback?{urlencode({'code': 'x', 'state': stored})}")
    assert (answer.status, "was not started here" in answer.text) == (400, True)


def test_a_person_who_cancels_changes_nothing(airflow, dsn):
    browser = airflow.browser("admin")
    answer = browser.get(agree(browser, start(browser), portal_id=""))
    assert (answer.status, "HubSpot sent no consent back" in answer.text) == (400, True)
    assert rows(dsn, "SELECT FROM crm_integrations") == []


def test_nobody_gets_another_companys_portal_by_mistake(airflow, dsn):
    browser = airflow.browser("admin")
    browser.get(agree(browser, start(browser, "acme"), 1001))
    taken = browser.get(agree(browser, start(browser, "globex"), 1001))
    assert (taken.status, "Portal 1001 belongs to company &#39;acme&#39;" in taken.text) == (400, True)
    moved = browser.get(agree(browser, start(browser, "acme"), 1002))
    assert (moved.status, "is connected to portal 1001, but portal 1002 was chosen" in moved.text) == (400, True)
    assert rows(dsn, "SELECT company_id, portal_id FROM crm_integrations") == [("acme", 1001)]
    browser.get(agree(browser, start(browser, "globex"), 1002))
    assert rows(dsn, "SELECT company_id, portal_id FROM crm_integrations ORDER BY 1") == [
        ("acme", 1001),
        ("globex", 1002),
    ]


def test_the_old_token_endpoint_is_enough(airflow, emulator, dsn):
    emulator.admin.set_oauth(endpoints=["v1"])
    try:
        browser = airflow.browser("admin")
        done = browser.get(agree(browser, start(browser)))
    finally:
        emulator.admin.set_oauth(endpoints=["v1", "v3", "2026-03"])
    assert "Company acme is connected" in done.text
    assert rows(dsn, "SELECT 'crm.objects.deals.read' = ANY(scopes) FROM crm_credentials") == [(True,)]


def test_hubspots_refusal_is_told_without_a_secret(airflow, emulator, dsn):
    browser = airflow.browser("admin")
    back = agree(browser, start(browser))
    emulator.admin.set_oauth(faults={"next": ["server_error_html"]})
    answer = browser.get(back)
    assert (answer.status, "HubSpot refused the token request" in answer.text) == (502, True)
    assert query(back)["code"] not in answer.text
    assert rows(dsn, "SELECT FROM crm_integrations") == []


def test_a_viewer_cannot_connect_a_company(airflow):
    answer = airflow.browser("viewer").get("/hubspot/oauth/start?company=acme")
    assert (answer.status, "needs the right to add connections" in answer.text) == (403, True)


def test_nobody_gets_anywhere_without_a_login(airflow):
    anonymous = airflow.browser()
    for path in ("/hubspot/oauth/start?company=acme", "/hubspot/oauth/callback?code=x&state=y"):
        assert anonymous.get(path, html=False).status == 401
        sent = anonymous.get(path)
        assert sent.status == 302
        assert urlsplit(sent.location).path == "/auth/login"
        assert query(sent.location)["next"] == f"{airflow.url}{path}"
    for path in ("/hubspot/docs", "/hubspot/openapi.json", "/hubspot/redoc"):
        assert anonymous.get(path, html=False).status == 404


@pytest.mark.parametrize("company", ["", "x" * 201, "a\x00b"])
def test_a_company_name_that_cannot_be_one_is_refused(airflow, company):
    answer = airflow.browser("admin").get(f"/hubspot/oauth/start?{urlencode({'company': company})}", html=False)
    assert answer.status == 422


def test_the_server_log_holds_no_token(airflow, emulator, dsn):
    browser = airflow.browser("admin")
    browser.get(agree(browser, start(browser)))
    (integration_id,) = rows(dsn, "SELECT id FROM crm_integrations")[0]
    with closing(connect(dsn)) as conn:
        stored = read_credential(conn, Keyring([KEY]), integration_id)
    said = airflow.log.read_text()
    assert "emulated-secret" not in said
    assert stored.access_token not in said
    assert stored.refresh_token not in said
