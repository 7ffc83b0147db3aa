"""No page has a fault that keeps somebody out, in either theme."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from pages import PAGES, address


def faults(page):
    """What axe calls serious or critical, with the elements that have it."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['help']} ({'; '.join(' '.join(map(str, node['target'])) for node in fault['nodes'][:5])})"
        for fault in found
        if fault["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_fault_in_either_theme(site, page_as, name):
    page = page_as("admin")
    page.goto(address(site, name))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    in_light = faults(page)
    # As when it is chosen in Airflow's menu, around the frame.
    page.evaluate("localStorage.setItem('theme', 'dark'); dispatchEvent(new StorageEvent('storage'))")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert (in_light, faults(page)) == ([], [])


def test_axe_would_have_found_one(page_as):
    page = page_as("viewer")
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><input><img src=''></main></html>")
    assert [fault.partition(":")[0] for fault in faults(page)] == ["image-alt", "label"]
