"""The mapping page in a real browser: every button, by keyboard where people type, and what each role is shown."""

import pytest
from playwright.sync_api import expect

HERE = "/hubspot/mapping/initech"
RESET = (
    "WITH gone AS (DELETE FROM mapping_versions WHERE integration_id = %(id)s), "
    "problems AS (DELETE FROM mapping_problems WHERE integration_id = %(id)s), "
    "emptied AS (UPDATE deals SET mapped = '{}', calculated = '{}' WHERE integration_id = %(id)s) "
    "UPDATE crm_integrations SET property_mappings = '{}', calculated_fields = '{}', feature_flags = %(flags)s::jsonb "
    "WHERE id = %(id)s RETURNING 1"
)


@pytest.fixture
def initech(site):
    """A company without a mapping, and without one again afterwards."""
    world = site.worlds["initech"]
    flags = world.value("SELECT feature_flags::text FROM crm_integrations WHERE id = %s", world.integration_id)
    yield world
    site.query(RESET.replace("%(id)s", f"'{world.integration_id}'").replace("%(flags)s", "%s"), flags)


def map_contract_length(page):
    page.goto(HERE)
    page.get_by_label("Search").fill("contract length")
    page.get_by_role("button", name="Map Contract length months").click()
    field = page.get_by_label("Field", exact=True)
    expect(field).to_be_focused()
    field.fill("months")


def calculate_total(page, formula="amount * months"):
    page.get_by_role("button", name="Add a calculated field").click()
    expect(page.locator("#calculated-0-name")).to_be_focused()
    page.locator("#calculated-0-name").fill("total")
    page.get_by_label("Formula").fill(formula)


def offered(page):
    return page.get_by_role("listbox", name="Names and functions").get_by_role("option")


def agree(page, button):
    page.get_by_role("button", name=button).click()
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()


def test_a_mapping_is_made_from_nothing_by_keyboard_and_counts(initech, page_as):
    page = page_as("admin")
    page.goto(HERE)
    expect(page.get_by_text("This company has no mapping yet")).to_be_visible()
    expect(page.get_by_text("Nothing is calculated.")).to_be_visible()
    map_contract_length(page)
    calculate_total(page, "")
    formula = page.get_by_label("Formula")
    formula.focus()
    page.keyboard.type("amoun")
    expect(offered(page).first).to_contain_text("amount")
    page.keyboard.press("Enter")
    page.keyboard.type(" * mon")
    expect(offered(page).first).to_contain_text("months")
    page.keyboard.press("Tab")
    expect(formula).to_have_value("amount * months")
    expect(formula).to_be_focused()
    expect(page.get_by_text("It can be saved.")).to_be_visible()
    expect(page.locator("#preview details")).to_have_count(5)
    total = page.locator("#preview details").first.get_by_role("row", name="total")
    expect(total.get_by_role("cell").first).to_have_text("\N{EN DASH}")
    expect(total.get_by_role("cell").nth(1)).to_contain_text("changed")

    page.get_by_label("Why").fill("the first one")
    page.get_by_role("button", name="Save and activate").click()
    page.get_by_role("dialog").get_by_role("button", name="No").click()
    assert initech.query("SELECT version FROM mapping_versions WHERE integration_id = %s", initech.integration_id) == []
    agree(page, "Save and activate")
    expect(page.get_by_text("It counts from now on.")).to_be_visible()
    expect(page.get_by_text("Version 1 counts, and all stored deals are computed with it.")).to_be_visible()
    expect(page.get_by_text("This is the mapping that counts.")).to_be_visible()
    wrong = (
        "SELECT count(*) FROM deals WHERE integration_id = %s AND amount IS NOT NULL AND (calculated ->> 'total')::numeric "
        "IS DISTINCT FROM amount * (properties ->> 'contract_length_months')::numeric"
    )
    assert initech.value(wrong, initech.integration_id) == 0


def test_versions_are_saved_activated_and_rolled_back(initech, page_as):
    page = page_as("admin")
    map_contract_length(page)
    calculate_total(page)
    agree(page, "Save and activate")
    expect(page.get_by_text("It counts from now on.")).to_be_visible()
    page.get_by_label("Formula").fill("amount * months * 2")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("It is saved as the newest version, and does not count yet.")).to_be_visible()
    page.locator("summary", has_text="Version 2").click()
    expect(page.get_by_role("cell", name="amount * months * 2").first).to_be_visible()
    agree(page, "Activate version 2")
    expect(page.get_by_text("Version 2 counts, and all stored deals are computed with it.")).to_be_visible()
    agree(page, "Roll back to version 1")
    expect(page.get_by_text("The version before counts again.")).to_be_visible()
    expect(page.get_by_label("Formula")).to_have_value("amount * months")
    page.locator("summary", has_text="Version 2").click()
    page.get_by_role("link", name="Edit a copy").click()
    expect(page.get_by_label("Formula")).to_have_value("amount * months * 2")


def test_an_error_is_shown_at_its_column_and_keeps_the_mapping_from_being_saved(initech, page_as, watch):
    watch.expect("422")
    page = page_as("admin")
    map_contract_length(page)
    calculate_total(page, "amount * mnths")
    fault = page.locator("#faults-calculated-0-formula")
    expect(fault).to_contain_text("there is no 'mnths'; did you mean 'months'?")
    expect(page.get_by_label("Formula")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("It cannot be saved yet: 1 input is wrong.")).to_be_visible()
    fault.get_by_role("button", name="Go to column 10").click()
    chosen = page.get_by_label("Formula").evaluate("f => f.value.slice(f.selectionStart, f.selectionEnd)")
    assert chosen == "mnths"
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed")
    assert initech.query("SELECT version FROM mapping_versions WHERE integration_id = %s", initech.integration_id) == []
    page.keyboard.press("Tab")
    page.get_by_label("Formula").fill("amount * months")
    expect(fault).to_be_empty()
    expect(page.get_by_label("Formula")).to_have_attribute("aria-invalid", "false")


