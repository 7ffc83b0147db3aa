"""The frame of all pages, inside a real api-server: who gets in, what is served, and what a foreign site cannot ask for."""

import psycopg
import pytest

from api_server import running_api_server
from commission_sync.store import migrate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dsn(postgres):
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE airflow_of_the_frame")
        admin.execute("CREATE DATABASE companies_of_the_frame")
    migrate(postgres.dsn("companies_of_the_frame"))
    with psycopg.connect(postgres.dsn("companies_of_the_frame")) as conn:
        conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id) "
            "VALUES ('acme', 1, 'a'), ('globex & sons/2', 2, 'b')"
        )
    return postgres.dsn("companies_of_the_frame")


@pytest.fixture(scope="module")
def airflow(postgres, dsn, tmp_path_factory):
    metadata = postgres.dsn("airflow_of_the_frame", driver="postgresql+psycopg")
    where = tmp_path_factory.mktemp("frame")
    with running_api_server(where, metadata, AIRFLOW_CONN_COMMISSIONS_DB=dsn) as server:
        yield server


def test_somebody_who_is_not_logged_in_is_sent_to_the_login(airflow):
    answer = airflow.browser().get("/hubspot/companies")
    assert answer.status == 302
    assert "/auth/login" in answer.location
    assert "next=" in answer.location


def test_a_page_lets_nothing_in_from_elsewhere_and_says_who_may_frame_it(airflow):
    policy = airflow.browser("viewer").get("/hubspot/companies").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy


def test_the_choice_of_a_company_leads_to_pages_that_name_it(airflow):
    page = airflow.browser("viewer").get("/hubspot/mapping").text
    assert 'href="/hubspot/mapping/acme"' in page
    assert 'href="/hubspot/mapping/globex%20%26%20sons%2F2"' in page
    assert 'aria-current="page"' in page


def test_the_switch_offers_what_was_typed_and_goes_there(airflow):
    browser = airflow.browser("viewer")
    assert (
        browser.get("/hubspot/switch/options?company=SONS").text.strip()
        == '<option value="globex &amp; sons/2"></option>'
    )
    there = browser.get("/hubspot/switch?to=writeback&company=acme")
    assert (there.status, there.location) == (303, "/hubspot/writeback/acme")


def test_what_the_pages_are_made_of_is_kept_by_browsers_and_carries_its_licences(airflow):
    browser = airflow.browser()
    for name in ("pages.css", "pages.js", "charts.js", "theme.js", "vendor/htmx.min.js", "vendor/uPlot.iife.min.js"):
        answer = browser.get(f"/hubspot/static/{name}")
        assert (answer.status, "immutable" in answer.headers["cache-control"]) == (200, True)
    assert "MIT" in browser.get("/hubspot/static/vendor/uplot.LICENSE").text
    assert browser.get("/hubspot/static/vendor/htmx.LICENSE").status == 200
