"""Parallel work by somebody who only has a browser: clone, edit both sides, settle a conflict, delete the source."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from greenroom.domain.errors import NotFound
from greenroom.services.conversations import Heard
from greenroom.services.keeping import Beginning
from tests.browser.conftest import Visitor
from tests.browser.furnish_parallel import INN, furnish_inn
from tests.browser.house import House, open_house

DOGS = "Can I bring my dog?"
OWN = "Pets cost £12 a night, all year round."


@pytest.fixture
def house() -> Iterator[House]:
    with open_house(furnish_inn) as opened:
        yield opened


def chat(house: House, page: Page, ref: str, question: str) -> str:
    """Returns what a state answers in a test chat."""
    page.goto(f"{house.url}{INN}/chat?ref={ref}")
    page.get_by_role("button", name="Start the chat").click()
    page.get_by_placeholder("Say something").fill(question)
    page.get_by_role("button", name="Send").click()
    page.locator(".heard", has_text=question).wait_for()
    return page.locator(".said").last.inner_text()


def edit_and_publish(house: House, page: Page, alias: str, text: str, note: str) -> None:
    """Edits the pet policy in an environment's draft and publishes it."""
    page.goto(f"{house.url}{INN}/build/topic/pet-policy?environment={alias}")
    page.get_by_label("Text", exact=True).fill(text)
    expect(page.locator("#save-state")).to_contain_text("Saved")
    page.goto(f"{house.url}{INN}/environments/{alias}/publish")
    page.get_by_label("Note (required)").fill(note)
    tick = page.locator("input[name=confirm]")
    if tick.count():
        tick.check()
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("heading", name="Published v").wait_for()


async def call_from(house: House, users: int) -> Counter[str]:
    """Lets so many users ask about their dogs at the default entry; returns how many came in where."""
    came: Counter[str] = Counter()
    for number in range(users):
        begun, _ = await house.desk.conversations.start(house.call(), "inn", Beginning(user_id=f"guest {number}"))
        await house.desk.conversations.take_turn(house.call(), begun.conversation.id, Heard(DOGS))
        came[begun.alias] += 1
    return came


def served(house: House, alias: str) -> int | None:
    view = house.run(house.desk.environments.load(house.call(), "inn", alias))
    return view.release.version if view.release else None


