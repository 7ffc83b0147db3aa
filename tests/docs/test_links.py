"""No link of a page leads nowhere, and no page is out of reach."""

import re
from urllib.parse import unquote

import pytest

from handbook import ROOT, Page, every_page, page

IMAGES = ROOT / "docs" / "images"
# What a reader is told to write.
TO_BE_WRITTEN = {"include/commission_sync/streams/subscriptions.py"}
PATH_IN_TEXT = re.compile(r"(?:include|dags|plugins|docs|tests|benchmarks|bin|packages)/[\w./-]+")


def inner_links(found: Page) -> list[tuple[str, str]]:
    """Return file and fragment of each link that stays in the project."""
    links = (link for link in found.links() if not re.match(r"[a-z]+:", link))
    return [(unquote(file), fragment) for file, _, fragment in (link.partition("#") for link in links)]


@pytest.mark.parametrize("found", every_page(), ids=lambda found: found.name)
def test_every_link_leads_somewhere(found):
    lost = []
    for file, fragment in inner_links(found):
        target = (found.path.parent / file).resolve() if file else found.path
        if not target.exists() or (fragment and fragment not in Page(target).anchors()):
            lost.append(f"{file}#{fragment}")
    assert not lost


def test_every_picture_is_shown():
    shown = {
        (found.path.parent / file).resolve()
        for found in every_page()
        for file, _ in inner_links(found)
        if (found.path.parent / file).resolve().is_relative_to(IMAGES)
    }
    assert set(IMAGES.glob("*.png")) - shown == set(), "these are shown nowhere"


@pytest.mark.parametrize("found", every_page(), ids=lambda found: found.name)
def test_every_path_in_the_text_exists(found):
    named = {path.rstrip(".") for span in found.spans() for path in PATH_IN_TEXT.findall(span) if span.startswith(path)}
    assert {path for path in named - TO_BE_WRITTEN if not (ROOT / path).exists()} == set()


def test_every_page_can_be_reached_from_the_index_of_its_directory():
    for directory in (ROOT / "docs", ROOT / "docs" / "decisions"):
        index = page(str((directory / "README.md").relative_to(ROOT)))
        linked = {(directory / file).resolve() for file, _ in inner_links(index) if file}
        assert set(directory.glob("*.md")) - linked - {index.path} == set()
