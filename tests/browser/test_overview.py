"""The overview in a real browser: it lives without a reload, says so when it does not, and leads to HubSpot."""

import re

import pytest
from playwright.sync_api import expect

HERE = "/hubspot/"


@pytest.fixture
def overview(page_as):
    page = page_as("viewer")
    page.goto(HERE)
    return page


def group(page, company):
    return page.locator("tbody").filter(has=page.get_by_role("link", name=company, exact=True))


def ask_anew(page):
    """Let the page fetch its rows now, and not only when the five seconds are over."""
    page.evaluate("htmx.trigger(document.body, 'changed')")


def test_a_company_that_fails_comes_first_with_the_reason(overview):
    first = overview.locator("tbody").first
    expect(first).to_contain_text("initech")
    expect(first).to_contain_text("refused account-info.details")


def test_what_changes_is_seen_without_a_reload(overview, site):
    expect(group(overview, "globex").locator(".badge").first).not_to_have_text("paused")
    overview.evaluate("window.isTheSame = true")
    site.query("UPDATE crm_integrations SET is_active = false WHERE company_id = 'globex' RETURNING 1")
    try:
        expect(group(overview, "globex").locator(".badge").first).to_have_text("paused", timeout=10_000)
    finally:
        site.query("UPDATE crm_integrations SET is_active = true WHERE company_id = 'globex' RETURNING 1")
    assert overview.evaluate("window.isTheSame"), "nothing was loaded again but the rows"


def test_companies_are_found_by_name_and_by_standing(overview):
    overview.get_by_label("Name").fill("LOB")
    overview.get_by_role("button", name="Filter").click()
    expect(overview.locator("tr.group")).to_have_count(1)
    expect(overview.locator("tr.group")).to_contain_text("globex")
    overview.get_by_label("Name").fill("nobody")
    overview.keyboard.press("Enter")
    expect(overview.get_by_text("No company fits the filter.")).to_be_visible()


def test_a_company_leads_to_its_page_and_the_switch_does_from_any(overview):
    overview.get_by_role("link", name="acme", exact=True).click()
    expect(overview.get_by_role("heading", level=1)).to_have_text("acme")
    overview.get_by_label("Company").last.fill("globex")
    overview.get_by_role("button", name="Show").first.click()
    overview.wait_for_url("**/hubspot/companies/globex")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 503, "json": {"detail": "The commissions database did not answer."}}, "database did not answer"),
        ({"status": 401, "json": {"detail": "Not authenticated"}}, "not logged in any more"),
        (None, "the server does not answer"),
    ],
)
def test_a_page_that_stands_still_says_so_until_it_lives_again(overview, watch, answer, said):
    watch.expect("overview/rows|Failed to load resource|status of|htmx")
    rows = "**/hubspot/overview/rows*"
    overview.route(rows, lambda route: route.fulfill(**answer) if answer else route.abort())
    ask_anew(overview)
    expect(overview.locator("#stale")).to_contain_text(said)
    expect(group(overview, "acme")).to_be_visible()
    overview.unroute(rows)
    ask_anew(overview)
    expect(overview.locator("#stale")).to_be_empty()


def test_an_administrator_is_led_to_hubspot_out_of_airflows_frame(site, page_as, watch):
    app = {
        "conn_type": "hubspot",
        "host": site.live.emulator.url,
        "login": "emulated-app",
        "password": "emulated-secret",
    }
    site.live.standalone.api.put_connection("hubspot_oauth", app)
    watch.expect(re.escape(site.live.emulator.url))
    page = page_as("admin")
    page.goto("/plugin/hubspot-sync/hubspot/")
    frame = page.frame_locator("iframe[title='HubSpot sync']")
    frame.locator("summary", has_text="Connect another company").click()
    frame.locator("#new-company").fill("hooli & sons")
    frame.get_by_role("button", name="Go to HubSpot").click()
    page.wait_for_url(f"{site.live.emulator.url}/oauth/authorize?*")
    expect(page.get_by_role("heading").first).to_be_visible()
    expect(page.locator("iframe")).to_have_count(0)


def test_who_may_not_connect_companies_is_not_offered_to(page_as):
    page = page_as("user")
    page.goto(HERE)
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.get_by_text("Connect another company")).to_have_count(0)