def test_a_branch_is_cloned_edited_merged_and_deleted(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(f"{house.url}{INN}/environments")

    # Clone Main to B from the menu of its lane.
    page.get_by_title("Options for Main").click()
    page.get_by_role("link", name="Clone to a new environment…").click()
    page.get_by_label("Name (required)").fill("B")
    expect(page.get_by_label("Begin with")).to_have_value("main")
    page.get_by_role("button", name="Make the environment").click()
    page.get_by_role("heading", name="B", exact=True).wait_for()
    expect(page.locator("#toasts")).to_contain_text("B is made. It serves v1.")
    assert served(house, "b") == 1
    before = chat(house, page, "main", DOGS)
    assert chat(house, page, "b", DOGS) == before

    # The same field is edited in both; each answers for itself.
    edit_and_publish(house, page, "b", "Pets cost £15 a night in B.", "Pets cost £15 in the branch")
    edit_and_publish(house, page, "main", "Pets cost £10 a night in Main.", "Pets cost £10 for everybody")
    assert "£15" in chat(house, page, "b", DOGS)
    assert "£10" in chat(house, page, "main", DOGS)

    # A tenth of the callers come to B, and the results say how many came where.
    page.goto(f"{house.url}{INN}/traffic")
    page.get_by_label("B percent").fill("10")
    page.get_by_label("Note").fill("A tenth hears the price of B")
    page.get_by_role("button", name="Save the split").click()
    expect(page.locator("#toasts")).to_contain_text("New conversations: Main 90 %, B 10 %.")
    came = house.run(call_from(house, 80))
    assert came["b"] > 0
    page.goto(f"{house.url}{INN}/traffic/results")
    expect(page.get_by_role("row", name="Conversations begun")).to_contain_text(
        re.compile(rf"{came['main']}.*{came['b']}")
    )
    expect(page.locator("main")).to_contain_text("Not enough data")

    # The merge shows both sides, and asks.
    page.goto(f"{house.url}{INN}/environments")
    page.get_by_title("Options for B").click()
    page.get_by_role("link", name="Merge into Main").click()
    page.get_by_role("heading", name="Merge B into Main").wait_for()
    expect(page.get_by_role("heading", name="1 conflict to settle")).to_be_visible()
    expect(page.locator("[data-side=ours]")).to_contain_text("£10 a night in Main")
    expect(page.locator("[data-side=theirs]")).to_contain_text("£15 a night in B")
    expect(page.locator("[data-side=base]")).to_contain_text("Pets are welcome")
    expect(page.get_by_role("button", name="Merge B into Main")).to_have_count(0)

    # A value of one's own is chosen by writing it; a refused one stays, with what is wrong beside it.
    own = page.get_by_label("Your own value for Pet policy text")
    own.fill("x" * 40_000)
    expect(page.get_by_label("Something of your own")).to_be_checked()
    page.get_by_role("button", name="Keep these choices and look").click()
    expect(page.locator(".conflict .field-wrong")).to_contain_text("at most 32,000")
    expect(own).to_have_value("x" * 40_000)
    own.fill(OWN)
    page.get_by_role("button", name="Keep these choices and look").click()
    expect(page.get_by_role("heading", name="All conflicts are settled")).to_be_visible()
    expect(page.get_by_label("Something of your own")).to_be_checked()
    expect(own).to_have_value(OWN)
    expect(page.locator("#gives")).to_contain_text("all year round")

    # The source goes, too: that is looked at with the choice still made.
    page.get_by_text("Change what is merged, and how").click()
    page.get_by_label("Delete the environment it came from").check()
    page.get_by_role("button", name="Look at what that gives").first.click()
    expect(page.get_by_role("heading", name="Then B is deleted")).to_be_visible()
    expect(page.locator("main")).to_contain_text("10 %")
    expect(own).to_have_value(OWN)
    page.get_by_label("Note (required)").fill("One price for pets, all year round")
    button = page.get_by_role("button", name="Merge B into Main and delete B")
    button.click()
    assert served(house, "main") == 3
    page.get_by_label("the public hears it at once").check()
    button.click()
    page.get_by_role("heading", name="Merged v4").wait_for()
    expect(page.locator("main")).to_contain_text("which brings back v3")
    expect(page.locator(".onair")).to_contain_text("Main v4")
    expect(page.locator("#env-list")).not_to_contain_text("B v")

    # Main answers with both sides' settlement; B is no more, and says so.
    assert "£12" in chat(house, page, "main", DOGS)
    assert served(house, "main") == 4
    with pytest.raises(NotFound, match="was deleted"):
        served(house, "b")
    assert house.run(call_from(house, 20)) == {"main": 20}
    version = house.run(house.desk.versions.load(house.call(), "inn", 4)).version
    assert version.parents == (3, 2)
    page.goto(f"{house.url}{INN}/environments/b")
    expect(page.locator("main")).to_contain_text("was deleted on")
    page.goto(f"{house.url}{INN}/history")
    expect(page.locator("main")).to_contain_text("merged b into main as v4: One price for pets")

    # And back: what the rollback brings back is what Main said before.
    page.goto(f"{house.url}{INN}/environments/main")
    page.get_by_role("link", name="Roll back to v3…").click()
    page.get_by_label("Why?").fill("The price of pets is not agreed")
    page.get_by_role("button", name="Roll Main back to v3").click()
    page.get_by_role("heading", name="Rolled back to v3").wait_for()
    assert "£10" in chat(house, page, "main", DOGS)


def test_a_branch_is_merged_and_deleted_without_scripts(house: House, visit: Visitor) -> None:
    page = visit(house, java_script_enabled=False)
    page.goto(f"{house.url}{INN}/new-environment?from=main")
    page.get_by_label("Name (required)").fill("B")
    page.get_by_role("button", name="Make the environment").click()
    page.goto(f"{house.url}{INN}/build/topic/pet-policy?environment=b")
    page.get_by_label("Text", exact=True).fill("Pets cost £15 a night in B.")
    page.get_by_role("button", name="Save in the draft").click()
    page.goto(f"{house.url}{INN}/environments/b/publish")
    page.get_by_label("Note (required)").fill("Pets cost £15 in the branch")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.goto(f"{house.url}{INN}/merge")
    page.get_by_role("button", name="Look at what that gives").click()
    page.get_by_label("the public hears it at once").check()
    page.get_by_role("button", name="Merge B into Main").click()
    expect(page.get_by_role("heading", name="Merged v3")).to_be_visible()
    page.goto(f"{house.url}{INN}/environments/b/delete")
    page.get_by_role("button", name="Delete B").click()
    expect(page.locator("#toasts")).to_contain_text("B is deleted.")
    assert served(house, "main") == 3
