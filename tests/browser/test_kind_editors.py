"""The editor of every kind, with everything that its sample holds, is accessible and fits; so is the chat beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from greenroom.domain.access import Principal
from greenroom.domain.entities import Address
from greenroom.kinds import ALL
from greenroom.services.desk import Desk
from greenroom.services.work import Call
from tests.browser.conftest import Visitor
from tests.browser.hotel import BASE, furnish_demo
from tests.browser.house import House, open_house
from tests.browser.test_accessibility import find_violations, find_wrong

KINDS = {kind.name: f"{BASE}/build/{kind.name}/{kind.singleton or 'sample'}" for kind in ALL}


async def furnish(desk: Desk, owner: Principal) -> None:
    """Makes the hotel with one more entity of each kind: what its sample says, references into nothing and all."""
    await furnish_demo(desk, owner)
    call = Call(owner, "furnish")
    draft = await desk.drafts.load(call, "hotel", "sandbox")
    for kind in ALL:
        address = Address(kind.name, kind.singleton or "sample")
        body = {key: value for key, value in kind.sample.items() if key != "schema"}
        await desk.drafts.save(call, "hotel", "sandbox", address, body, draft.snapshot.get(address) or "*")


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house(furnish) as opened:
        yield opened


@pytest.mark.parametrize("scheme, width", [("light", 1440), ("dark", 390)])
def test_every_editor_is_accessible_and_fits(house: House, visit: Visitor, scheme: str, width: int) -> None:
    page = visit(house, width=width, scheme=scheme)
    wrong: dict[str, object] = {}
    for name, path in KINDS.items():
        page.goto(house.url + path)
        page.evaluate("document.querySelectorAll('main details:not(.menu)').forEach((each) => { each.open = true; })")
        wrong |= find_wrong(page, name, scheme)
    assert wrong == {}


def test_an_editor_that_is_not_touched_saves_nothing(house: House, visit: Visitor) -> None:
    page = visit(house)
    before = house.run(house.desk.drafts.load(house.call(), "hotel", "sandbox")).revision
    for path in KINDS.values():
        page.goto(house.url + path)
    assert house.run(house.desk.drafts.load(house.call(), "hotel", "sandbox")).revision == before


def test_the_chat_stays_beside_the_page_until_it_is_closed(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(house.url + KINDS["topic"])
    page.get_by_role("link", name="Test chat", exact=True).first.click()
    panel = page.locator("#chat-panel")
    expect(panel.get_by_label("Talk to")).to_have_value("draft:sandbox")
    assert find_violations(page) == []
    panel.get_by_role("button", name="Start the chat").press("Enter")
    say = panel.get_by_placeholder("Say something")
    expect(say).to_be_focused()
    say.fill("Can I check out late?")
    page.keyboard.press("Enter")
    expect(panel.locator(".said").last).to_contain_text("Check-out is at 11")
    expect(panel).to_contain_text("You talk to your draft")
    assert find_violations(page) == []
    # On another page the same chat goes on, and does not take the focus.
    page.get_by_role("link", name="Environments", exact=True).click()
    expect(panel.locator(".said").last).to_contain_text("Check-out is at 11")
    expect(panel.get_by_placeholder("Say something")).not_to_be_focused()
    panel.get_by_placeholder("Say something").fill("yes")
    page.keyboard.press("Enter")
    expect(panel.locator(".heard").last).to_contain_text("yes")
    panel.get_by_placeholder("Say something").press("Escape")
    expect(panel).to_be_hidden()
    page.goto(house.url + BASE)
    expect(panel).to_be_hidden()
