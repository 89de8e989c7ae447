"""A day with drafts (journey e): put away and brought back, kept under a name by a key, shared, and mended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from greenroom.domain.access import Member, Principal
from greenroom.domain.entities import Address
from greenroom.domain.ids import PrincipalId
from greenroom.services.plans import PublishRequest
from greenroom.services.work import Call
from tests.browser.conftest import Visitor
from tests.browser.furnish_drafts import AGENT, INN, MAIN, POOL, SAID, publish_main, topic
from tests.browser.hotel import BASE, PETS, edit, furnish_standard
from tests.browser.house import House, open_house
from tests.browser.test_accessibility import find_violations

SAVED = re.compile("Saved in your draft")
SANDBOX = f"{BASE}/environments/sandbox"
BEAT = 15_000
"""Milliseconds in which somebody's arrival shows on the pages that are open."""


@pytest.fixture
def house() -> Iterator[House]:
    with open_house(furnish_standard) as opened:
        yield opened


def write(page: Page, text: str) -> None:
    """Edits the topic of pets and waits until it is saved."""
    page.goto(f"{page.url.split('/projects')[0].rstrip('/')}{BASE}/build/{PETS}")
    page.get_by_label("Text", exact=True).fill(text)
    expect(page.locator("#save-state")).to_contain_text(SAVED)


def second(house: House) -> Principal:
    """Returns somebody else of the same workspace, who edits."""
    who = Principal(PrincipalId("mem_bea"), house.owner.workspace, "Bea", "editor")
    member = Member(who.id, who.workspace, who.name, who.role, datetime.now(UTC))
    house.run(house.desk.store.write(who.workspace, lambda tx: tx.insert_member(member)))
    return who


def test_a_draft_is_put_away_and_brought_back(house: House, visit: Visitor) -> None:
    page = visit(house)
    write(page, "No pets at all.")
    page.get_by_role("link", name="Discard…").click()
    page.get_by_role("button", name="Discard 1 change").click()
    page.wait_for_url(f"{house.url}{SANDBOX}/discarded")
    expect(page.locator("main")).to_contain_text("topic/pet-policy")
    expect(page.locator("main")).to_contain_text("more days")
    assert not house.run(house.desk.drafts.load(house.call(), "hotel", "sandbox")).changes

    page.get_by_role("link", name="Restore…").click()
    page.get_by_role("button", name="Restore 1 change").click()
    page.wait_for_url(f"{house.url}{BASE}/build?environment=sandbox")
    expect(page.locator("#draft-count")).to_have_text("1 change")
    page.goto(f"{house.url}{BASE}/build/{PETS}")
    expect(page.get_by_label("Text", exact=True)).to_have_value("No pets at all.")


def test_a_key_keeps_a_checkpoint_with_what_was_just_typed(house: House, visit: Visitor) -> None:
    page = visit(house)
    write(page, "Cats only.")
    page.get_by_label("Text", exact=True).fill("Cats and small dogs.")
    # At once, before the next autosave: what is on the screen is what is kept.
    page.keyboard.press("Control+Shift+S")
    page.get_by_role("heading", name="Save a checkpoint of your draft of Sandbox").wait_for()
    expect(page.locator("#dialog").get_by_label("Name (required)")).to_be_focused()
    page.keyboard.type("Before the vet calls")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{house.url}{SANDBOX}/checkpoints")
    row = page.locator("tbody tr", has_text="Before the vet calls")
    expect(row).to_contain_text("1 change")

    write(page, "No pets at all.")
    page.goto(f"{house.url}{SANDBOX}/checkpoints")
    row.get_by_role("link", name="Compare with now").click()
    expect(page.locator("#topic--pet-policy")).to_contain_text("No pets at all.")
    expect(page.locator("#topic--pet-policy")).to_contain_text("Cats and small dogs.")
    page.goto(f"{house.url}{SANDBOX}/checkpoints")
    row.get_by_role("link", name="Restore…").click()
    expect(page.locator("#dialog-body")).to_contain_text("goes to Discarded drafts")
    page.get_by_role("button", name="Restore it").click()
    page.wait_for_url(f"{house.url}{BASE}/build?environment=sandbox")
    view = house.run(house.desk.content.load(house.call(), "hotel", PETS, "draft:sandbox"))
    assert view.body["content"] == "Cats and small dogs."


def test_one_thing_is_taken_from_an_older_version_and_the_rest_stays(house: House, visit: Visitor) -> None:
    page = visit(house)
    old = house.run(house.desk.content.load(house.call(), "hotel", PETS, "v1")).body["content"]
    house.run(edit(house.desk, house.call(), PETS, content="No pets at all."))
    house.run(edit(house.desk, house.call(), Address("topic", "breakfast"), content="From six."))
    page.goto(f"{house.url}{BASE}/build/{PETS}?ref=v1")
    page.get_by_role("link", name="Take it into the draft…").click()
    pick = page.get_by_role("checkbox", name="topic/pet-policy")
    expect(pick).to_be_checked()
    expect(page.locator("#dialog-body")).to_contain_text("overwrites a change in the draft")
    page.get_by_role("button", name="Load into the draft").click()
    page.wait_for_url(f"{house.url}{BASE}/build?environment=sandbox")
    draft = {
        address: house.run(house.desk.content.load(house.call(), "hotel", address, "draft:sandbox")).body["content"]
        for address in (PETS, Address("topic", "breakfast"))
    }
    assert list(draft.values()) == [old, "From six."]


