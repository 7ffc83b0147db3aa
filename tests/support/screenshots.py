"""`make screenshots`: docs/images anew, from a real Airflow with three companies behind it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from browser_site import browser_site
from chromium import context, running_chromium
from pages import address

# Airflow's address of our entry in its navigation; what follows is shown in its frame.
FRAME = "/plugin/hubspot-sync"
IMAGES = Path(__file__).parents[2] / "docs" / "images"


@dataclass(frozen=True)
class Shot:
    """One picture: of a page, in a theme, after something was done on it."""

    page: str
    theme: str = "light"
    after: Callable[[Page], None] = lambda _: None
    in_airflow: bool = False
    height: int = 900


def _mistype(page: Page) -> None:
    """Write a formula with a name that there is not."""
    formula = page.get_by_label("Formula").first
    formula.fill("if(weighted > 100000, weightd * 0.01, 0)")
    page.get_by_text("did you mean").wait_for()
    page.get_by_role("heading", name="Calculated fields").evaluate("heading => heading.scrollIntoView()")


def _scroll_to_fields(page: Page) -> None:
    page.get_by_role("heading", name="Mapped fields").evaluate("heading => heading.scrollIntoView()")


SHOTS = {
    "overview": Shot("overview", in_airflow=True),
    "overview-dark": Shot("overview", "dark", in_airflow=True),
    "company": Shot("company", height=1250),
    "webhooks": Shot("webhooks"),
    "mapping": Shot("mapping", after=_mistype),
    "writeback": Shot("write-back to approve"),
    "deal": Shot("deal", after=_scroll_to_fields),
}


def main() -> int:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as root, browser_site(Path(root)) as site:
        site.ask_for_approval("globex")
        token = site.token("admin")
        with running_chromium() as browser:
            for name, shot in SHOTS.items():
                screen = context(browser, site.url, token, shot.theme)
                page = screen.new_page()
                page.set_viewport_size({"width": 1280, "height": shot.height})
                page.goto(f"{FRAME if shot.in_airflow else ''}{address(site, shot.page)}")
                page.wait_for_load_state("networkidle")
                shot.after(page)
                page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")
                screen.close()
                sys.stdout.write(f"docs/images/{name}.png\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
