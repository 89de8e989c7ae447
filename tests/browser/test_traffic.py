"""Traffic is shared out by keyboard and by number; what would move is said; a stale save keeps what was typed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from greenroom.domain.access import Principal
from greenroom.services.desk import Desk
from greenroom.services.environment_changes import NewEnvironment
from greenroom.services.splits import ShareRequest, SplitRequest
from greenroom.services.work import Call
from tests.browser.conftest import Visitor
from tests.browser.furnish_traffic import NUMBER
from tests.browser.hotel import BASE, furnish_standard, furnish_whole
from tests.browser.house import House, open_house

TRAFFIC = f"{BASE}/traffic"


async def furnish(desk: Desk, owner: Principal) -> None:
    """Puts two clones beside Live, which nobody is led to yet."""
    await furnish_standard(desk, owner)
    for name in ("B", "C"):
        await desk.environment_changes.create(Call(owner, "furnish"), "hotel", NewEnvironment(name, clone_from="live"))


@pytest.fixture
def house() -> Iterator[House]:
    with open_house(furnish) as opened:
        yield opened


@pytest.fixture(scope="module")
def whole() -> Iterator[House]:
    """A split that has been at work for ten days."""
    with open_house(furnish_whole) as opened:
        yield opened


def weights(page: Page) -> list[str]:
    """Returns what the fields hold, in the order of the environments; their sum must be whole."""
    found = [field.input_value() for field in page.locator(".percent input").all()]
    assert sum(round(float(each) * 100) for each in found if each) == 10_000, found
    return found


def slider(page: Page, name: str):
    return page.get_by_role("slider", name=f"{name}, slider")


def test_sliders_and_numbers_always_sum_to_100_by_keyboard(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(house.url + TRAFFIC)
    assert weights(page) == ["100", "", ""]
    slider(page, "B").focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
        weights(page)
    assert weights(page) == ["90", "10", ""]
    expect(slider(page, "B")).to_have_attribute("aria-valuetext", "10 %")
    expect(page.locator("#movement")).to_contain_text(
        "About 10 % of callers move from Live to B; everybody else stays."
    )
    slider(page, "Live").focus()
    page.keyboard.press("ArrowLeft")
    assert weights(page) == ["89", "11", ""]
    # What is typed counts at once, and passing through other numbers loses nothing of the others' proportion.
    field = page.get_by_label("C percent")
    field.click()
    page.keyboard.type("50")
    assert weights(page) == ["44.5", "5.5", "50"]
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    page.keyboard.type("0,01")
    page.keyboard.press("Tab")
    assert weights(page) == ["88.99", "11", "0.01"]
    expect(page.locator("[data-total]")).to_have_text("100 %")
    page.get_by_role("button", name="Take B out of the split").click()
    assert weights(page) == ["99.99", "", "0.01"]
    slider(page, "Live").focus()
    page.keyboard.press("Home")
    assert weights(page) == ["0", "", "100"]
    page.keyboard.press("End")
    assert weights(page) == ["100", "", "0"]


def test_a_split_is_saved_and_a_stale_save_keeps_what_was_typed(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(house.url + TRAFFIC)
    page.get_by_label("B percent").fill("10")
    page.get_by_label("Note").fill("B tries the new greeting")
    page.get_by_role("button", name="Save the split").click()
    expect(page.locator("#toasts")).to_contain_text("New conversations: Live 90 %, B 10 %.")
    expect(page.locator("tbody").last).to_contain_text("B tries the new greeting")
    # Somebody else is faster.
    shares = [ShareRequest("live", 60), ShareRequest("c", 40)]
    house.run(house.desk.splits.set(house.call(), "hotel", SplitRequest(shares, None, "C is urgent"), "1"))
    page.get_by_label("B percent").fill("25")
    page.get_by_role("button", name="Save the split").click()
    expect(page.locator("main")).to_contain_text("Somebody changed the split meanwhile.")
    expect(page.locator("main")).to_contain_text("C is urgent")
    assert weights(page) == ["75", "25", ""]
    expect(page.locator("#movement")).to_contain_text("About 25 % of callers move from C to B")
    page.get_by_role("button", name="Save the split").click()
    expect(page.locator("#toasts")).to_contain_text("New conversations: Live 75 %, B 25 %.")
    # Earlier weights come back by the history.
    page.get_by_role("row", name="B tries the new greeting").get_by_role("link", name="Use these weights").click()
    assert weights(page) == ["90", "10", ""]
    expect(page.locator("#movement")).to_contain_text("About 15 % of callers move from B to Live")


def test_the_assignment_is_restarted_in_a_dialog(house: House, visit: Visitor) -> None:
    shares = [ShareRequest("live", 50), ShareRequest("b", 50)]
    before = house.run(house.desk.splits.set(house.call(), "hotel", SplitRequest(shares), "*"))
    page = visit(house)
    page.goto(house.url + TRAFFIC)
    page.get_by_role("link", name="Restart the assignment…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("about 25 % of callers move from")
    dialog.get_by_label("Why?").fill("A new experiment begins")
    dialog.get_by_label("Callers who came back").check()
    dialog.get_by_role("button", name="Restart the assignment").click()
    expect(page.locator("#toasts")).to_contain_text("drawn anew")
    assert house.run(house.desk.splits.load(house.call(), "hotel")).split.salt != before.split.salt


def test_without_scripts_the_numbers_alone_share_it_out(house: House, visit: Visitor) -> None:
    page = visit(house, java_script_enabled=False)
    page.goto(house.url + TRAFFIC)
    expect(page.get_by_role("slider")).to_have_count(0)
    page.get_by_label("Live percent").fill("80")
    page.get_by_label("B percent").fill("15")
    page.get_by_role("button", name="See what moves").click()
    expect(page.locator("main")).to_contain_text("5 % are missing")
    page.get_by_label("B percent").fill("20")
    page.get_by_role("button", name="See what moves").click()
    expect(page.locator("#movement")).to_contain_text("About 20 % of callers move from Live to B")
    page.get_by_role("button", name="Save the split").click()
    expect(page.locator("#toasts")).to_contain_text("New conversations: Live 80 %, B 20 %.")
    page.get_by_role("link", name="Show the results of the shares").click()
    expect(page.locator("main")).to_contain_text("Not enough data yet.")


def test_results_stand_beside_the_weights_and_in_charts(whole: House, visit: Visitor) -> None:
    page = visit(whole)
    page.goto(whole.url + TRAFFIC)
    results = page.locator("#results")
    expect(results.get_by_role("row", name="Contained")).to_contain_text("B is better by")
    expect(results.get_by_role("row", name="Errors")).to_contain_text("Not enough data")
    expect(results.get_by_role("row", name="quick")).to_contain_text("B is better by")
    page.goto(f"{whole.url}{BASE}/results")
    page.get_by_label("This one", exact=True).fill("live")
    page.get_by_label("With this one").fill("b")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("#compare")).to_contain_text("b is better by")
    page.goto(f"{whole.url}{BASE}/analytics")
    assert page.locator(".plot").count() == 5
    assert page.locator(".bar").count() > 20
    page.get_by_text("The numbers of B").click()
    expect(page.get_by_role("region", name="B by day")).to_be_visible()


def test_a_link_is_shown_once_and_a_call_is_followed(whole: House, visit: Visitor) -> None:
    page = visit(whole)
    page.goto(f"{whole.url}{TRAFFIC}/share-links")
    page.get_by_label("Whom it is for").fill("Board meeting")
    page.get_by_role("button", name="Make the link").click()
    token = page.locator(".secret-once").inner_text()
    page.goto(f"{whole.url}{TRAFFIC}/share-links")
    expect(page.locator("main")).to_contain_text("Board meeting")
    assert token not in page.content()
    page.goto(f"{whole.url}{BASE}/numbers")
    page.get_by_label("Number called").fill(NUMBER)
    page.get_by_label("SIP headers").fill("X-Test-Line: yes")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#resolve")).to_contain_text(f"SIP rule 1 of {NUMBER} holds, and leads to b.")