def test_completion_is_opened_chosen_from_and_closed_by_keys(page_as):
    page = page_as("admin")
    page.goto("/hubspot/mapping/acme")
    formula = page.locator("#calculated-0-formula")
    formula.fill("")
    formula.focus()
    page.keyboard.press("Control+Space")
    options = offered(page)
    expect(options).to_have_count(12)
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    expect(formula).to_have_attribute("aria-activedescendant", "completion-1")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(options.nth(11)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    page.keyboard.type("rou")
    expect(options.first).to_contain_text("half away from zero")
    options.first.click()
    expect(formula).to_have_value("round(")
    page.keyboard.type("'mon")
    expect(options).to_have_count(0)


def test_a_draft_is_held_against_what_somebody_else_activated_meanwhile(initech, page_as, watch):
    watch.expect("409")
    page, other = page_as("admin"), page_as("admin")
    map_contract_length(page)
    map_contract_length(other)
    agree(other, "Save and activate")
    expect(other.get_by_text("It counts from now on.")).to_be_visible()
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_role("alert")).to_contain_text("another mapping became the one that counts")
    expect(page.get_by_text("Version 1 counts now")).to_be_visible()
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("It is saved as the newest version")).to_be_visible()


def test_rows_are_added_and_removed_with_their_value_maps(page_as):
    page = page_as("admin")
    page.goto("/hubspot/mapping/acme")
    region = page.get_by_role("group", name="factor")
    expect(region.get_by_label("Value for EMEA")).to_have_value("1.5")
    page.get_by_role("button", name="Add a mapped field").click()
    expect(page.locator("#mapped-4-property")).to_be_focused()
    page.get_by_role("button", name="Remove the new field").click()
    expect(page.locator("#mapped-4-property")).to_have_count(0)
    page.get_by_role("button", name="Remove factor").click()
    expect(page.get_by_role("group", name="factor")).to_have_count(0)
    expect(page.locator("#faults-calculated-2-formula")).to_contain_text("there is no 'factor'")


def test_a_check_that_comes_back_when_its_form_has_been_replaced_says_nothing(page_as):
    page = page_as("admin")
    page.goto("/hubspot/mapping/acme")
    held = []

    def hold(check):
        held.append(check)

    page.route("**/check", hold)
    with page.expect_request("**/check"):
        page.get_by_role("button", name="Add a mapped field").click()
    with page.expect_request("**/check"):
        page.get_by_role("button", name="Remove the new field").click()
    expect(page.locator("#mapped-4-property")).to_have_count(0)
    for check in held:
        with page.expect_response("**/check"):
            check.continue_()
    expect(page.locator("#preview").get_by_role("link", name="Explain this deal")).not_to_have_count(0)


def test_flags_are_set_and_handed_back(initech, page_as):
    page = page_as("admin")
    page.goto(HERE)
    row = page.get_by_role("row", name="history")
    row.get_by_label("Value of history").select_option("false")
    row.get_by_role("button", name="Set history").click()
    expect(page.locator("#told")).to_contain_text("history is set to false")
    expect(row).to_contain_text("set for the company")
    row.get_by_label("Value of history").select_option("")
    row.get_by_role("button", name="Set history").click()
    expect(page.locator("#told")).to_contain_text("history is left to the rules")
    expect(row).to_contain_text("default")


def test_hubspot_is_asked_for_properties_again(site, page_as):
    site.worlds["globex"].add_property("launch_bonus", "Launch bonus")
    page = page_as("admin")
    page.goto("/hubspot/mapping/globex")
    page.get_by_label("Search").fill("launch")
    expect(page.locator("#properties")).to_contain_text("No property fits.")
    page.get_by_role("button", name="Ask HubSpot for them again").click()
    expect(page.locator("#told")).to_contain_text("the properties that the portal has now")
    expect(page.locator("#properties").get_by_role("rowheader", name="Launch bonus")).to_be_visible()


def test_properties_are_searched_and_narrowed_down(page_as):
    page = page_as("viewer")
    page.goto("/hubspot/mapping/acme")
    found = page.locator("#properties")
    expect(found).to_contain_text("values are from the newest")
    page.get_by_label("Search").fill("length months")
    expect(found.get_by_role("rowheader")).to_have_count(1)
    page.get_by_role("search", name="Properties").get_by_label("Type").select_option("date")
    expect(found).to_contain_text("No property fits.")


@pytest.mark.parametrize("role", ["viewer", "user"])
def test_who_may_not_map_sees_the_mapping_and_no_button(page_as, role):
    page = page_as(role)
    page.goto("/hubspot/mapping/acme")
    expect(page.get_by_text("amount * months").first).to_be_visible()
    expect(page.get_by_text("Changing it needs the right to add connections in Airflow.")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("main").locator("textarea")).to_have_count(0)


def test_an_unknown_company_is_said_to_be_unknown(page_as, watch):
    watch.expect("404")
    page = page_as("viewer")
    page.goto("/hubspot/mapping/nobody")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    expect(page.get_by_text("there is no company 'nobody'")).to_be_visible()


def test_the_page_follows_airflows_dark_theme(page_as):
    page = page_as("admin", "dark")
    page.goto("/hubspot/mapping/acme")
    assert (
        page.locator("#calculated-0-formula").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(18, 21, 27)"
    )
