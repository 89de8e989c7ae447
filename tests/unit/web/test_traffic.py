"""Traffic in the browser: the split and what it would move, testers, share links, why somebody is where they are."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from greenroom.services.conversations import Beginning
from greenroom.services.splits import ShareRequest, SplitRequest
from tests.support.api import HOME
from tests.support.splits import delete_place, open_place
from tests.unit.web.visitor import Visitor, furnished, visiting

BASE = "/projects/hotel"
TRAFFIC = f"{BASE}/traffic"


@pytest.fixture
async def owner() -> AsyncIterator[Visitor]:
    """An owner of a hotel with the environments live, b and c, which serve v1, and nothing set."""
    stage = await furnished()
    for alias in ("b", "c"):
        await open_place(stage.store, HOME, "hotel", alias, 1)
    async with visiting(stage) as found:
        yield found


async def shares(visitor: Visitor) -> dict[str, float]:
    view = await visitor.stage.desk.splits.load(await visitor.call(), "hotel")
    return {view.aliases[share.environment]: share.weight / 100 for share in view.split.shares}


async def set_split(visitor: Visitor, seen: str, note: str = "", **weights: float) -> None:
    wanted = [ShareRequest(alias, weight) for alias, weight in weights.items()]
    await visitor.stage.desk.splits.set(await visitor.call(), "hotel", SplitRequest(wanted, None, note), seen)


def field_of(page: str, alias: str) -> str:
    found = re.search(rf'name="w:{alias}"[^>]* value="([^"]*)"', page)
    assert found, alias
    return found[1]


async def test_without_a_split_all_goes_to_one_environment_and_the_internal_ones_are_named_as_not_possible(
    owner: Visitor,
) -> None:
    await open_place(owner.stage.store, HOME, "hotel", "empty", None)
    page = (await owner.get(TRAFFIC)).text
    assert "Never set: all of it goes to Live" in page
    assert [field_of(page, alias) for alias in ("live", "b", "c")] == ["100", "", ""]
    assert 'name="w:sandbox"' not in page
    barred = page[page.index("Cannot have a share") :]
    assert "internal: the public is never led there" in barred
    assert "serves nothing yet; release a version there first" in barred
    assert "there is nothing to compare" in page
    assert "Restart the assignment" not in page
    assert "The split was never set." in page


async def test_what_would_move_is_said_before_anything_is_saved(owner: Visitor) -> None:
    typed = {"seen": "*", "w:live": "90", "w:b": "10", "look": "1"}
    page = (await owner.send(TRAFFIC, typed)).text
    assert "About 10 % of callers move from Live to B; everybody else stays." in page
    assert "1 running conversation stays where it is to the end." in page
    assert field_of(page, "b") == "10"
    assert await shares(owner) == {"live": 100}
    part = (await owner.send(f"{TRAFFIC}/movement", {**typed, "w:live": "33,33", "w:b": "66.67"})).text
    assert "About 66.67 % of callers move" in part
    assert "<html" not in part
    wrong = (await owner.send(f"{TRAFFIC}/movement", {**typed, "w:live": "80"})).text
    assert "10 % are missing" in wrong


async def test_a_split_is_saved_and_the_next_page_says_so(owner: Visitor) -> None:
    done = await owner.send(TRAFFIC, {"seen": "*", "w:live": "90", "w:b": "10 %", "w:c": "", "note": "B tries"})
    assert (done.status_code, done.headers["location"]) == (303, TRAFFIC)
    assert await shares(owner) == {"live": 90, "b": 10}
    page = (await owner.get(TRAFFIC)).text
    assert "New conversations: Live 90 %, B 10 %." in page
    assert "B tries" in page
    assert "10 % moved" in page
    assert f'hx-get="{TRAFFIC}/results"' in page
    results = await owner.get(f"{TRAFFIC}/results")
    assert "Not enough data yet." in results.text
    assert "Live has 0 of at least 100 callers; B has 0 of at least 100 callers" in results.text
    assert (await owner.stage.desk.traffic.resolve(await owner.call(), "hotel", "ada", None)).reason.startswith(
        "split 1 of hotel"
    ), "it holds at once"


@pytest.mark.parametrize(
    "typed, told",
    [
        ({"w:live": "90", "w:b": "9"}, "the weights sum to 99 %, not to 100 %: 1 % are missing"),
        ({"w:live": "90", "w:b": "ten"}, "is no weight: 0 to 100 percent with at most two decimals"),
        ({"w:live": "90", "w:b": "9.999", "w:c": "0.001"}, "is no weight"),
        ({"w:b": "100"}, "environment must stay one of the shares"),
        ({"w:live": "90", "w:sandbox": "10"}, "sandbox is internal"),
        ({"w:live": "100", "note": "x" * 501}, "at most 500 characters"),
    ],
)
async def test_a_split_that_cannot_be_is_refused_and_what_was_typed_stays(
    owner: Visitor, typed: dict[str, str], told: str
) -> None:
    refused = await owner.send(TRAFFIC, {"seen": "*", **typed})
    assert refused.status_code == 422
    assert told in refused.text
    for name, value in typed.items():
        if name in ("w:live", "w:b"):
            assert field_of(refused.text, name[2:]) == value
    assert await shares(owner) == {"live": 100}


async def test_a_wrong_weight_is_told_beside_its_own_field(owner: Visitor) -> None:
    page = (await owner.send(TRAFFIC, {"seen": "*", "w:live": "90", "w:b": "", "w:c": "lots"})).text
    assert re.search(r'id="w-c"[^>]*aria-invalid="true"', page)
    assert not re.search(r'id="w-live"[^>]*aria-invalid="true"', page)
    assert 'id="w-c-wrong"' in page


async def test_a_stale_save_keeps_what_was_typed_says_what_is_there_and_can_be_meant(owner: Visitor) -> None:
    await set_split(owner, "*", "From the other room", live=70, c=30)
    typed = {"seen": "*", "w:live": "90", "w:b": "10", "note": "Mine"}
    refused = await owner.send(TRAFFIC, typed)
    assert refused.status_code == 422
    assert "Somebody changed the split meanwhile." in refused.text
    assert re.search(r"It is now live 70 %, c 30 %, set .* by Ms home_owner: From the other room", refused.text)
    assert (field_of(refused.text, "live"), field_of(refused.text, "b")) == ("90", "10")
    assert 'value="Mine"' in refused.text
    assert await shares(owner) == {"live": 70, "c": 30}
    seen = re.search(r'name="seen" value="([^"]+)"', refused.text)
    assert seen
    assert (await owner.send(TRAFFIC, {**typed, "seen": seen[1]})).status_code == 303
    assert await shares(owner) == {"live": 90, "b": 10}


async def test_a_form_that_says_not_what_it_saw_changes_nothing(owner: Visitor) -> None:
    refused = await owner.send(TRAFFIC, {"w:live": "90", "w:b": "10"})
    assert refused.status_code == 422
    assert await shares(owner) == {"live": 100}


async def test_what_conversations_stick_by_draws_everybody_anew_and_says_so(owner: Visitor) -> None:
    await set_split(owner, "*", live=80, b=20)
    typed = {"seen": "1", "w:live": "80", "w:b": "20", "sticky_key": "conversation"}
    part = (await owner.send(f"{TRAFFIC}/movement", typed)).text
    assert "Everybody is drawn anew: about 16 % of new conversations move from" in part
    assert "the others happen to stay" in part
    assert (await owner.send(TRAFFIC, typed)).status_code == 303
    assert (await owner.stage.desk.splits.load(await owner.call(), "hotel")).split.sticky_key == "conversation"


async def test_the_assignment_is_restarted_only_when_it_is_confirmed_with_a_reason(owner: Visitor) -> None:
    await set_split(owner, "*", live=80, b=20)
    place = f"{TRAFFIC}/restart"
    asked = await owner.get(place)
    assert "The weights stay: <strong>Live 80 %, B 20 %</strong>" in asked.text
    assert "It cannot be undone" in asked.text
    splits, call = owner.stage.desk.splits, await owner.call()
    salt = (await splits.load(call, "hotel")).split.salt
    for sent in (
        {"seen": "1", "reason": "New test"},
        {"seen": "1", "confirm": "1", "reason": " "},
        {"seen": "7", "confirm": "1", "reason": "New test"},
    ):
        refused = await owner.send(place, sent)
        assert refused.status_code == 422
        assert (await splits.load(call, "hotel")).split.salt == salt
    assert (await owner.send(place, {"seen": "1", "confirm": "1", "reason": "New test"})).status_code == 303
    after = (await splits.load(call, "hotel")).split
    assert after.salt != salt
    assert await shares(owner) == {"live": 80, "b": 20}
    assert "all drawn anew" in (await owner.get(TRAFFIC)).text


async def test_the_history_is_paged_and_earlier_weights_are_put_into_the_form(owner: Visitor) -> None:
    await set_split(owner, "*", "first", live=90, b=10)
    for number in range(1, 55):
        await set_split(owner, str(number), f"step {number + 1}", live=80 + number % 2, b=20 - number % 2)
    page = (await owner.get(TRAFFIC)).text
    assert "step 55" in page
    assert "step 49" not in page
    first = (await owner.get(f"{TRAFFIC}/history")).text
    older = re.search(r'href="\?before=(\d+)"', first)
    assert older
    last = (await owner.get(f"{TRAFFIC}/history?before={older[1]}")).text
    assert ">first<" in last
    again = (await owner.get(f"{TRAFFIC}?again=1")).text
    assert "These are the weights of split 1" in again
    assert (field_of(again, "live"), field_of(again, "b")) == ("90", "10")
    assert (await shares(owner))["live"] == 80


async def test_a_share_of_a_deleted_environment_does_not_break_the_page(owner: Visitor) -> None:
    await set_split(owner, "*", live=80, b=20)
    await delete_place(owner.stage.store, HOME, "hotel", "b")
    page = await owner.get(TRAFFIC)
    assert page.status_code == 200
    assert 'name="w:b"' not in page.text
    assert (await owner.get(f"{TRAFFIC}?again=1")).status_code == 200
    assert (await owner.get(f"{TRAFFIC}/restart")).status_code == 422


async def test_who_may_not_split_reads_it_and_is_offered_nothing(owner: Visitor) -> None:
    await set_split(owner, "*", live=80, b=20)
    async with visiting(owner.stage, "publisher") as publisher:
        page = (await publisher.get(TRAFFIC)).text
        assert "80 %" in page
        for word in ("Save the split", "Restart the assignment", "Use these weights", 'name="w:'):
            assert word not in page
        for path in ("", "/movement", "/restart"):
            sent = {"seen": "1", "w:live": "100", "confirm": "1", "reason": "mine"}
            assert (await publisher.send(TRAFFIC + path, sent)).status_code == 403
        assert (await publisher.get(f"{TRAFFIC}/restart")).status_code == 403
    assert await shares(owner) == {"live": 80, "b": 20}


async def test_why_says_where_somebody_will_be_led_step_by_step(owner: Visitor) -> None:
    await set_split(owner, "*", live=0, b=100)
    page = await owner.send(f"{TRAFFIC}/why", {"user": "ada"})
    assert page.status_code == 200
    assert "The traffic key, the user id, is at slot" in page.text
    assert "which b owns with 100 % of all slots" in page.text
    assert "b serves v1 to everybody" in page.text
    assert 'value="ada"' in page.text
    nobody = (await owner.send(f"{TRAFFIC}/why", {})).text
    assert "One of several environments" in nobody
    assert "every conversation is drawn anew" in nobody
    wrong = await owner.send(f"{TRAFFIC}/why", {"link": "lnk_none.secret"})
    assert wrong.status_code == 422
    assert "this is no share link of this project" in wrong.text


async def test_why_explains_a_conversation_of_this_project_alone(owner: Visitor) -> None:
    await set_split(owner, "*", live=0, b=100)
    desk, call = owner.stage.desk, await owner.call()
    begun, _ = await desk.conversations.start(call, "hotel", Beginning(user_id="ada"))
    await set_split(owner, "1", live=100)
    page = (await owner.send(f"{TRAFFIC}/why", {"conversation": begun.conversation.id})).text
    assert "It came by the default entry, which followed the split." in page
    assert "The split has changed once since" in page
    await owner.send("/projects/new", {"name": "Other"})
    for project, id_ in (("other", begun.conversation.id), ("hotel", "cnv_nobody")):
        refused = await owner.send(f"/projects/{project}/traffic/why", {"conversation": id_})
        assert refused.status_code == 422
        assert "there is no conversation" in refused.text


async def test_a_tester_is_added_masked_led_and_removed(owner: Visitor) -> None:
    place = f"{TRAFFIC}/testers"
    assert "No testers yet" in (await owner.get(place)).text
    sent = {"kind": "user_id", "who": "ada-lovelace", "environment": "sandbox", "label": "QA <b>Ada</b>"}
    assert (await owner.send(place, sent)).status_code == 303
    page = (await owner.get(place)).text
    assert "ada…ace" in page
    assert "ada-lovelace" not in page
    assert "QA &lt;b&gt;Ada" in page
    decided = await owner.stage.desk.traffic.resolve(await owner.call(), "hotel", "ada-lovelace", None)
    assert decided.environment == "sandbox"
    assert "Nobody tests here" in (await owner.get(f"{place}?environment=live")).text
    id_ = re.search(r'name="remove" value="([^"]+)"', page)
    assert id_
    assert (await owner.send(place, {"remove": id_[1]})).status_code == 303
    assert "No testers yet" in (await owner.get(place)).text
    again = await owner.send(place, {"remove": id_[1]})
    assert again.status_code == 422


@pytest.mark.parametrize(
    "sent, told",
    [
        ({"kind": "caller", "who": " ", "environment": "b"}, "is 1 to 200 characters"),
        ({"kind": "user_id", "who": "x" * 201, "environment": "b"}, "is 1 to 200 characters"),
        ({"kind": "user_id", "who": "ada", "environment": "nowhere"}, "has no environment"),
        ({"kind": "user_id", "who": "ada", "environment": "b", "label": "y" * 121}, "at most 120 characters"),
    ],
)
async def test_a_tester_that_cannot_be_is_refused_and_what_was_typed_stays(
    owner: Visitor, sent: dict[str, str], told: str
) -> None:
    refused = await owner.send(f"{TRAFFIC}/testers", sent)
    assert refused.status_code == 422
    assert told in refused.text
    assert f'value="{sent["who"].strip()}' in refused.text


async def test_testers_are_paged(owner: Visitor) -> None:
    call = await owner.call()
    for number in range(101):
        await owner.stage.desk.testers.add(call, "hotel", "b", user_id=f"user-{number:04}", caller=None)
    page = (await owner.get(f"{TRAFFIC}/testers")).text
    assert page.count('name="remove"') == 100
    more = re.search(r'href="\?after=([^"]+)"', page)
    assert more
    assert (await owner.get(f"{TRAFFIC}/testers?after={more[1]}")).text.count('name="remove"') == 1


async def test_a_share_link_is_shown_once_leads_and_is_revoked(owner: Visitor) -> None:
    place = f"{TRAFFIC}/share-links"
    assert "No share links yet" in (await owner.get(place)).text
    made = await owner.send(place, {"environment": "sandbox", "days": "14", "label": "Board"})
    assert made.status_code == 200
    address = re.search(r'class="secret-once">([^<]+)<', made.text)
    assert address
    token = address[1].rpartition("/")[2]
    page = (await owner.get(place)).text
    assert "Board" in page
    assert token not in page
    assert token.partition(".")[2] not in page
    for link in (address[1], token):
        told = (await owner.send(f"{TRAFFIC}/why", {"link": link})).text
        assert "The share link leads to sandbox past the split." in told
    id_ = re.search(r'name="revoke" value="([^"]+)"', page)
    assert id_
    assert (await owner.send(place, {"revoke": id_[1]})).status_code == 303
    page = (await owner.get(place)).text
    assert "revoked" in page
    assert 'name="revoke"' not in page
    over = await owner.send(f"{TRAFFIC}/why", {"link": token})
    assert over.status_code == 422
    assert "was revoked on" in over.text


@pytest.mark.parametrize(
    "sent, told",
    [
        ({"environment": "b", "until": "2020-01-01T10:00"}, "must be in the future"),
        ({"environment": "b", "until": "2199-01-01T10:00"}, "at most 90 days from now"),
        ({"environment": "b", "until": "soon"}, "is a date and a time"),
        ({"environment": "b", "days": "91"}, "at most 90 days from now"),
        ({"environment": "nowhere", "days": "7"}, "has no environment"),
        ({"environment": "b", "days": "7", "label": "y" * 121}, "at most 120 characters"),
    ],
)
async def test_a_share_link_that_cannot_be_is_refused(owner: Visitor, sent: dict[str, str], told: str) -> None:
    refused = await owner.send(f"{TRAFFIC}/share-links", sent)
    assert refused.status_code == 422
    assert told in refused.text
    assert "No share links yet" in (await owner.get(f"{TRAFFIC}/share-links")).text


async def test_a_viewer_sees_testers_and_links_and_changes_none(owner: Visitor) -> None:
    before = owner.stage.contents()
    async with visiting(owner.stage, "viewer") as viewer:
        for path in ("testers", "share-links", "why", "history"):
            page = await viewer.get(f"{TRAFFIC}/{path}")
            assert page.status_code == 200
            assert "Add the tester" not in page.text
            assert "Make the link" not in page.text
        tester = {"kind": "user_id", "who": "ada", "environment": "b"}
        assert (await viewer.send(f"{TRAFFIC}/testers", tester)).status_code == 403
        assert (await viewer.send(f"{TRAFFIC}/share-links", {"environment": "b", "days": "7"})).status_code == 403
    assert owner.stage.contents() == before


async def test_results_stand_beside_the_weights_since_the_last_change(owner: Visitor) -> None:
    await set_split(owner, "*", live=50, b=50)
    desk, call = owner.stage.desk, await owner.call()
    for number in range(6):
        await desk.conversations.start(call, "hotel", Beginning(user_id=f"user-{number}"))
    page = (await owner.get(f"{TRAFFIC}/results")).text
    counted = re.findall(r'class="figures"><strong>(\d+)</strong>', page[page.index("Conversations<span") :])[:2]
    assert sum(map(int, counted)) == 6
    assert "only conversations that came in by the split are compared" in page.lower()
    assert (await owner.get(f"{TRAFFIC}/results?days=30")).status_code == 200
    part = await owner.client.get(f"{TRAFFIC}/results", headers={"hx-request": "true"})
    assert "<html" not in part.text
