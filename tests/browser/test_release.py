"""The standard release of the tutorial, by somebody who only has a browser; and two who edit the same thing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from greenroom.services.plans import RollbackRequest
from greenroom.services.work import Call
from tests.browser.conftest import Visitor
from tests.browser.hotel import BASE, PETS, edit, furnish_standard
from tests.browser.house import House, open_house

NEW_PETS = "Dogs are welcome for £15 a night; cats stay free."
SAVED = "Saved in your draft"


@pytest.fixture
def house() -> Iterator[House]:
    with open_house(furnish_standard) as opened:
        yield opened


def chat(page: Page, ref: str, question: str) -> str:
    """Returns what a state answers in a test chat."""
    page.goto(f"{page.url.split('/projects')[0]}{BASE}/chat?ref={ref}")
    page.get_by_role("button", name="Start the chat").click()
    page.get_by_placeholder("Say something").fill(question)
    page.get_by_role("button", name="Send").click()
    page.locator(".heard", has_text=question).wait_for()
    return page.locator(".said").last.inner_text()


def test_the_standard_release(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.get_by_role("link", name="Larkspur Hotels").click()
    expect(page.locator(".onair")).to_contain_text("Live v2")

    # Three edits, each saved as one types.
    page.get_by_role("link", name="Content", exact=True).click()
    page.get_by_role("searchbox").fill("pet")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Pet policy").click()
    page.get_by_label("Text", exact=True).fill(NEW_PETS)
    expect(page.locator("#save-state")).to_contain_text(SAVED)
    expect(page.locator("#draft-count")).to_have_text("1 change")
    page.goto(f"{house.url}{BASE}/build/topic/late-check-out")
    page.get_by_role("button", name="Add action").click()
    page.get_by_label("Id (required)").fill("offer-link")
    page.get_by_label("Type (required)").select_option(label="SMS")
    page.get_by_label("Target (required)").fill("booking-link")
    expect(page.locator("#save-state")).to_contain_text(SAVED)
    page.goto(f"{house.url}{BASE}/build/voice/reception")
    page.get_by_label("Stability").fill("0.8")
    expect(page.locator("#save-state")).to_contain_text(SAVED)
    expect(page.locator("#draft-count")).to_have_text("3 changes")

    # Compare shows exactly these three, and says that nothing else changed; the checklist says what to try.
    page.reload()
    page.get_by_role("link", name="Review").click()
    page.get_by_role("heading", name="3 changes").wait_for()
    assert page.locator("article h4 a").all_inner_texts() == ["Late check-out", "Pet policy", "Reception"]
    expect(page.locator("#summary")).to_contain_text("voice stability 0.6 → 0.8")
    expect(page.locator("#unchanged")).to_contain_text("Nothing else changed: no agent")
    assert page.locator("article.entity").count() == 3
    expect(page.locator("#topic--pet-policy [data-side=after] ins").first).to_be_visible()
    checklist = page.locator(".checklist")
    expect(checklist).to_contain_text("Make a test call with 'Reception'")
    expect(checklist).to_contain_text("Can I bring my dog?")

    # A vague note is refused beside its field; what was typed stays.
    page.goto(f"{house.url}{BASE}/build")
    page.get_by_role("link", name="Publish…").click()
    page.get_by_label("Note (required)").fill("updates")
    page.get_by_label("Details").fill("Agreed with the front desk")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#f-note-wrong")).to_contain_text("does not say what changed")
    expect(page.get_by_label("Details")).to_have_value("Agreed with the front desk")
    page.get_by_label("Note (required)").fill("[FEATURE] Pets cost £15; a link after late check-out; steadier voice")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("heading", name="Published v3").wait_for()
    expect(page.locator(".onair")).to_contain_text("Live v2")

    assert "£15" in chat(page, "sandbox", "Can I bring my dog?")
    assert "£12" in chat(page, "live", "Can I bring my dog?")

    # Step by step to the public, who hear it only after a ticked box.
    page.goto(f"{house.url}{BASE}/environments")
    page.get_by_role("link", name="Promote v3 here…").click()
    page.get_by_role("button", name="Promote v3 to Pre-release").click()
    page.get_by_role("heading", name="Promoted v3").wait_for()
    page.get_by_role("link", name="Promote to Live…").click()
    page.get_by_role("button", name="Promote v3 to Live").click()
    expect(page.get_by_role("heading", name="Promote to Live")).to_be_visible()
    assert house.run(house.desk.environments.load(house.call(), "hotel", "live")).release.version == 2  # pyright: ignore[reportOptionalMemberAccess]
    page.get_by_label("The public will hear v3").check()
    page.get_by_role("button", name="Promote v3 to Live").click()
    page.get_by_role("heading", name="Promoted v3").wait_for()
    expect(page.locator(".onair")).to_contain_text("Live v3")
    assert "£15" in chat(page, "live", "Can I bring my dog?")

    # And back in less than a minute, with a reason; the public hear what they heard before.
    begun = time.monotonic()
    page.goto(f"{house.url}{BASE}/environments/live")
    page.get_by_role("link", name="Roll back to v2…").click()
    page.get_by_label("Why?").fill("The price of pets is wrong")
    page.get_by_role("button", name="Roll Live back to v2").click()
    page.get_by_role("heading", name="Rolled back to v2").wait_for()
    expect(page.locator("main")).to_contain_text("took back v3")
    expect(page.locator("main")).to_contain_text("release v3 again")
    expect(page.locator(".onair")).to_contain_text("Live v2")
    assert "£12" in chat(page, "live", "Can I bring my dog?")
    assert time.monotonic() - begun < 60
    page.goto(f"{house.url}{BASE}/history")
    expect(page.locator("main")).to_contain_text("Owner rolled live back to v2: The price of pets is wrong")


def test_two_edits_of_the_same_topic_are_both_shown(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(f"{house.url}{BASE}/build/topic/pet-policy")
    house.run(edit(house.desk, house.call(), PETS, content="Theirs: no pets at all."))
    page.get_by_label("Text", exact=True).fill("Mine: pets are very welcome.")
    expect(page.locator("#save-state")).to_contain_text("somebody else saved this")
    page.get_by_role("button", name="Save in the draft").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Nothing of yours is lost")
    expect(alert).to_contain_text("Theirs: no")
    expect(alert).to_contain_text("very welcome")
    expect(page.get_by_label("Text", exact=True)).to_have_value("Mine: pets are very welcome.")
    page.get_by_role("button", name="Keep mine").click()
    expect(page.get_by_label("Text", exact=True)).to_have_value("Mine: pets are very welcome.")
    expect(page.get_by_role("alert")).to_have_count(0)
    view = house.run(house.desk.content.load(house.call(), "hotel", PETS, "draft:sandbox"))
    assert view.body["content"] == "Mine: pets are very welcome."


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(f"{house.url}{BASE}/build/voice/reception")
    page.get_by_label("Stability").fill("7")
    wrong = page.locator('.wrong-slot[data-pointer="/stability"]')
    expect(wrong).to_contain_text("1")
    expect(page.locator("#save-state")).to_contain_text("Not saved")
    page.get_by_role("button", name="Save in the draft").click()
    expect(page.get_by_label("Stability")).to_have_value("7")
    expect(page.get_by_label("Stability")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Stability").fill("much")
    expect(wrong).to_contain_text("must be a number")
    draft = house.run(house.desk.drafts.load(house.call(), "hotel", "sandbox"))
    assert not draft.changes


def test_a_hotfix_needs_a_reason_and_says_so_loudly(house: House, visit: Visitor) -> None:
    house.run(edit(house.desk, house.call(), PETS, content=NEW_PETS))
    page = visit(house)
    page.goto(f"{house.url}{BASE}/environments/sandbox/publish")
    page.get_by_label("Note (required)").fill("Pets cost £15 a night from today")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("heading", name="Published v3").wait_for()
    page.goto(f"{house.url}{BASE}/environments/live/promote?version=3")
    expect(page.get_by_role("heading", name="Hotfix into Live")).to_be_visible()
    expect(page.locator("main")).to_contain_text("has not been served in Pre-release")
    expect(page.locator("main")).to_contain_text("Pet policy: text changed")
    expect(page.locator("main")).to_contain_text("To undo: roll back Live, which brings back v2")
    page.get_by_label("Why is a step skipped?").fill("Guests are quoted the wrong price")
    page.get_by_label("The public will hear v3").check()
    page.get_by_role("button", name="Release v3 as a hotfix").click()
    page.get_by_role("heading", name="Hotfix: v3").wait_for()
    expect(page.locator(".onair")).to_contain_text("Live v3")
    page.goto(f"{house.url}{BASE}/environments/live?show=releases")
    expect(page.locator("tbody tr").first).to_contain_text("HOTFIX")
    page.goto(f"{house.url}{BASE}/history")
    expect(page.locator("main")).to_contain_text("released v3 in live as a HOTFIX: Guests are quoted the wrong price")
    assert "£15" in chat(page, "live", "Can I bring my dog?")
    # The step that was skipped is caught up with, without a word of haste.
    page.goto(f"{house.url}{BASE}/environments/pre-release/promote?version=3")
    page.get_by_role("button", name="Promote v3 to Pre-release").click()
    page.get_by_role("heading", name="Promoted v3").wait_for()
    assert "£15" in chat(page, "pre-release", "Can I bring my dog?")


def test_a_page_reads_and_a_release_works_without_scripts(house: House, visit: Visitor) -> None:
    house.run(edit(house.desk, house.call(), PETS, content=NEW_PETS))
    page = visit(house, java_script_enabled=False)
    page.goto(f"{house.url}{BASE}/environments")
    page.get_by_role("link", name="Publish…").click()
    page.get_by_label("Note (required)").fill("Pets cost £15 a night from today")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("link", name="Promote to Pre-release…").click()
    page.get_by_role("button", name="Promote v3 to Pre-release").click()
    expect(page.get_by_role("heading", name="Promoted v3")).to_be_visible()
    assert "£15" in chat(page, "pre-release", "Can I bring my dog?")
    page.goto(f"{house.url}{BASE}/compare?base=v2&head=v3")
    expect(page.locator("#topic--pet-policy ins").first).to_be_visible()
    page.goto(f"{house.url}{BASE}/build/topic/pet-policy")
    page.get_by_label("Text", exact=True).fill("No pets.")
    page.get_by_role("button", name="Save in the draft").click()
    expect(page.locator("#toasts")).to_contain_text("Saved in your draft")


def test_the_keyboard_leads_everywhere(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(house.url + BASE)
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.wait_for_url(f"{house.url}{BASE}/environments")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Go to a page").fill("break")
    page.get_by_role("option", name="Breakfast").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{house.url}{BASE}/build/topic/breakfast")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Go to a page").fill("v1")
    page.get_by_role("option", name="v1").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{house.url}{BASE}/versions/1")


def test_an_open_page_hears_what_others_release(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(f"{house.url}{BASE}/conversations")
    expect(page.locator(".onair")).to_contain_text("Live v2")
    key = house.run(house.desk.keys.create(house.call(), "Night shift", "owner"))
    night = Call(house.run(house.desk.access.identify(key.key)), "req_night")
    house.run(house.desk.releases.roll_back(night, "hotel", "live", RollbackRequest("Too many complaints", 1)))
    expect(page.locator(".toast")).to_contain_text("Night shift rolled live back to v1: Too many complaints")
    expect(page.locator(".onair")).to_contain_text("Live v1")
    expect(page.locator("#env-list")).to_contain_text("Live")
    expect(page.locator(".toast a")).to_have_text("Load this page again")