def test_who_comes_and_what_they_save_shows_on_an_open_page(house: House, visit: Visitor) -> None:
    desk, call = house.desk, house.call()
    house.run(desk.projects.create(call, "Fern Inn", "fern", "parallel"))
    house.run(desk.drafts.save(call, "fern", "main", AGENT, SAID, "*"))
    house.run(desk.drafts.save(call, "fern", "main", POOL, topic("Pool", "The pool opens at seven."), "*"))
    house.run(publish_main(desk, call, "First words of the inn"))
    page = visit(house)
    page.goto(f"{house.url}{INN}/build/{POOL}")
    expect(page.locator("#draft-state")).to_contain_text("You edit in the shared draft of Main")
    expect(page.get_by_role("link", name="Publish…")).to_be_hidden()

    bea = second(house)
    hers = visit(house)
    hers.goto(f"{house.url}/sign-in/{house.run(desk.access.make_link(bea))}")
    hers.get_by_role("button", name="Sign in").click()
    hers.goto(f"{house.url}{INN}/build/{POOL}")
    expect(page.locator(".people")).to_contain_text("Bea has this open, too", timeout=BEAT)
    expect(hers.locator(".people")).to_contain_text("Owner has this open, too", timeout=BEAT)

    # What she saves is told at once, and named as hers.
    house.run(
        desk.drafts.save(Call(bea, "req_bea"), "fern", "main", Address("topic", "gym"), topic("Gym", "Below."), "*")
    )
    expect(page.locator("#draft-state")).to_contain_text("Bea: topic/gym")
    expect(page.get_by_role("link", name="Publish…")).to_be_visible()
    page.goto(f"{house.url}{MAIN}/discard")
    expect(page.locator("main")).to_contain_text("1 change of others goes with it")


def test_a_conflict_is_settled_with_words_of_ones_own(house: House, visit: Visitor) -> None:
    house.run(edit(house.desk, house.call(), PETS, content="Mine: cats only."))
    other = Call(Principal(PrincipalId("mem_cy"), house.owner.workspace, "Cy", "owner"), "req_cy")
    house.run(edit(house.desk, other, PETS, content="Theirs: dogs only."))
    house.run(house.desk.publishing.publish(other, "hotel", "sandbox", PublishRequest("Only dogs are welcome now")))
    page = visit(house)
    page.goto(f"{house.url}{BASE}/build")
    page.get_by_role("link", name="Publish…").click()
    expect(page.locator("#dialog-body")).to_contain_text("Theirs: dogs only.")
    page.get_by_role("textbox", name=re.compile("Your own value")).fill("Ours: cats and dogs.")
    expect(page.get_by_role("radio", name="Something of your own")).to_be_checked()
    page.get_by_label("Details").fill("Agreed with Cy")
    page.get_by_role("button", name="Settle it, and look again").click()
    expect(page.get_by_role("button", name="Publish", exact=True)).to_be_visible()
    expect(page.get_by_label("Details")).to_have_value("Agreed with Cy")
    page.get_by_label("Note (required)").fill("Cats and dogs are welcome")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("heading", name="Published v4").wait_for()
    view = house.run(house.desk.content.load(house.call(), "hotel", PETS, "sandbox"))
    assert view.body["content"] == "Ours: cats and dogs."


def test_a_finding_leads_to_the_field_that_it_is_about(house: House, visit: Visitor) -> None:
    broken = [{"id": "send", "type": "sms", "target": "no-such-text"}]
    house.run(edit(house.desk, house.call(), PETS, actions=broken))
    page = visit(house)
    page.goto(f"{house.url}{SANDBOX}/publish")
    expect(page.get_by_role("alert")).to_contain_text("This cannot be published yet.")
    page.get_by_role("alert").get_by_role("link", name=re.compile("Fix")).first.click()
    page.wait_for_url(re.compile(r"/build/topic/pet-policy#f-actions"))
    expect(page.locator("[id^=f-actions-0]:focus")).to_be_visible()


def test_the_menu_of_a_draft_works_with_keys_and_fits_a_narrow_window(house: House, visit: Visitor) -> None:
    house.run(edit(house.desk, house.call(), PETS, content="Cats only."))
    page = visit(house, width=390)
    page.goto(f"{house.url}{BASE}/build")
    page.get_by_title("More for this draft").press("Enter")
    page.get_by_role("link", name="Load a version…").wait_for()
    box = page.locator(".split-button .menu-box").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    page.get_by_role("link", name="Load a version…").press("Enter")
    page.get_by_role("heading", name="Load into your draft of Sandbox").wait_for()
    page.get_by_label("Version, environment or other state").fill("v1")
    page.get_by_role("button", name="Look at it").click()
    page.get_by_role("radio", name=re.compile("Everything, as v1 has it")).wait_for()
    # A tick says that only some things are meant.
    page.get_by_role("checkbox", name="topic/pet-policy").check()
    expect(page.get_by_role("radio", name=re.compile("Only what is ticked"))).to_be_checked()


def test_the_dialogs_of_a_draft_are_accessible_over_the_page_that_opened_them(house: House, visit: Visitor) -> None:
    house.run(edit(house.desk, house.call(), PETS, content="Cats only."))
    page = visit(house)
    page.goto(f"{house.url}{BASE}/build/{PETS}")
    for name, heading in (
        ("Publish…", "Publish your draft of Sandbox"),
        ("Discard…", "Discard your draft of Sandbox"),
        ("Take an older version of it…", "Load into your draft of Sandbox"),
    ):
        page.get_by_role("link", name=name).click()
        page.get_by_role("heading", name=heading).wait_for()
        assert find_violations(page) == [], name
        page.keyboard.press("Escape")
    page.get_by_title("More for this draft").click()
    assert find_violations(page) == []
    page.get_by_role("link", name="Save a checkpoint…").click()
    page.get_by_role("heading", name="Save a checkpoint").wait_for()
    assert find_violations(page) == []
