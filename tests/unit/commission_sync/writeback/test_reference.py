"""The page of the properties says what the code does."""

from pathlib import Path

from commission_sync.writeback.properties import PROPERTIES
from commission_sync.writeback.reference import document

PAGE = Path(__file__).parents[4] / "docs" / "hubspot-properties.md"


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == document(), "run `make docs`"


def test_the_page_tells_of_every_property_and_option():
    page = document()
    for declared in PROPERTIES:
        assert f"## `{declared.key}`" in page
        assert all(f"`{value}`" in page for value, _ in declared.options)
