"""Whoever builds an agent has a keyboard: a workflow made and run, a function edited, a broken reference marked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from greenroom.domain.access import Principal
from greenroom.domain.entities import Address
from greenroom.providers.clock import SystemClock
from greenroom.providers.sandbox import MontySandbox
from greenroom.services.desk import Desk
from greenroom.services.work import Call
from tests.browser.conftest import Visitor
from tests.browser.hotel import BASE, edit, furnish_standard
from tests.browser.house import House, open_house

SAVED = "Saved in your draft"


async def furnish(desk: Desk, owner: Principal) -> None:
    """Makes the hotel with an empty workflow for the spa."""
    await furnish_standard(desk, owner)
    call = Call(owner, "furnish")
    body = {"name": "Book the spa", "trigger": {"phrases": ["I would like to book the spa"]}}
    await desk.drafts.save(call, "hotel", "sandbox", Address("workflow", "book-spa"), body, "*")


@pytest.fixture
def house() -> Iterator[House]:
    with open_house(furnish, sandbox=MontySandbox(SystemClock())) as opened:
        yield opened


def saved(page: Page) -> None:
    expect(page.locator("#save-state")).to_contain_text(SAVED)


def body_of(house: House, address: str) -> dict[str, object]:
    kind, _, slug = address.partition("/")
    view = house.run(house.desk.content.load(house.call(), "hotel", Address(kind, slug), "draft:sandbox"))
    return dict(view.body)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_workflow_is_built_by_keyboard_and_run_in_the_chat(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(f"{house.url}{BASE}/build/workflow/book-spa")
    # A question, and behind it an end: each new step is led to by the one before.
    page.get_by_label("Sort of the new step").select_option("ask")
    page.get_by_role("button", name="Add step").focus()
    press(page, "Enter")
    expect(page.locator("#f-steps-0-name")).to_be_focused()
    page.keyboard.type("Ask for the day")
    page.locator("#f-steps-0-text").focus()
    page.keyboard.type("For which day?")
    saved(page)
    page.get_by_role("button", name="New step after Ask for the day").focus()
    press(page, "Enter")
    expect(page.locator("#f-steps-1-name")).to_be_focused()
    page.keyboard.type("Thank them")
    page.locator("#f-steps-1-text").focus()
    page.keyboard.type("It is booked. See you there!")
    # One more between the two, and moved past the end and back again with the arrows.
    page.get_by_role("button", name="New step after Ask for the day").focus()
    press(page, "Enter")
    expect(page.locator("#f-steps-1-name")).to_be_focused()
    page.keyboard.type("Confirm")
    page.locator("#f-steps-1-text").focus()
    page.keyboard.type("I look it up.")
    saved(page)
    press(page, "Alt+ArrowDown")
    expect(page.locator("#flow .flow-title").nth(2)).to_have_text("Confirm")
    expect(page.locator("#f-steps-2-text")).to_be_focused()
    press(page, "Alt+ArrowUp")
    expect(page.locator("#flow .flow-title").nth(1)).to_have_text("Confirm")
    saved(page)
    steps = body_of(house, "workflow/book-spa")["steps"]
    assert isinstance(steps, list)
    assert [(step["name"], step.get("next")) for step in steps] == [
        ("Ask for the day", steps[1]["id"]),
        ("Confirm", steps[2]["id"]),
        ("Thank them", None),
    ]
    # What nothing leads to, and what leads nowhere, is marked while one types.
    page.locator("#f-steps-0-next").select_option(label="3. Thank them")
    expect(page.locator("#flow")).to_contain_text("Nothing leads to Confirm")
    expect(page.locator("[data-row='/steps/1'] summary").first).to_contain_text("nothing leads here")
    page.locator("#f-steps-0-next").select_option(label="2. Confirm")
    expect(page.locator("#flow")).not_to_contain_text("Nothing leads to")
    saved(page)

    page.goto(f"{house.url}{BASE}/chat?ref=draft:sandbox")
    page.get_by_role("button", name="Start the chat").click()
    for text, answer in (
        ("I would like to book the spa", "For which day?"),
        ("yes", "It is booked. See you there!"),
    ):
        page.get_by_placeholder("Say something").fill(text)
        page.keyboard.press("Enter")
        expect(page.locator(".said").last).to_contain_text(answer)


def test_a_step_that_is_removed_leaves_no_hole(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(f"{house.url}{BASE}/build/workflow/request-early-check-in")
    page.get_by_role("button", name="Remove Ask for the name").click()
    expect(page.locator("#flow .flow-title").nth(1)).to_have_text("Long stays come first")
    expect(page.locator("#flow")).not_to_contain_text("Nothing leads to")
    expect(page.locator("[data-row='/steps/0'] .ways")).to_contain_text("2 Long stays come first")
    saved(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#flow .flow-title").nth(1)).to_have_text("Ask for the name")
    saved(page)
    steps = body_of(house, "workflow/request-early-check-in")["steps"]
    assert isinstance(steps, list)
    assert steps[0]["next"] == steps[1]["id"]
    assert steps[1]["name"] == "Ask for the name"


def test_a_step_whose_id_changes_is_still_led_to(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(f"{house.url}{BASE}/build/workflow/request-early-check-in")
    page.locator("[data-row='/steps/1'] summary").first.click()
    page.locator("#f-steps-1-id").fill("who-is-it")
    saved(page)
    steps = body_of(house, "workflow/request-early-check-in")["steps"]
    assert isinstance(steps, list)
    assert steps[0]["next"] == steps[1]["id"] == "who-is-it"


def test_a_function_is_edited_and_what_is_wrong_is_led_to(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(f"{house.url}{BASE}/build/function/find_invoice")
    code = page.locator("#f-code")
    code.focus()
    press(page, "Control+a", "Delete")
    page.keyboard.type("def run(conv, number):\nbooking = conv.nothing_like_it\nreturn booking")
    # Enter kept the indent that a colon began.
    assert code.input_value() == "def run(conv, number):\n    booking = conv.nothing_like_it\n    return booking"
    expect(page.locator(".code-numbers span")).to_have_count(3)
    expect(page.locator(".code-paint .k").first).to_have_text("def")
    finding = page.locator("#f-code-wrong")
    expect(finding).to_contain_text("nothing_like_it", timeout=20_000)
    link = finding.get_by_role("link", name="line 2").first
    link.click()
    expect(code).to_be_focused()
    selected = (
        "document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)"
    )
    assert page.evaluate(selected).strip() == "booking = conv.nothing_like_it"
    expect(page.locator(".code-numbers .is-bad")).to_have_text("2")
    press(page, "Tab")
    expect(code).to_be_focused()
    press(page, "Escape", "Tab")
    expect(code).not_to_be_focused()
    code.fill("def run(conv, number):\n    return number\n")
    expect(finding).to_have_text("")
    saved(page)


def test_an_argument_is_described_without_json(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(f"{house.url}{BASE}/build/function/find_invoice")
    page.get_by_label("Argument 2: name").fill("year")
    page.get_by_label("Type of the new argument").select_option(label="whole number")
    page.get_by_label("What the new argument is").fill("Of the stay")
    saved(page)
    parameters = body_of(house, "function/find_invoice")["parameters"]
    assert isinstance(parameters, dict)
    assert parameters["properties"]["year"] == {"type": "integer", "description": "Of the stay"}


def test_a_broken_reference_is_marked_live_and_chosen_anew(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(f"{house.url}{BASE}/build/topic/late-check-out")
    page.get_by_role("button", name="Add action").click()
    target = page.locator("#f-actions-0-target")
    expect(target).to_be_focused()
    target.press_sequentially("nowhere")
    field = page.locator(".pick", has=target)
    expect(field).to_contain_text("There is no sms/nowhere in this draft")
    expect(field.get_by_role("link", name="create it")).to_be_visible()
    expect(page.locator("#f-actions-0-target-wrong")).to_contain_text("Cannot be published")
    expect(page.locator("#mentions")).to_contain_text("sms/nowhere")
    target.fill("")
    target.press_sequentially("booking")
    page.get_by_role("option", name="Booking link").wait_for()
    press(page, "Enter")
    expect(target).to_have_value("booking-link")
    expect(field.get_by_role("link", name="Booking link")).to_be_visible()
    saved(page)
    expect(page.locator("#f-actions-0-target-wrong")).to_have_text("")
    # In a text, what is there is offered behind two braces; what is not there is marked.
    text = page.get_by_label("Text", exact=True)
    text.fill("")
    text.press_sequentially("Ask {{handoff.fron")
    page.get_by_role("option").first.wait_for()
    press(page, "ArrowDown", "Enter")
    expect(text).to_have_value("Ask {{handoff.front-desk}}")
    text.fill("Ask {{handoff.nobody}}")
    expect(page.locator("#f-content-wrong")).to_contain_text("handoff/nobody, which does not exist")


def test_a_condition_is_checked_as_it_is_typed(house: House, visit: Visitor) -> None:
    page = visit(house)
    page.goto(f"{house.url}{BASE}/build/workflow/request-early-check-in")
    page.locator("[data-row='/steps/2'] summary").first.click()
    condition = page.locator("#f-steps-2-branches-0-condition")
    condition.fill("vars.nights >=")
    wrong = page.locator("#f-steps-2-branches-0-condition-wrong")
    expect(wrong).to_contain_text("Cannot be published")
    expect(page.locator("#save-state")).to_contain_text("cannot be published like this")
    condition.fill("vars.nights >= 5")
    expect(wrong).to_have_text("")


def test_elements_are_added_and_moved_without_scripts(house: House, visit: Visitor) -> None:
    page = visit(house, java_script_enabled=False)
    page.goto(f"{house.url}{BASE}/build/workflow/book-spa")
    page.get_by_role("button", name="Add step").click()
    page.locator("#f-steps-0-text").fill("One moment.")
    page.get_by_role("button", name="Add step").click()
    page.locator("#f-steps-1-text").fill("It is done.")
    page.get_by_role("button", name="Move step-2 up").click()
    expect(page.locator("#f-steps-0-text")).to_have_value("It is done.")
    page.get_by_role("button", name="Save in the draft").click()
    expect(page.locator("#toasts")).to_contain_text("Saved in your draft")
    steps = body_of(house, "workflow/book-spa")["steps"]
    assert isinstance(steps, list)
    assert [step["id"] for step in steps] == ["step-2", "step-1"]


def test_a_save_that_somebody_else_outran_is_told_and_nothing_is_lost(house: House, visit: Visitor) -> None:
    page = visit(house)
    address = Address("workflow", "book-spa")
    page.goto(f"{house.url}{BASE}/build/{address}")
    house.run(edit(house.desk, house.call(), address, description="Theirs"))
    page.get_by_label("Description").fill("Mine")
    expect(page.locator("#save-state")).to_contain_text("somebody else saved this")
    page.get_by_role("button", name="Save in the draft").click()
    expect(page.get_by_role("alert")).to_contain_text("Theirs")
    page.get_by_role("link", name="Take theirs").click()
    expect(page.get_by_label("Description")).to_have_value("Theirs")
