"""Journeys on an agent that somebody else made: a newcomer's first ten minutes, its next export, a review.

The agent is a real export of another system where there is one on this machine, else our own small one.
"""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from greenroom.domain.access import Member, Principal
from greenroom.domain.entities import Address
from greenroom.domain.ids import PrincipalId
from greenroom.services.conversations import Heard
from greenroom.services.desk import Desk
from greenroom.services.keeping import Beginning
from greenroom.services.plans import PromoteRequest, PublishRequest
from greenroom.services.work import Call
from greenroom.wire.archives import pack
from tests.browser.conftest import Visitor
from tests.browser.hotel import PETS, edit, furnish_standard
from tests.browser.house import House, open_house
from tests.support.data import has_shared_data, polyai_exports
from tests.support.gaps import note_fact, note_gap

SLUG = "clinic"
BASE = f"/projects/{SLUG}"


@pytest.fixture(autouse=True)
def said_where_no_real_data_is() -> None:
    if not has_shared_data():
        note_gap("no real PolyAI project for the journeys in a browser: tests/fixtures took its place")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def zip_of(folder: Path) -> bytes:
    """Returns an export as its owner would send it: zipped, in a folder of its name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files_of(folder).items():
            made.writestr(f"{folder.name}/{name}", data)
    return out.getvalue()


async def furnish_clinic(desk: Desk, owner: Principal) -> None:
    """Makes the older export live, with three conversations that the public held."""
    call = Call(owner, "furnish")
    await desk.projects.create(call, "Poly Clinic", SLUG, "pipeline")
    await desk.imports.import_folder(call, SLUG, pack(files_of(polyai_exports()[0])), "polyai")
    await desk.publishing.publish(call, SLUG, "sandbox", PublishRequest("The clinic's agent as it was exported"))
    for alias in ("pre-release", "live"):
        await desk.releases.promote(call, SLUG, alias, PromoteRequest(1, 0, 1))
    topic, question, _ = await find_topic(desk, owner)
    for text in (question, "What is the meaning of life?", question):
        begun, _ = await desk.conversations.start(call, SLUG, Beginning(channel="chat", user_id="ann"))
        await desk.conversations.take_turn(call, begun.conversation.id, Heard(text))
    assert topic


async def find_topic(desk: Desk, owner: Principal, ref: str = "v1") -> tuple[Address, str, str]:
    """Returns a topic of the agent that answers by itself, a question for it, and the first words of its text."""
    call = Call(owner, "look")
    _, lines, _ = await desk.content.list(call, SLUG, ref, "topic", "", 200)
    for line in lines:
        body = (await desk.content.load(call, SLUG, line.address, ref)).body
        questions, text = body.get("sample_questions") or [], str(body.get("content", ""))
        if questions and "hours" in line.address.slug and not body.get("actions"):
            words = re.findall(r"[A-Za-z]{4,}", text)
            return line.address, questions[0], words[0]
    raise AssertionError("the agent has no topic about opening hours")


def chat(page: Page, house: House, ref: str, question: str) -> str:
    """Returns what a state answers in a test chat."""
    page.goto(f"{house.url}{BASE}/chat?ref={ref}")
    page.get_by_role("button", name="Start the chat").click()
    page.get_by_placeholder("Say something").fill(question)
    page.get_by_role("button", name="Send").click()
    page.locator(".heard", has_text=question).wait_for()
    return page.locator(".said").last.inner_text()


def test_a_newcomer_comes_from_nothing_to_a_live_agent_in_ten_minutes(visit: Visitor) -> None:
    begun = time.monotonic()
    older, newer = polyai_exports()
    with open_house() as house:
        page = visit(house)
        expect(page.get_by_role("heading", name="No projects yet")).to_be_visible()
        page.locator(".empty").get_by_role("link", name="New project").click()
        page.get_by_label("Name (required)").fill("Clinic")
        page.get_by_role("button", name="Make the project").click()
        page.wait_for_url(f"{house.url}{BASE}")

        # The page says what comes next, at every step.
        expect(page.get_by_role("heading", name="From nothing to Live")).to_be_visible()
        page.get_by_role("link", name="Import an agent").click()
        page.get_by_label("Archive").set_input_files(
            {"name": "agent.zip", "mimeType": "application/zip", "buffer": zip_of(older)}
        )
        page.get_by_label("Format").select_option(label="PolyAI Agent Studio")
        page.get_by_role("button", name="Only look").click()
        expect(page.get_by_role("heading", name="agent.zip would change your draft")).to_be_visible()
        assert not house.run(house.desk.drafts.load(house.call(), SLUG, "sandbox")).changes
        page.get_by_label("Archive").set_input_files(
            {"name": "agent.zip", "mimeType": "application/zip", "buffer": zip_of(older)}
        )
        page.get_by_label("Format").select_option(label="PolyAI Agent Studio")
        page.get_by_role("button", name="Import into the draft").click()
        expect(page.get_by_role("heading", name="agent.zip is in your draft of sandbox")).to_be_visible()
        # Nothing is lost without a word: what was not read is listed with its reason.
        expect(page.get_by_text(re.compile("things? to look at|Everything in it was read"))).to_be_visible()

        topic, question, word = house.run(find_topic(house.desk, house.owner, "draft:sandbox"))
        page.get_by_role("link", name="Test it").click()
        expect(page.locator("main")).to_contain_text(re.compile("draft", re.IGNORECASE))
        assert word in chat(page, house, "draft:sandbox", question)

        page.goto(f"{house.url}{BASE}")
        page.get_by_role("link", name="Publish…").click()
        page.get_by_label("Note (required)").fill("The clinic's agent, as it was exported in July")
        page.get_by_role("button", name="Publish", exact=True).click()
        page.get_by_role("heading", name="Published v1").wait_for()
        page.goto(f"{house.url}{BASE}")
        page.get_by_role("link", name="Promote v1…").click()
        page.get_by_role("button", name="Promote v1 to Pre-release").click()
        page.get_by_role("heading", name="Promoted v1").wait_for()
        assert word in chat(page, house, "pre-release", question)
        page.goto(f"{house.url}{BASE}")
        page.get_by_role("link", name="Promote v1…").click()
        page.get_by_label("The public will hear v1").check()
        page.get_by_role("button", name="Promote v1 to Live").click()
        page.get_by_role("heading", name="Promoted v1").wait_for()
        expect(page.locator(".onair")).to_contain_text("Live v1")
        assert word in chat(page, house, "live", question)
        page.goto(f"{house.url}{BASE}")
        expect(page.get_by_role("heading", name="From nothing to Live")).to_have_count(0)
        spent = time.monotonic() - begun
        note_fact(f"journeys: from an empty install to a live agent of another system in {spent:.0f} s of browser time")
        assert spent < 600

        bring_the_next_export(house, page, newer, topic)


def bring_the_next_export(house: House, page: Page, newer: Path, topic: Address) -> None:
    """A month later: the next export comes over the first, is looked at, released and taken back."""
    page.goto(f"{house.url}{BASE}/import")
    page.get_by_label("Archive").set_input_files(
        {"name": "agent.zip", "mimeType": "application/zip", "buffer": zip_of(newer)}
    )
    page.get_by_label("Format").select_option(label="PolyAI Agent Studio")
    page.get_by_role("button", name="Import into the draft").click()
    page.get_by_role("link", name="Review the changes").click()
    draft = house.run(house.desk.drafts.load(house.call(), SLUG, "sandbox"))
    count = len(draft.changes)
    assert count > 1
    page.get_by_role("heading", name=f"{count} changes").wait_for()
    expect(page.locator("#unchanged")).to_contain_text("Nothing else changed")
    assert page.locator("article.entity").count() == min(count, 100)
    assert page.locator(".checklist li").count() > 0
    page.goto(f"{house.url}{BASE}/environments/sandbox/publish")
    page.get_by_label("Note (required)").fill("The clinic's agent, as it was exported in August")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("heading", name="Published v2").wait_for()
    page.get_by_role("link", name="Promote to Pre-release…").click()
    page.get_by_role("button", name="Promote v2 to Pre-release").click()
    page.get_by_role("heading", name="Promoted v2").wait_for()
    page.goto(f"{house.url}{BASE}/environments/pre-release")
    begun = time.monotonic()
    page.get_by_role("link", name="Roll back to v1…").click()
    page.get_by_label("Why?").fill("Callers are not told the new hours")
    page.get_by_role("button", name="Roll Pre-release back to v1").click()
    page.get_by_role("heading", name="Rolled back to v1").wait_for()
    assert time.monotonic() - begun < 60
    page.goto(f"{house.url}{BASE}/build/{topic}?ref=pre-release")
    expect(page.locator(".ref-chip")).to_contain_text("pre-release")


@pytest.fixture
def clinic() -> Iterator[House]:
    with open_house(furnish_clinic) as opened:
        yield opened


def test_a_conversation_is_reviewed_and_opened_at_the_version_that_held_it(clinic: House, visit: Visitor) -> None:
    topic, question, word = clinic.run(find_topic(clinic.desk, clinic.owner))
    # Meanwhile the draft says something else, and so will the next version.
    draft = clinic.run(clinic.desk.content.load(clinic.call(), SLUG, topic, "draft:sandbox"))
    body = {key: value for key, value in draft.body.items() if key != "schema"}
    new = {**body, "content": "We are closed for the summer."}
    clinic.run(clinic.desk.drafts.save(clinic.call(), SLUG, "sandbox", topic, new, draft.revision))
    clinic.run(clinic.desk.publishing.publish(clinic.call(), SLUG, "sandbox", PublishRequest("Closed for the summer")))
    page = visit(clinic)
    page.goto(f"{clinic.url}{BASE}/conversations")
    page.get_by_label("Said or heard").fill(question)
    page.get_by_label("Environment", exact=True).select_option(label="Live")
    page.get_by_label("Version", exact=True).fill("v1")
    page.get_by_role("button", name="Filter").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Live")
    expect(rows.first).to_contain_text("v1")
    rows.first.get_by_role("link").first.click()

    # What was said, by which version, and why.
    expect(page.locator(".heard")).to_have_text(f"User: {question}")
    expect(page.locator(".said").last).to_contain_text(word)
    page.locator(".trace > summary").last.click()
    expect(page.locator(".trace-body").last).to_contain_text(topic.slug)

    page.get_by_label("New tag").fill("wrong hours")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("New note").fill("The caller was told the hours of last year.")
    page.get_by_role("button", name="Add the note").click()
    page.get_by_label("Comment").fill("Out of date")
    page.get_by_role("button", name="Bad").click()
    for said in ("wrong hours", "The caller was told the hours of last year.", "Out of date"):
        expect(page.get_by_label("About the conversation")).to_contain_text(said)

    # Replayed on what comes next, and opened as it was.
    review = page.url
    page.get_by_label("On", exact=True).select_option(label="Sandbox, v2")
    page.get_by_role("button", name="Replay").click()
    expect(page.locator("main")).to_contain_text("closed for the summer")
    page.goto(review)
    page.get_by_role("link", name="Open at v1").click()
    page.get_by_role("searchbox").fill(topic.slug)
    page.get_by_role("button", name="Find").click()
    page.locator(f'a[href*="/build/{topic}"]').first.click()
    expect(page.locator(".ref-chip")).to_contain_text("v1")
    expect(page.locator("main")).to_contain_text(word)
    expect(page.locator("main")).not_to_contain_text("closed for the summer")
    assert page.get_by_role("button", name=re.compile("Save")).count() == 0, "a version is read, not edited"
    page.goto(f"{clinic.url}{BASE}/conversations?tag=wrong+hours")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_two_editors_with_drafts_of_their_own_meet_when_the_second_publishes(visit: Visitor) -> None:
    with open_house(furnish_standard) as house:
        ben = Member(PrincipalId("mem_ben"), house.owner.workspace, "Ben", "publisher", house.desk.clock.now())
        house.run(house.desk.store.write(house.owner.workspace, lambda tx: tx.insert_member(ben)))
        his = replace(house, owner=Principal(ben.id, ben.workspace, ben.name, ben.role))
        house.run(edit(house.desk, house.call(), PETS, content="Dogs are welcome for £20 a night."))
        house.run(edit(house.desk, his.call(), PETS, content="No pets from May on."))
        ann, other = visit(house), visit(his)
        publish = f"{house.url}/projects/hotel/environments/sandbox/publish"
        ann.goto(publish)
        ann.get_by_label("Note (required)").fill("Dogs cost £20 a night")
        ann.get_by_role("button", name="Publish", exact=True).click()
        ann.get_by_role("heading", name="Published v3").wait_for()
        # He is told that the ground moved, sees both texts, and decides.
        other.goto(publish)
        expect(other.locator("main")).to_contain_text("Sandbox moved on since the draft began")
        group = other.get_by_role("group", name=re.compile("Pet policy · text"))
        expect(group).to_contain_text("£20")
        expect(group).to_contain_text("No pets from May on.")
        other.get_by_label("Note (required)").fill("No pets from May on")
        group.get_by_role("radio", name=re.compile("The draft")).check()
        other.get_by_role("button", name="Settle it, and look again").click()
        other.get_by_role("button", name="Publish", exact=True).click()
        other.get_by_role("heading", name="Published v4").wait_for()
        view = house.run(house.desk.content.load(house.call(), "hotel", PETS, "v4"))
        assert view.body["content"] == "No pets from May on."
        assert house.run(house.desk.versions.load(house.call(), "hotel", 4)).version.author == "mem_ben"
