"""A company's page in a real browser: every button does in Airflow what it says, under the name of who pressed it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from live import eventually

HERE = "/hubspot/companies/acme"
RUNS = "/api/v2/dags/{}/dagRuns?order_by=-run_after&limit=1"
ACTED = "SELECT action, actor FROM audit_log WHERE entity = 'company' AND entity_id = 'acme' ORDER BY id DESC LIMIT 1"


def airflow(site, path):
    return site.live.standalone.api._call("GET", path)


def agree(page, button):
    page.get_by_role("button", name=button).click()
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()


@pytest.fixture
def acme_goes_on(site):
    yield
    site.query("UPDATE crm_integrations SET is_active = true WHERE company_id = 'acme' RETURNING 1")


def test_a_run_is_started_for_this_company_alone_by_who_pressed_the_button(site, page_as):
    page = page_as("user")
    page.goto(HERE)
    page.get_by_role("button", name="Run hubspot_deals now").click()
    expect(page.locator("#told")).to_have_text("Started hubspot_deals for acme.")
    run = airflow(site, RUNS.format("hubspot_deals"))["dag_runs"][0]
    assert (run["conf"], run["triggering_user_name"]) == ({"companies": ["acme"]}, "user")
    assert site.query(ACTED) == [("run hubspot_deals", "user")]
    ended = "SELECT count(*) FROM sync_runs WHERE run_id = %s AND finished_at IS NOT NULL"
    eventually(lambda: site.query(ended, run["dag_run_id"])[0][0] or None, seconds=60)
    expect(page.locator("#log-deals")).to_have_attribute("href", re.compile(re.escape(run["dag_run_id"][:12])))


def test_a_run_of_a_dag_that_airflow_has_paused_is_said_to_wait(site, page_as):
    site.live.standalone.api.wait_for_dag("hubspot_line_items", seconds=60)
    page = page_as("op")
    page.goto(HERE)
    page.get_by_role("button", name="Run hubspot_line_items now").click()
    expect(page.locator("#told")).to_contain_text("hubspot_line_items is paused in Airflow, so this waits")
    assert airflow(site, RUNS.format("hubspot_line_items"))["dag_runs"][0]["state"] == "queued"


def test_a_period_is_read_again_by_airflows_own_backfill_once_it_is_agreed_to(site, page_as, watch):
    watch.expect("422")
    site.live.standalone.api.wait_for_dag("hubspot_activities", seconds=60)
    page = page_as("op")
    page.goto(HERE)
    page.get_by_label("Read again by").select_option("hubspot_activities")
    day = (datetime.now(UTC) - timedelta(days=3)).replace(hour=0, minute=0)
    page.get_by_label("what was modified since (UTC)").fill(f"{day:%Y-%m-%dT%H:%M}")
    page.get_by_label("and until (UTC)").fill(f"{day - timedelta(days=1):%Y-%m-%dT%H:%M}")
    agree(page, "Backfill")
    expect(page.get_by_role("alert").last).to_contain_text("the period has to begin before it ends")
    page.get_by_label("and until (UTC)").fill(f"{day + timedelta(days=1):%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Backfill").click()
    page.get_by_role("dialog").get_by_role("button", name="No").click()
    there = "/api/v2/backfills?dag_id=hubspot_activities"
    assert airflow(site, there)["backfills"] == []
    agree(page, "Backfill")
    expect(page.locator("#told")).to_contain_text(f"Airflow reads {day:%Y-%m-%d} 00:00 to")
    [backfill] = airflow(site, there)["backfills"]
    assert backfill["dag_run_conf"] == {"companies": ["acme"]}
    assert site.query(ACTED) == [("backfill hubspot_activities", "op")]


def test_a_company_is_paused_and_goes_on_and_the_page_follows(site, page_as, acme_goes_on):
    page = page_as("user")
    page.goto(HERE)
    agree(page, "Pause")
    expect(page.get_by_text("acme is paused: no run reads it")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Run "))).to_have_count(0)
    assert site.query(ACTED) == [("pause", "user")]
    page.get_by_role("button", name="Let it go on").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("button", name="Run hubspot_deals now")).to_be_visible()
    assert site.query(ACTED) == [("resume", "user")]


def test_a_company_is_authorized_again_on_hubspots_page_out_of_airflows_frame(site, page_as, watch):
    app = {
        "conn_type": "hubspot",
        "host": site.live.emulator.url,
        "login": "emulated-app",
        "password": "emulated-secret",
    }
    site.live.standalone.api.put_connection("hubspot_oauth", app)
    watch.expect(re.escape(site.live.emulator.url))
    page = page_as("admin")
    page.goto(f"/plugin/hubspot-sync{HERE}")
    page.frame_locator("iframe").get_by_role("link", name="Authorize again").click()
    page.wait_for_url(f"{site.live.emulator.url}/oauth/authorize?*")


def test_operators_may_run_and_pause_but_not_authorize(page_as):
    page = page_as("user")
    page.goto(HERE)
    expect(page.get_by_role("button", name="Run hubspot_deals now")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("link", name="Authorize again")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_past_is_charted_and_can_be_read_as_a_table(page_as, theme):
    page = page_as("viewer", theme)
    page.goto(HERE)
    expect(page.locator("figure.chart canvas").first).to_be_visible()
    assert page.locator("figure.chart canvas").count() >= 4
    page.locator("summary", has_text="as a table").click()
    table = page.get_by_role("region", name="Runs")
    expect(table.get_by_role("row").nth(1)).to_contain_text("success")


def test_a_row_that_could_not_be_stored_is_shown_with_its_reason_and_payload(page_as):
    page = page_as("viewer")
    page.goto(HERE)
    reject = page.locator("details", has_text="twelve").first
    reject.locator("summary").click()
    expect(reject.locator("pre")).to_contain_text('"amount": "twelve"')


def test_a_company_that_there_is_not_is_a_page_that_leads_on(page_as, watch):
    watch.expect("404")
    page = page_as("viewer")
    page.goto("/hubspot/companies/nobody")
    expect(page.get_by_text("there is no company 'nobody'")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Overview").click()
    page.wait_for_url("**/hubspot/")
