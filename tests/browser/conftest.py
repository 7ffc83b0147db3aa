"""One Airflow and one Chromium for all of these tests, and pages that are logged in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

import chromium
from browser_site import Site, browser_site

HERE = Path(__file__).parent
# Two cores carry this Airflow, its database, the browser and whatever other tests run beside them.
expect.set_options(timeout=20_000)


# Before the distribution among processes looks at the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            # One process runs whatever starts an Airflow, one after the other: two cores carry no second one.
            item.add_marker(pytest.mark.xdist_group("airflow"))
            item.add_marker(pytest.mark.slow)


# Not for the whole session: an Airflow that idles takes a third of a core from the tests that come after.
@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """See `Site`. Tests share it: one that changes something changes it back, or takes what no other looks at."""
    chromium.require()
    with browser_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="package")
def browser(site: Site) -> Iterator[Browser]:
    with chromium.running_chromium() as running:
        yield running


@pytest.fixture
def watch(site: Site) -> Iterator[chromium.Watch]:
    """Hold every page of a test to what no page may do; `watch.expect(pattern)` lets something pass."""
    watching = chromium.Watch(urlsplit(site.url).netloc)
    yield watching
    assert watching.faults == []


@pytest.fixture
def open_page(site: Site, browser: Browser, watch: chromium.Watch) -> Iterator[Callable[..., Page]]:
    """Open a page with cookies of its own: `open_page(token=None, theme="light")`; paths are below Airflow's address."""
    contexts = []

    def opened(token: str | None = None, theme: str = "light") -> Page:
        context = chromium.context(browser, site.url, token, theme)
        contexts.append(context)
        watch.over(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page_as(site: Site, open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open a page as the user of a role: `page_as("admin" | "op" | "user" | "viewer", theme="light" | "dark")`."""
    tokens: dict[str, str] = {}

    def opened(role: str, theme: str = "light") -> Page:
        return open_page(tokens.setdefault(role, site.token(role)), theme)

    return opened


@pytest.fixture
def anonymous(open_page: Callable[..., Page]) -> Page:
    """A page of somebody who is not logged in."""
    return open_page()
