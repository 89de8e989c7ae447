"""A browser for the tests of a module, and what a page must never do in any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.browser.house import House
from tests.support.gaps import note_gap

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := Path("/usr/bin") / name).exists()), None)
# The machine's own browser has no sandbox of its own inside a container.
ARGUMENTS = ["--no-sandbox", "--disable-gpu"]

Visitor = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; one for each module, because its loop would stand in the way of other tests."""
    if CHROMIUM is None:
        note_gap("no browser: there is no /usr/bin/chromium (apt-get install chromium)")
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What pages complained of: scripts that failed, things the policy forbade. Must stay empty."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def visit(browser: Browser, complaints: list[str]) -> Iterator[Visitor]:
    """Returns a page of a browser that is signed in to a house."""
    contexts: list[BrowserContext] = []

    def open_page(house: House, width: int = 1440, height: int = 900, scheme: str = "light", **more: object) -> Page:
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce", **more)  # pyright: ignore[reportArgumentType]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda wrong: complaints.append(f"{page.url}: {wrong}"))
        page.on("console", lambda message: listen(page, message, complaints))
        page.goto(house.link())
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{house.url}/")
        return page

    yield open_page
    for context in contexts:
        context.close()


def listen(page: Page, message: ConsoleMessage, complaints: list[str]) -> None:
    """Keeps what a page says is wrong; that a page was refused is no fault of the page."""
    if message.type == "error" and "Failed to load resource" not in message.text:
        complaints.append(f"{page.url}: {message.text}")
