"""Editing in the browser: what is saved, what is refused beside its field, what is there already, and the way back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bs4 import BeautifulSoup

from greenroom.domain.entities import Address
from tests.unit.web.test_editing import fields_of_page
from tests.unit.web.visitor import Visitor, furnished, visiting

BASE = "/projects/hotel"
BUILD = f"{BASE}/build"
TOPIC = f"{BUILD}/topic/late-checkout"
AUTOSAVE = {"x-autosave": "1"}
REDRAW = {"x-redraw": "1"}


@pytest.fixture
async def owner() -> AsyncIterator[Visitor]:
    async with visiting(await furnished()) as found:
        yield found


async def body_of(owner: Visitor, address: str, ref: str = "draft:sandbox") -> dict[str, Any]:
    kind, _, slug = address.partition("/")
    view = await owner.stage.desk.content.load(await owner.call(), "hotel", Address(kind, slug), ref)
    return dict(view.body)


async def form_of(owner: Visitor, path: str) -> dict[str, Any]:
    """Returns what the form of a page would send as it stands; of a field that comes again, all its values."""
    page = BeautifulSoup((await owner.get(path)).text, "lxml")
    found: dict[str, list[str]] = {}
    for name, value in fields_of_page(str(page.select_one("#editor"))):
        if name and name != "csrf":
            found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


async def test_a_form_that_saves_as_one_types_is_told_what_is_wrong_and_what_follows(owner: Visitor) -> None:
    form = await form_of(owner, TOPIC)
    saved = await owner.send(TOPIC, {**form, "f:/content": "Ask {{handoff.nobody}}"}, AUTOSAVE)
    told = saved.json()
    assert saved.status_code == 200
    assert told["changes"] == 1
    broken = [finding for finding in told["findings"] if finding["pointer"] == "/content"]
    assert [finding["tone"] for finding in broken] == ["warn"]
    assert "handoff/nobody" in broken[0]["text"]
    assert "handoff/nobody" in told["parts"]
    refused = await owner.send(TOPIC, {**form, "if_match": told["revision"], "f:/name": ""}, AUTOSAVE)
    assert refused.status_code == 422
    assert [(f["pointer"], f["tone"]) for f in refused.json()["findings"]] == [("/name", "bad")]
    stale = await owner.send(TOPIC, {**form, "f:/name": "Mine"}, AUTOSAVE)
    assert stale.status_code == 412
    assert (await body_of(owner, "topic/late-checkout"))["content"] == "Ask {{handoff.nobody}}"


async def test_a_broken_reference_is_marked_when_the_editor_opens(owner: Visitor) -> None:
    await owner.put("topic/pets", {"name": "Pets", "actions": [{"id": "a", "type": "sms", "target": "nowhere"}]})
    page = (await owner.get(f"{BUILD}/topic/pets")).text
    assert "There is no sms/nowhere in this draft" in page
    assert "Cannot be published" in page
    assert re.search(r"build/new\?kind=sms&amp;slug=nowhere[^\"]*back=", page)


async def test_a_condition_that_cannot_be_read_stands_beside_its_field(owner: Visitor) -> None:
    await owner.put("conditional_prompt/night", {"name": "At night", "condition": "time.hour >"})
    page = BeautifulSoup((await owner.get(f"{BUILD}/conditional_prompt/night")).text, "lxml")
    slot = page.select_one('.wrong-slot[data-pointer="/condition"]')
    assert slot is not None
    assert "Cannot be published" in slot.text


async def test_a_button_of_the_form_draws_it_anew_and_saves_nothing(owner: Visitor) -> None:
    await owner.put("workflow/spa", {"name": "Spa"})
    place = f"{BUILD}/workflow/spa"
    form = await form_of(owner, place)
    before = owner.stage.contents()
    reply = await owner.send(place, {**form, "add": "/steps", "sort:/steps": "ask"}, REDRAW)
    assert reply.status_code == 200
    part = BeautifulSoup(reply.text, "lxml")
    assert part.select_one("html > body > header") is None
    assert {str(each["id"]) for each in part.select("[data-part]")} >= {"editor-fields", "flow", "mentions"}
    assert part.select_one("#f-steps-0-reprompt") is not None, "fields of a question"
    assert part.select_one("#f-steps-0-table") is None, "nothing of a look-up"
    assert owner.stage.contents() == before
    whole = await owner.send(place, {**form, "add": "/steps", "sort:/steps": "say"})
    assert "<html" in whole.text
    assert 'value="step-1"' in whole.text
    assert owner.stage.contents() == before


async def test_a_long_table_is_shown_in_parts_and_kept_whole(owner: Visitor) -> None:
    cases = [{"id": f"c{n}", "turns": [{"say": f"Question {n}", "expect": {"topic": "pets"}}]} for n in range(250)]
    await owner.put("test_set/long", {"name": "Long", "cases": cases})
    place = f"{BUILD}/test_set/long"
    for at, shown in (("", (0, 100)), ("?at=/cases/120", (100, 200)), ("?at=/cases/249", (200, 250))):
        page = await owner.get(place + at)
        rows = BeautifulSoup(page.text, "lxml").select('input[name="r:/cases"]')
        assert [int(str(row["value"])) for row in rows] == list(range(*shown))
    form = await form_of(owner, f"{place}?at=/cases/120")
    form["f:/cases/120/turns/0/say"] = "Another question"
    assert (await owner.send(place, form)).status_code == 303
    kept = (await body_of(owner, "test_set/long"))["cases"]
    assert [case["id"] for case in kept] == [case["id"] for case in cases]
    assert kept[120]["turns"][0]["say"] == "Another question"
    assert kept[249] == cases[249]


async def test_an_expectation_is_chosen_from_a_list_and_written_without_json(owner: Visitor) -> None:
    await owner.put("test_set/smoke", {"name": "Smoke", "cases": [{"id": "a", "turns": [{"say": "Hello"}]}]})
    place = f"{BUILD}/test_set/smoke"
    form = await form_of(owner, place)
    at = "/cases/0/turns/0/expect"
    form |= {f"r:{at}": "0", f"k:{at}/0": "contains", f"f:{at}/0": "until noon"}
    assert (await owner.send(place, form)).status_code == 303
    saved = (await body_of(owner, "test_set/smoke"))["cases"][0]
    assert saved["turns"][0]["expect"] == {"contains": "until noon"}
    page = (await owner.get(place)).text
    assert "the reply holds this text" in page


async def test_links_are_found_by_a_part_of_the_name(owner: Visitor) -> None:
    found = (await owner.get(f"{BUILD}/find?kinds=topic&q=check")).json()
    assert [(line["kind"], line["slug"]) for line in found["found"]] == [("topic", "late-checkout")]
    assert found["exact"] is False
    assert (await owner.get(f"{BUILD}/find?kinds=topic&q=late-checkout")).json()["exact"] is True
    assert (await owner.get(f"{BUILD}/find?kinds=sms&q=late")).json()["found"] == []
    assert (await owner.get(f"{BUILD}/find?kinds=nonsense&q=front")).status_code == 200


async def test_a_name_that_is_taken_is_refused_with_what_has_it(owner: Visitor) -> None:
    new = f"{BUILD}/new"
    taken = await owner.send(new, {"kind": "topic", "name": "Late checkout"})
    assert taken.status_code == 422
    assert f"{BUILD}/topic/late-checkout" in taken.text
    assert "late-checkout-2" in taken.text
    same = await owner.send(new, {"kind": "topic", "name": "Late check-out"})
    assert same.status_code == 422
    assert "could not tell them apart" in same.text
    assert 'value="Late check-out"' in same.text
    assert f"{BUILD}/topic/late-checkout" in same.text
    allowed = await owner.send(new, {"kind": "topic", "name": "Late check-out", "anyway": "1"})
    assert allowed.headers["location"] == f"{BUILD}/topic/late-check-out"
    single = await owner.send(new, {"kind": "settings", "name": "Settings"})
    assert single.status_code == 303
    again = await owner.send(new, {"kind": "settings", "name": "Settings"})
    assert "there is only one of its kind" in again.text


@pytest.mark.parametrize("back, kept", [(f"{TOPIC}?environment=sandbox", True), ("//evil.test/", False), ("/x", False)])
async def test_what_is_made_on_the_way_leads_back_to_where_one_was(owner: Visitor, back: str, kept: bool) -> None:
    reply = await owner.send(f"{BUILD}/new", {"kind": "sms", "name": "Booking link", "back": back})
    assert reply.headers["location"] == (back if kept else f"{BUILD}/sms/booking-link")


async def test_a_history_says_who_made_each_field_what_it_is_and_one_goes_back_alone(owner: Visitor) -> None:
    await owner.put("topic/breakfast", {"name": "Breakfast"})
    form = await form_of(owner, TOPIC)
    await owner.send(TOPIC, {**form, "f:/content": "You can stay until two."})
    page = (await owner.get(f"{TOPIC}/history")).text
    assert "in this draft" in page
    rows = {row.dt.text: row.dd.text for row in BeautifulSoup(page, "lxml").select(".blame > div") if row.dt and row.dd}
    assert "in this draft" in rows["Text"]
    assert "v1" in rows["Sample questions"]
    sheet = (await owner.get(f"{TOPIC}/back?version=1")).text
    assert "only in <strong>your draft of Sandbox" in sheet
    assert "two" in sheet
    revision = re.search(r'name="revision" value="(\d+)"', sheet)
    assert revision
    stale = await owner.send(f"{TOPIC}/back", {"version": "1", "revision": "1"})
    assert stale.status_code == 412
    back = await owner.send(f"{TOPIC}/back", {"version": "1", "revision": revision[1]})
    assert back.headers["location"] == TOPIC
    assert (await body_of(owner, "topic/late-checkout"))["content"] == "You can stay until noon."
    assert "Breakfast" in (await owner.get(BUILD)).text, "the other change of the draft stays"


async def test_what_an_older_version_lacks_is_taken_out_and_said_before(owner: Visitor) -> None:
    await owner.put("topic/breakfast", {"name": "Breakfast"})
    sheet = (await owner.get(f"{BUILD}/topic/breakfast/back?version=1")).text
    assert "v1 does not have it" in sheet
    revision = re.search(r'name="revision" value="(\d+)"', sheet)
    assert revision
    await owner.send(f"{BUILD}/topic/breakfast/back", {"version": "1", "revision": revision[1]})
    assert (await owner.get(f"{BUILD}/topic/breakfast")).status_code == 404
    assert (await owner.get(f"{BUILD}/topic/breakfast/history")).status_code == 404


async def test_who_may_not_edit_reads(owner: Visitor) -> None:
    async with visiting(owner.stage, "viewer") as viewer:
        page = (await viewer.get(TOPIC)).text
        assert "It is read-only here" in page
        assert 'id="editor"' not in page
        history = (await viewer.get(f"{TOPIC}/history")).text
        assert "Roll this one back" not in history
        assert (await viewer.send(f"{TOPIC}/back", {"version": "1", "revision": "1"})).status_code == 403


async def test_unknown_places_are_not_found(owner: Visitor) -> None:
    for path in (
        "/nokind/a",
        "/topic/none",
        "/topic/none/history",
        "/topic/none/back?version=1",
        "/topic/late-checkout/back?version=9",
    ):
        assert (await owner.get(BUILD + path)).status_code == 404, path
