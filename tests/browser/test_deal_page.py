"""The deal page in a real browser: from a search to the steps behind a number, and to what a person asks next."""

from playwright.sync_api import expect

from pages import address


def test_a_conflict_is_followed_back_to_the_property(site, page_as):
    page = page_as("viewer")
    page.goto(address(site, "deal"))
    headings = page.locator("ol.steps h2")
    expect(headings).to_have_text(
        [
            "What HubSpot says",
            "Mapped fields",
            "Calculated fields",
            "Amount in USD",
            "Commission",
            "Write-back to HubSpot",
        ]
    )
    writeback = page.get_by_role("region", name="Write-back to HubSpot")
    expect(writeback).to_contain_text("commission_amount was set to '900'")
    expect(page.get_by_role("region", name="Commission", exact=True)).to_contain_text("1310.50 USD")
    page.get_by_role("region", name="Calculated fields").get_by_role("link", name="property amount").click()
    expect(page.locator("#property-amount")).to_be_in_viewport()
    writeback.get_by_text("sent", exact=True).click()
    expect(writeback.get_by_text("Came back as an echo")).to_be_visible()


def test_a_deal_is_found_by_a_part_of_its_name(site, page_as):
    crm_id, name = site.query(
        "SELECT crm_id, name FROM deals WHERE company_id = 'globex' AND name ~ '^[A-Za-z0-9 ]+' ORDER BY crm_id LIMIT 1"
    )[0]
    page = page_as("viewer")
    page.goto("/hubspot/deals/globex")
    box = page.get_by_label("Deal", exact=True)
    box.fill(name)
    box.press("Enter")
    page.get_by_role("main").get_by_role("link", name=name).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name.strip())
    box.fill(crm_id)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("rowheader").filter(has_text=crm_id)).to_be_visible()


def test_a_deal_without_a_commission_and_a_search_without_a_hit_say_so(site, page_as):
    (crm_id,) = site.query("SELECT max(crm_id) FROM deals WHERE company_id = 'initech'")[0]
    page = page_as("viewer")
    page.goto(f"/hubspot/deals/initech/{crm_id}")
    for said in (
        "The commission engine has written none.",
        "Nothing of this deal was ever to be written.",
        "Nothing is mapped.",
    ):
        expect(page.get_by_text(said)).to_be_visible()
    page.goto("/hubspot/deals/initech?words=nothing+like+it")
    expect(page.get_by_text("No deal of initech has the id or a name with “nothing like it”.")).to_be_visible()


def test_a_long_audit_trail_is_read_on(site, page_as):
    crm_id, _ = site.query(
        "WITH d AS (SELECT integration_id, min(crm_id) AS crm_id FROM deals WHERE company_id = 'initech' GROUP BY 1) "
        "INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor) "
        "SELECT integration_id, 'deal', crm_id, 'update', jsonb_build_object('note', jsonb_build_array(n - 1, n)), 'a test' "
        "FROM d, generate_series(1, 60) n RETURNING entity_id, id"
    )[0]
    (entries,) = site.query("SELECT count(*) FROM audit_log WHERE entity = 'deal' AND entity_id = %s", crm_id)[0]
    page = page_as("viewer")
    page.goto(f"/hubspot/deals/initech/{crm_id}")
    shown = page.locator("details.audit")
    expect(shown).to_have_count(50)
    shown.first.click()
    expect(shown.first).to_contain_text("59 → 60")
    for so_far in range(100, entries + 50, 50):
        page.get_by_role("button", name="Show older").click()
        expect(shown).to_have_count(min(so_far, entries))
    expect(shown.last).to_contain_text("insert")
    expect(page.get_by_role("button", name="Show older")).to_have_count(0)


def test_an_unknown_deal_is_said_to_be_unknown(page_as, watch):
    watch.expect("404")
    page = page_as("viewer")
    page.goto("/hubspot/deals/acme/404404")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    expect(page.get_by_text("There is no deal '404404' of acme here")).to_be_visible()


def test_the_page_follows_airflows_dark_theme(site, page_as):
    page = page_as("viewer", "dark")
    page.goto(address(site, "deal"))
    assert page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(18, 21, 27)"
