"""A real Chromium, and a watch over what its pages do that no page may."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Playwright, Request, Response, sync_playwright

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NONE = "there is no Chromium on this machine: apt-get install chromium, or .venv/bin/playwright install chromium"


@dataclass
class Watch:
    """Collects what is wrong with the pages of one context."""

    host: str
    _faults: list[str] = field(default_factory=list)
    _expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Let a fault pass that belongs to what a test is about."""
        self._expected.append(pattern)

    @property
    def faults(self) -> list[str]:
        return [fault for fault in self._faults if not any(re.search(each, fault) for each in self._expected)]

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self._faults.append(f"script: {error.error}"))
        context.on("request", self._request)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # What breaks the content security policy comes here too, as an error.
        if message.type == "error":
            self._faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc != self.host:
            self._faults.append(f"foreign host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self._faults.append(f"{response.status}: {response.request.method} {response.url}")


def context(browser: Browser, url: str, token: str | None = None, theme: str = "light") -> BrowserContext:
    """Make a context of an Airflow at `url`: cookies, a theme as one chooses it in Airflow's menu, a screen."""
    chosen = {"origin": url, "localStorage": [{"name": "theme", "value": theme}]}
    made = browser.new_context(
        base_url=url,
        viewport={"width": 1280, "height": 900},
        color_scheme="light",
        locale="en-US",
        storage_state={"cookies": [], "origins": [chosen]},
    )
    if token:
        made.add_cookies([{"name": "_token", "value": token, "url": url}])
    made.set_default_timeout(30_000)
    return made


def executable(playwright: Playwright) -> str | None:
    """Return where a Chromium is: the system's, else the one that Playwright has brought."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    brought = playwright.chromium.executable_path
    return brought if Path(brought).exists() else None


def require() -> None:
    """Skip where no Chromium is; on CI, where one is installed, fail."""
    with sync_playwright() as playwright:
        if executable(playwright):
            return
    if os.environ.get("CI"):
        pytest.fail(NONE)
    pytest.skip(NONE)


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Start a browser and end it with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(playwright), args=list(FLAGS))
        yield browser
        browser.close()


if __name__ == "__main__":
    # For .ci/run: whether one has to be installed.
    with sync_playwright() as asked:
        sys.exit(0 if executable(asked) else 1)
