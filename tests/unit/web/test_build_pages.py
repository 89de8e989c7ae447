"""Tests made of conversations, chats beside pages, sources of knowledge, runs side by side."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from bs4 import BeautifulSoup

from greenroom.domain.entities import Address
from greenroom.domain.ids import TestRunId
from greenroom.services.access import csrf_token
from greenroom.services.conversations import Beginning, Heard
from greenroom.services.plans import PromoteRequest, PublishRequest
from tests.unit.web.visitor import HOST, Visitor, furnished, visiting

BASE = "/projects/hotel"


@pytest.fixture
async def owner() -> AsyncIterator[Visitor]:
    async with visiting(await furnished()) as found:
        yield found


async def body_of(owner: Visitor, address: str) -> dict[str, Any]:
    kind, _, slug = address.partition("/")
    view = await owner.stage.desk.content.load(await owner.call(), "hotel", Address(kind, slug), "draft:sandbox")
    return dict(view.body)


async def hold(owner: Visitor, *said: str) -> str:
    """Holds a test chat on what is live; returns where its conversation is shown."""
    talks, call = owner.stage.desk.conversations, await owner.call()
    begun, _ = await talks.start(call, "hotel", Beginning(ref="live", channel="chat"))
    for text in said:
        await talks.take_turn(call, begun.conversation.id, Heard(text))
    return f"{BASE}/conversations/{begun.conversation.id}"


# Tests made of conversations.


async def test_a_conversation_becomes_a_test_that_passes_where_it_was_held(owner: Visitor) -> None:
    place = await hold(owner, "Can I check out late?", "What is the meaning of life?")
    page = BeautifulSoup((await owner.get(f"{place}/test")).text, "lxml")
    assert page.select_one('[name="expect:1:topic"]') is not None
    wanted = {
        "environment": "sandbox",
        "name": "Asks for a late check-out",
        "test_set": "",
        "set_name": "From conversations",
        "turn:1": "1",
        "say:1": "Can I check out late?",
        "expect:1:topic": "1",
        "contains:1": "noon",
        "mock_time": "1",
        "tags": "smoke, real",
    }
    made = await owner.send(f"{place}/test", wanted)
    assert made.headers["location"].startswith(f"{BASE}/build/test_set/from-conversations?")
    case = (await body_of(owner, "test_set/from-conversations"))["cases"][0]
    assert case["id"] == "asks-for-a-late-check-out"
    assert case["turns"] == [{"say": "Can I check out late?", "expect": {"topic": "late-checkout", "contains": "noon"}}]
    assert case["tags"] == ["smoke", "real"]
    assert case["mocks"]["now"].endswith("Z")
    begun = await owner.send(f"{BASE}/tests", {"ref": "draft:sandbox", "set": "from-conversations"})
    run = begun.headers["location"].rpartition("/")[2]
    await owner.stage.desk.test_runs.wait(TestRunId(run))
    assert "1 passed" in (await owner.get(begun.headers["location"])).text
    again = await owner.send(f"{place}/test", {**wanted, "test_set": "from-conversations", "set_name": ""})
    assert again.status_code == 303
    assert [c["id"] for c in (await body_of(owner, "test_set/from-conversations"))["cases"]] == [
        "asks-for-a-late-check-out",
        "asks-for-a-late-check-out-2",
    ]


@pytest.mark.parametrize(
    "change, says",
    [
        ({"name": " "}, "say in a few words"),
        ({"set_name": "!"}, "choose a test set"),
        ({"expect:1:topic": None}, "a test that expects nothing cannot fail"),
        ({"turn:1": None}, "tick at least one turn"),
        ({"say:1": "My name is •••"}, "write something in the place of •••"),
        ({"contains:1": '{"x'}, "begins like JSON"),
    ],
)
async def test_a_test_that_says_nothing_is_refused_and_what_was_typed_stays(
    owner: Visitor, change: dict[str, str | None], says: str
) -> None:
    place = await hold(owner, "Can I check out late?")
    wanted: dict[str, str | None] = {
        "environment": "sandbox",
        "name": "Late",
        "set_name": "New set",
        "turn:1": "1",
        "say:1": "Can I check out late?",
        "expect:1:topic": "1",
        "tags": "kept-tag",
        **change,
    }
    reply = await owner.send(f"{place}/test", {name: value for name, value in wanted.items() if value is not None})
    assert reply.status_code == 422
    assert says in reply.text
    assert "kept-tag" in reply.text
    assert (await owner.get(f"{BASE}/build/test_set/new-set")).status_code == 404


async def test_a_name_of_a_test_set_that_is_taken_is_refused(owner: Visitor) -> None:
    await owner.put("test_set/smoke", {"name": "Smoke"})
    place = await hold(owner, "Can I check out late?")
    data = {
        "environment": "sandbox",
        "name": "Late",
        "set_name": "Smoke",
        "turn:1": "1",
        "say:1": "x",
        "contains:1": "y",
    }
    reply = await owner.send(f"{place}/test", data)
    assert reply.status_code == 422
    assert "there is a test set" in reply.text


# Chats and conversations.


async def panel(owner: Visitor, path: str, data: dict[str, str] | None = None) -> httpx2.Response:
    """Sends what the panel beside a page sends."""
    headers = {"hx-request": "true", "origin": HOST}
    if data is None:
        return await owner.client.get(path, headers=headers)
    return await owner.client.post(path, data={**data, "csrf": csrf_token(owner.token)}, headers=headers)


async def test_the_panel_asks_talks_and_never_leaves_the_page(owner: Visitor) -> None:
    asked = await panel(owner, f"{BASE}/chat?panel=1&ref=draft:sandbox")
    assert "<html" not in asked.text
    assert re.search(r'<option value="draft:sandbox" selected', asked.text)
    talk = await panel(owner, f"{BASE}/chat?panel=1", {"ref": "live", "channel": "chat"})
    assert talk.status_code == 200
    assert "hx-redirect" not in talk.headers
    assert "Harbour Hotel" in talk.text
    chat = re.search(r'data-chat="([^"]+)\?panel=1"', talk.text)
    assert chat
    said = await panel(owner, chat[1], {"text": "Can I check out late?"})
    assert "until noon" in said.text
    again = await panel(owner, f"{chat[1]}?panel=1")
    assert "until noon" in again.text
    wrong = await panel(owner, f"{BASE}/chat?panel=1", {"ref": "v99"})
    assert wrong.status_code == 200, "what goes into a part of a page must arrive"
    assert "v99" in wrong.text


async def test_a_chat_pretends_who_calls_and_when(owner: Visitor) -> None:
    data = {"ref": "live", "caller": "+441", "sip_headers": "X-Guest: gold\nX-Room: 7", "now": "2026-05-01T22:30"}
    begun = await owner.send(f"{BASE}/chat", data)
    page = (await owner.get(begun.headers["location"])).text
    assert "2026-05-01T22:30:00" in page
    refused = await owner.send(f"{BASE}/chat", {**data, "sip_headers": "no header", "now": "soon"})
    assert refused.status_code == 422
    assert "is not a header" in refused.text
    assert "is not a time" in refused.text
    assert "no header" in refused.text


async def test_conversations_are_filtered_by_what_the_address_says(owner: Visitor) -> None:
    place = await hold(owner, "Can I check out late?")
    id_ = place.rpartition("/")[2]
    held = f"{BASE}/conversations"
    assert id_ in (await owner.get(f"{held}?topic=late-checkout&origin=test&since=today&view=Mine")).text
    assert "<h1>Mine</h1>" in (await owner.get(f"{held}?topic=late-checkout&view=Mine")).text
    for query in ("topic=parking", "until=2020-01-01", "since=2999-01-01", "outcome=error"):
        assert id_ not in (await owner.get(f"{held}?{query}")).text, query
    odd = await owner.get(f"{held}?since=tomorrow&outcome=none&version=x")
    assert odd.status_code == 200
    assert id_ in odd.text


async def test_a_conversation_is_replayed_on_any_version(owner: Visitor) -> None:
    place = await hold(owner, "Can I check out late?")
    page = (await owner.get(place)).text
    assert re.search(r'<option value="v1">', page)
    assert f"{place}/test" in page
    assert "would go the same way" in (await owner.send(f"{place}/replay", {"ref": "v1"})).text


# Knowledge.


async def test_a_source_is_made_with_a_form_of_its_sort(owner: Visitor) -> None:
    new = f"{BASE}/knowledge/sources/new"
    choice = (await owner.get(new)).text
    assert "Zendesk" in choice
    data = {"sort": "urls", "name": "Opening hours", "urls": "https://a.example/x\nhttps://a.example/y\n"}
    made = await owner.send(new, {**data, "environment": "sandbox", "every_hours": "24"})
    assert made.headers["location"] == f"{BASE}/knowledge/sources/opening-hours"
    body = await body_of(owner, "knowledge/opening-hours")
    assert body["source"] == {"type": "urls", "urls": ["https://a.example/x", "https://a.example/y"]}
    assert body["refresh"] == {"every_hours": 24}
    page = (await owner.get(made.headers["location"])).text
    assert "never read" in page
    assert "Read now" in page
    assert "never read" in (await owner.get(f"{BASE}/knowledge")).text
    taken = await owner.send(new, {**data, "environment": "sandbox"})
    assert taken.status_code == 422
    assert "there is a source of this name already" in taken.text


@pytest.mark.parametrize(
    "data, source",
    [
        (
            {"sort": "site", "url": "https://a.example/help", "max_pages": "20", "max_depth": "0", "include": "/help/"},
            {
                "type": "site",
                "site": {"url": "https://a.example/help", "max_pages": 20, "max_depth": 0, "include": ["/help/"]},
            },
        ),
        ({"sort": "folder", "filter": "guests"}, {"type": "folder", "filter": "guests"}),
        (
            {"sort": "zendesk", "connection": "help-centre", "filter": "label:guests"},
            {"type": "connection", "connection": "help-centre", "filter": "label:guests"},
        ),
        ({"sort": "shopify", "connection": "shop"}, {"type": "connection", "connection": "shop"}),
    ],
)
async def test_each_sort_of_source_becomes_its_body(
    owner: Visitor, data: dict[str, str], source: dict[str, Any]
) -> None:
    place = f"{BASE}/knowledge/sources/new?sort={data['sort']}"
    assert (await owner.get(place)).status_code == 200
    reply = await owner.send(f"{BASE}/knowledge/sources/new", {**data, "name": "Help", "environment": "sandbox"})
    assert reply.status_code == 303, reply.text
    assert (await body_of(owner, "knowledge/help"))["source"] == source


@pytest.mark.parametrize(
    "data, says",
    [
        ({"sort": "urls", "name": "A", "urls": ""}, "needs their addresses"),
        ({"sort": "site", "name": "A", "url": "nowhere"}, "https://"),
        ({"sort": "zendesk", "name": "A"}, "needs its name"),
        ({"sort": "upload", "name": "!"}, "give the source a name"),
        ({"sort": "nonsense", "name": "A"}, "choose what it is"),
    ],
)
async def test_a_source_that_cannot_be_read_is_refused(owner: Visitor, data: dict[str, str], says: str) -> None:
    reply = await owner.send(f"{BASE}/knowledge/sources/new", {**data, "environment": "sandbox"})
    assert reply.status_code == 422
    assert says in reply.text


async def test_a_source_that_cannot_be_synced_says_why(owner: Visitor) -> None:
    await owner.put("knowledge/house", {"name": "House", "source": {"type": "urls", "urls": ["https://a.example/x"]}})
    place = f"{BASE}/knowledge/sources/house"
    assert (await owner.send(place, {"ref": "draft:sandbox", "list": "1"})).status_code == 303
    project = await owner.stage.desk.projects.load(await owner.call(), "hotel")
    await owner.stage.desk.syncs.wait(project.project.id, "house")
    page = (await owner.get(place)).text
    assert "no way out" in page
    assert "failed" in page
    assert (await owner.get(f"{BASE}/knowledge/sources/none")).status_code == 404


async def test_a_document_is_listed_pinned_and_taken_off_in_the_draft(owner: Visitor) -> None:
    await owner.put("knowledge/house", {"name": "House", "source": {"type": "upload"}})
    await owner.send(f"{BASE}/knowledge", {"id": "rules", "title": "Rules", "text": "Quiet after ten."})
    place, listing = f"{BASE}/knowledge/document?id=rules", f"{BASE}/knowledge/listing"
    assert "No version and no draft of yours lists it" in (await owner.get(place)).text
    assert (await owner.send(listing, {"id": "rules", "list": "sandbox/house"})).status_code == 303
    assert (await body_of(owner, "knowledge/house"))["documents"] == [{"document": "rules", "title": "Rules"}]
    await owner.send(listing, {"id": "rules", "pin": "sandbox/house"})
    assert (await body_of(owner, "knowledge/house"))["documents"][0]["pinned"].startswith("sha256:")
    assert "pinned" in (await owner.get(place)).text
    await owner.send(listing, {"id": "rules", "unpin": "sandbox/house"})
    assert "pinned" not in (await body_of(owner, "knowledge/house"))["documents"][0]
    await owner.send(listing, {"id": "rules", "unlist": "sandbox/house"})
    assert not (await body_of(owner, "knowledge/house")).get("documents")
    again = await owner.send(listing, {"id": "rules", "unlist": "sandbox/house"})
    assert again.status_code == 422
    assert "does not list" in again.text
    assert (await owner.send(listing, {"id": "rules"})).status_code == 422
    assert (await owner.send(listing, {"id": "rules", "list": "sandbox/none"})).status_code == 404


async def test_what_changed_since_a_version_was_published_is_marked_where_it_is_listed(owner: Visitor) -> None:
    await owner.send(f"{BASE}/knowledge", {"id": "rules", "title": "Rules", "text": "Quiet after ten."})
    await owner.put("knowledge/house", {"name": "House", "documents": [{"document": "rules"}]})
    desk, call = owner.stage.desk, await owner.call()
    await desk.publishing.publish(call, "hotel", "sandbox", PublishRequest("The house rules are known"))
    await desk.releases.promote(call, "hotel", "pre-release", PromoteRequest(2, 1, 2))
    page = f"{BASE}/knowledge"
    assert "changed since" not in (await owner.get(page)).text
    edit = {"id": "rules", "title": "Rules", "text": "Quiet after nine.", "revision": "1"}
    saved = await owner.send(f"{page}/document", {**edit, "known": "1"})
    assert saved.status_code == 303, saved.text
    assert "changed since" in (await owner.get(page)).text
    assert "changed since v2" in (await owner.get(f"{page}/document?id=rules")).text


async def test_several_files_are_added_and_those_that_are_not_are_told(owner: Visitor) -> None:
    place = f"{BASE}/knowledge"
    files = [
        ("file", ("prices.txt", b"Dogs cost 12 pounds.", "text/plain")),
        ("file", ("old.doc", b"\xd0\xcf\x11\xe0 old", "application/msword")),
        ("file", ("rules.md", b"# Rules\n\nQuiet after ten.", "text/markdown")),
    ]
    reply = await owner.client.post(
        place, data={"csrf": csrf_token(owner.token)}, files=files, headers={"origin": HOST}
    )
    assert reply.status_code == 303
    page = (await owner.get(place)).text
    assert "prices.txt" in page
    assert "rules.md" in page
    assert "old.doc" in page, "said once, in the message"
    again = await owner.upload(place, "prices.txt", b"Dogs cost 14 pounds.", {})
    assert again.status_code == 422
    assert "already" in again.text
    taken = await owner.send(place, {"id": "prices.txt", "text": "Something else"})
    assert taken.status_code == 422
    assert "open it below to change it" in taken.text


async def test_a_new_file_takes_the_place_of_a_documents_text(owner: Visitor) -> None:
    place = f"{BASE}/knowledge"
    await owner.send(place, {"id": "rules", "title": "Rules", "text": "Quiet after ten."})
    data = {"id": "rules", "title": "Rules", "text": "ignored", "revision": "1"}
    reply = await owner.upload(f"{place}/document", "new.md", b"Quiet after eight.", data)
    assert reply.status_code == 303, reply.text
    assert "Quiet after eight." in (await owner.get(f"{place}/document?id=rules")).text


# Test runs.


async def run(owner: Visitor, ref: str) -> str:
    begun = await owner.send(f"{BASE}/tests", {"ref": ref, "sets_from": "draft:sandbox"})
    id_ = begun.headers["location"].rpartition("/")[2]
    await owner.stage.desk.test_runs.wait(TestRunId(id_))
    return id_


async def test_two_runs_side_by_side_say_what_broke_and_what_is_mended(owner: Visitor) -> None:
    cases = [
        {"id": "noon", "name": "Noon", "turns": [{"say": "Can I check out late?", "expect": {"contains": "noon"}}]},
        {"id": "two", "name": "Two", "turns": [{"say": "Can I check out late?", "expect": {"contains": "two"}}]},
        {"id": "topic", "turns": [{"say": "Can I check out late?", "expect": {"topic": "late-checkout"}}]},
    ]
    await owner.put("test_set/smoke", {"name": "Smoke", "cases": cases})
    before = await run(owner, "live")
    desk, call = owner.stage.desk, await owner.call()
    view = await desk.content.load(call, "hotel", Address("topic", "late-checkout"), "draft:sandbox")
    body = {**view.body, "content": "You can stay until two."}
    await desk.drafts.save(call, "hotel", "sandbox", view.address, body, view.revision)
    after = await run(owner, "draft:sandbox")
    page = (await owner.get(f"{BASE}/tests/compare?base={before}&head={after}")).text
    assert "1 case that passed no longer does" in page
    assert "1 mended" in page
    assert "1 the same" in page
    assert "late-checkout" not in BeautifulSoup(page, "lxml").select_one("tbody").text  # pyright: ignore[reportOptionalMemberAccess]
    picked = (await owner.get(f"{BASE}/tests/compare?pick={after}&pick={before}")).text
    assert "1 case that passed no longer does" in picked, "the older one is on the left, whatever was ticked first"
    assert (await owner.get(f"{BASE}/tests/compare?pick={after}")).status_code == 404
    through = (await owner.get(f"{BASE}/tests/sets/smoke")).text
    assert through.count("2 passed") == 2
    assert "as in your draft" in through
    assert (await owner.get(f"{BASE}/tests/sets/none")).status_code == 404
    assert f"base={before}" in (await owner.get(f"{BASE}/tests/{after}")).text
