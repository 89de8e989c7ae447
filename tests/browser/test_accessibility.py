"""Every page is accessible (WCAG 2.2 AA, by axe), light and dark, wide and narrow, and fits its window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Visitor
from tests.browser.hotel import BASE, furnish_whole, list_pages
from tests.browser.house import House, open_house

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
PARTS = 4
"""So many tests share the pages: a hundred of them take a minute."""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What a theme and a narrow window can change; the rest is the same page.
LOOKS = {
    "type": "rule",
    "values": ["color-contrast", "target-size", "link-in-text-block", "scrollable-region-focusable"],
}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house(furnish_whole) as opened:
        yield opened


def find_violations(page: Page, only: Any = TAGS) -> list[str]:
    """Returns what axe finds, each with its place."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("(only) => axe.run(document, {runOnly: only})", only)
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def find_wrong(page: Page, name: str, scheme: str) -> dict[str, object]:
    """Returns what axe finds on a page, and whether it scrolls sideways; in the dark only what that can change."""
    wrong: dict[str, object] = {}
    if violations := find_violations(page, TAGS if scheme == "light" else LOOKS):
        wrong[name] = violations
    beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if beyond > 0:
        wrong[f"{name} (width)"] = f"{beyond} px too wide"
    return wrong


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("scheme, width", [("light", 1440), ("dark", 390)])
def test_every_page_is_accessible_and_fits(house: House, visit: Visitor, scheme: str, width: int, part: int) -> None:
    page = visit(house, width=width, scheme=scheme)
    wrong: dict[str, object] = {}
    for name, path in list(house.run(list_pages(house.desk, house.owner)).items())[part::PARTS]:
        page.goto(house.url + path)
        wrong |= find_wrong(page, name, scheme)
    assert wrong == {}


def test_open_dialogs_and_menus_are_accessible(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(f"{house.url}{BASE}/environments")
    page.get_by_role("link", name="Roll back…").last.click()
    page.get_by_role("heading", name="Roll Live back").wait_for()
    assert find_violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Go to a page").fill("pet")
    page.get_by_role("option", name="Pet policy").wait_for()
    assert find_violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keyboard").wait_for()
    assert find_violations(page) == []


def test_no_page_is_wider_than_a_large_screen_allows(house: House, visit: Visitor) -> None:
    page = visit(house, width=1920, height=1080)
    for path in house.run(list_pages(house.desk, house.owner)).values():
        page.goto(house.url + path)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, path
