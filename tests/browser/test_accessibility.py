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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_fault(site, page_as, name, theme):
    page = page_as("admin", theme)
    page.goto(address(site, name))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert faults(page) == []


def test_axe_would_have_found_one(page_as):
    page = page_as("viewer")
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><input><img src=''></main></html>")
    assert [fault.partition(":")[0] for fault in faults(page)] == ["image-alt", "label"]
