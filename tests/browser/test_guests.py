"""Somebody outside opens a share link and talks to the environment behind it, on a phone, without an account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Visitor, listen
from tests.browser.hotel import BASE, furnish_standard
from tests.browser.house import House, open_house
from tests.browser.test_accessibility import find_violations


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house(furnish_standard) as opened:
        yield opened


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_link_is_made_given_away_and_opened(
    house: House, visit: Visitor, browser: Browser, complaints: list[str], scripts: bool
) -> None:
    desk = visit(house)
    desk.goto(f"{house.url}{BASE}/traffic/share-links")
    desk.locator("#f-environment").select_option("pre-release")
    desk.get_by_label("Whom it is for").fill("Front desk")
    desk.get_by_role("button", name="Make the link").click()
    address = desk.locator(".secret-once").inner_text()
    assert address.startswith(f"{house.url}/try/")

    phone = browser.new_context(
        viewport={"width": 390, "height": 780}, color_scheme="dark", java_script_enabled=scripts
    )
    page = phone.new_page()
    page.on("console", lambda message: listen(page, message, complaints))
    page.goto(address)
    expect(page.get_by_role("heading", name="Larkspur Hotels")).to_be_visible()
    page.get_by_role("button", name="Begin the conversation").click()
    page.get_by_label("Say something").fill("Do you allow dogs?")
    page.keyboard.press("Enter")
    expect(page.locator(".heard")).to_have_text("You: Do you allow dogs?")
    expect(page.locator(".said").last).to_contain_text("£12")
    if scripts:
        assert find_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0

    desk.get_by_text("Revoke…").first.click()
    desk.get_by_role("button", name="Revoke Front desk").first.click()
    page.get_by_label("Say something").fill("And cats?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="This link leads nowhere")).to_be_visible()
    phone.close()
