"""Who gets in, what Airflow shows of us, and how one gets around."""

import re

import pytest
from playwright.sync_api import expect

from pages import PAGES, address

TABS = ["Overview", "Company", "Webhooks", "Mapping", "Write-back", "Deals"]
# Whatever changes something is asked for by these; forms that only look are sent by GET.
ACTIONS = "[hx-post], [hx-put], [hx-patch], [hx-delete], form[method=post]"

# As htmx asks on our pages.
OURS = {"HX-Request": "true"}


def in_airflow(page):
    """Open our entry of Airflow's navigation, and return what is in the frame."""
    page.goto("/")
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="HubSpot sync").click()
    return page.frame_locator("iframe[title='HubSpot sync']")


def title(where):
    return where.get_by_role("heading", level=1)


def test_airflows_navigation_leads_to_the_overview(page_as):
    page = page_as("viewer")
    frame = in_airflow(page)
    expect(title(frame)).to_have_text("Overview")
    for company in ("acme", "globex", "initech"):
        expect(frame.get_by_role("link", name=company, exact=True)).to_be_visible()
    expect(frame.get_by_text("refused account-info.details").first).to_be_visible()


def test_a_run_leads_out_of_the_frame_to_its_log_in_airflow(page_as):
    page = page_as("viewer")
    frame = in_airflow(page)
    frame.get_by_role("row", name=re.compile("^deals ")).first.get_by_role("link").click()
    page.wait_for_url("**/dags/hubspot_deals/runs/*/tasks/sync/**")
    expect(page.locator("iframe")).to_have_count(0)


def test_what_is_of_hubspot_opens_beside_airflow(site, page_as, watch):
    page = page_as("viewer")
    page.goto(f"/plugin/hubspot-sync{address(site, 'deal')}")
    watch.expect("app.hubspot.com|ERR_")
    page.context.route("https://app.hubspot.com/**", lambda route: route.fulfill(body="HubSpot"))
    # While Airflow loads, it draws its frame anew; what was clicked in the first one is lost.
    page.wait_for_load_state("networkidle")
    with page.context.expect_page() as opened:
        page.frame_locator("iframe").get_by_role("link", name="In HubSpot").click()
    assert opened.value.url.startswith("https://app.hubspot.com/contacts/1001/record/0-3/")


def test_every_tab_is_reached_and_opened_by_keyboard_alone(page_as):
    page = page_as("viewer")
    page.goto("/hubspot/companies/acme")
    for name in TABS:
        tab = page.get_by_role("navigation", name="HubSpot sync").get_by_role("link", name=name)
        for _ in range(len(TABS) + 2):
            page.keyboard.press("Tab")
            if tab.evaluate("link => link === document.activeElement"):
                break
        expect(tab).to_be_focused()
        assert tab.evaluate("link => getComputedStyle(link).outlineStyle") == "solid", "the focus is seen"
        page.keyboard.press("Enter")
        expect(tab).to_have_attribute("aria-current", "page")
        expect(title(page)).to_be_visible()


def test_the_first_stop_of_the_keyboard_skips_the_navigation(page_as):
    page = page_as("viewer")
    page.goto("/hubspot/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_frame_follows_airflows_theme_as_it_is_switched(page_as):
    page = page_as("viewer", theme="dark")
    frame = in_airflow(page)
    body = frame.locator("body")
    expect(title(frame)).to_be_visible()
    assert brightness(body) < 60
    page.get_by_role("button", name="User").click()
    page.get_by_role("menuitem", name="Appearance").click()
    page.get_by_role("menuitemradio", name="Light Mode").click()
    expect(frame.locator("html")).to_have_attribute("data-theme", "light")
    assert brightness(body) > 200


def brightness(body):
    rgb = body.evaluate("body => getComputedStyle(body).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", rgb)[:3]) / 3


@pytest.mark.parametrize("name", ["company", "webhooks", "mapping", "write-back", "write-back to approve", "deal"])
def test_a_viewer_sees_no_action(site, page_as, name):
    page = page_as("viewer")
    page.goto(address(site, name))
    expect(title(page)).to_be_visible()
    assert page.locator(ACTIONS).evaluate_all("found => found.map(one => one.outerHTML)") == []


@pytest.mark.parametrize("path", ["companies/acme/pause", "companies/acme/sync"])
def test_a_viewer_who_acts_all_the_same_is_refused(page_as, site, path):
    page = page_as("viewer")
    answer = page.request.post(f"/hubspot/{path}", form={"dag_id": "hubspot_deals"}, headers=OURS)
    assert answer.status == 403
    assert site.query("SELECT is_active FROM crm_integrations WHERE company_id = 'acme'") == [(True,)]


def test_another_sites_page_cannot_act_with_an_administrators_cookie(page_as, site):
    page = page_as("admin")
    answer = page.request.post("/hubspot/companies/acme/pause", headers=OURS | {"Origin": "https://evil.example"})
    assert answer.status == 403
    assert site.query("SELECT is_active FROM crm_integrations WHERE company_id = 'acme'") == [(True,)]


def test_a_person_who_is_not_logged_in_is_sent_to_the_login_and_then_back(anonymous):
    anonymous.goto("/hubspot/companies/initech")
    anonymous.wait_for_url("**/auth/login*")
    anonymous.get_by_label("Username").fill("viewer")
    anonymous.get_by_label("Password").first.fill("viewer")
    anonymous.get_by_role("button", name="Sign in").click()
    anonymous.wait_for_url("**/hubspot/companies/initech")
    expect(title(anonymous)).to_have_text("initech")


@pytest.mark.parametrize("name", PAGES)
def test_the_anonymous_is_shown_no_page(site, anonymous, name):
    answer = anonymous.request.get(address(site, name), headers={"Accept": "text/html"}, max_redirects=0)
    assert (answer.status, "/auth/login" in answer.headers["location"]) == (302, True)
    assert "acme" not in answer.text()


@pytest.mark.parametrize("path", ["api/webhooks/delivery", "api/webhooks/dead-letters", "overview/rows"])
def test_the_anonymous_is_refused_by_the_api(anonymous, path):
    answer = anonymous.request.get(f"/hubspot/{path}", headers={"Accept": "application/json"})
    assert answer.status == 401
