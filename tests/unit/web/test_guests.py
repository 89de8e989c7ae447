"""A share link opens a page where somebody without an account talks to one environment, and nothing more."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import structlog

from greenroom.domain.access import Principal
from greenroom.domain.ids import PrincipalId
from greenroom.services import guests
from greenroom.services.conversations import Beginning
from greenroom.services.guests import BURST, EVERY_MS
from greenroom.services.work import Call
from greenroom.web.app import build_web
from tests.support.api import HOME, Stage
from tests.support.payloads import find_made
from tests.unit.web.visitor import HOST, furnished, visiting

CALL = Call(Principal(PrincipalId("mem_1"), HOME, "Ann", "owner"), "r")


@pytest.fixture
async def stage() -> Stage:
    return await furnished()


async def make_link(stage: Stage, project: str = "hotel") -> tuple[str, str]:
    """Returns the address of a new link's page, and its id."""
    until = stage.desk.clock.now() + timedelta(days=7)
    made = await stage.desk.share_links.create(CALL, project, "live", until, "Board")
    await stage.desk.traffic.refresh()
    return f"/try/{made.token}", made.link.id


@asynccontextmanager
async def browsing(stage: Stage) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=build_web(stage.desk))
    headers = {"origin": HOST}
    async with httpx2.AsyncClient(transport=transport, base_url=HOST, headers=headers, follow_redirects=True) as client:
        yield client


def kept(guest: httpx2.AsyncClient) -> str:
    """Returns what the browser keeps of its conversation."""
    return next(cookie.value or "" for cookie in guest.cookies.jar if cookie.name == "gr_talk")


async def test_a_guest_talks_to_the_environment_that_the_link_leads_to(stage: Stage) -> None:
    place, link = await make_link(stage)
    async with browsing(stage) as guest:
        assert "Begin the conversation" in (await guest.get(place)).text
        begun = await guest.post(place, data={"begin": "1"})
        assert begun.status_code == 200
        said = (await guest.post(place, data={"text": "When is late check-out?"})).text
        assert "When is late check-out?" in said
        assert said.count('class="said"') == 2
        assert "v1" not in said, "a guest is told of no versions"
        assert (await guest.get(place)).text.count('class="said"') == 2
    found = await stage.desk.conversations.list(CALL, "hotel", None, 50, environment="live")
    mine = [view.conversation for view in found if view.conversation.entry.get("by") == "share_link"]
    assert [(talk.entry["link"], talk.turns, talk.origin) for talk in mine] == [(link, 2, "public")]


async def test_looking_begins_nothing(stage: Stage) -> None:
    place, _ = await make_link(stage)
    before = stage.contents()
    async with browsing(stage) as guest:
        for _ in range(3):
            assert (await guest.get(place)).status_code == 200
    assert stage.contents() == before


async def test_a_guest_reads_and_says_nothing_in_what_others_hold(stage: Stage) -> None:
    place, _ = await make_link(stage)
    second, _ = await make_link(stage)
    public, _ = await stage.desk.conversations.start(CALL, "hotel", Beginning(environment="live"))
    async with browsing(stage) as guest, browsing(stage) as other, browsing(stage) as mate:
        await other.post(second, data={"begin": "1"})
        await other.post(second, data={"text": "My name is Ada Lovelace"})
        await mate.post(place, data={"begin": "1"})
        await mate.post(place, data={"text": "My name is Ada Lovelace"})
        theirs, mates = kept(other), kept(mate)
        mine = "x" * 40
        for id_ in (theirs, mates, public.conversation.id, stage.facts["conversation"], "cnv_none", "\x7f" * 200):
            guest.cookies.set("gr_talk", f"{id_.partition('.')[0]}.{mine}", domain="desk.test", path=place)
            page = await guest.get(place)
            assert "Begin the conversation" in page.text, id_
            assert "Ada" not in page.text
            refused = await guest.post(place, data={"text": "hello"})
            assert refused.status_code == 409, id_
            assert "Begin the conversation" in refused.text
            assert "Not said: hello" in refused.text
        guest.cookies.set("gr_talk", theirs, domain="desk.test", path=place)
        assert "Ada" not in (await guest.get(place)).text, "a conversation of another link, with its secret"
    for id_ in (theirs, mates, public.conversation.id):
        view, _ = await stage.desk.conversations.load(CALL, id_.partition(".")[0], -1, 1)
        assert view.conversation.turns == (1 if id_ == public.conversation.id else 2), id_


async def test_a_guest_who_begins_again_is_the_same_user(stage: Stage) -> None:
    place, _ = await make_link(stage)
    async with browsing(stage) as guest, browsing(stage) as other:
        for who in (guest, guest, other):
            await who.post(place, data={"begin": "1"})
        secret = kept(guest).partition(".")[2]
    found = await stage.desk.conversations.list(CALL, "hotel", None, 3)
    users = [view.conversation.sticky_key for view in reversed(found)]
    assert users[0] == users[1] != users[2]
    assert secret not in str(users)


async def test_a_link_lets_nobody_into_the_desk(stage: Stage) -> None:
    place, _ = await make_link(stage)
    async with browsing(stage) as guest:
        await guest.post(place, data={"begin": "1"})
        for path in ("/", "/projects/hotel", "/projects/hotel/conversations", "/keys"):
            assert (await guest.get(path)).status_code == 401, path


async def test_a_link_that_is_over_or_unknown_leads_nowhere_and_says_so(stage: Stage) -> None:
    place, link = await make_link(stage)
    async with browsing(stage) as guest:
        await guest.post(place, data={"begin": "1"})
        await stage.desk.share_links.revoke(CALL, "hotel", link)
        for reply in (await guest.get(place), await guest.post(place, data={"text": "hello"})):
            assert reply.status_code == 404
            assert "was revoked" in reply.text
        token = place.rpartition("/")[2]
        wrong = [f"/try/{token[:-1]}", f"/try/{token}x", f"/try/{link}", "/try/x", f"/try/{'x' * 300}", "/try/%00"]
        for path in wrong:
            assert (await guest.get(path)).status_code == 404, path


async def test_a_form_of_another_site_says_nothing(stage: Stage) -> None:
    place, _ = await make_link(stage)
    async with browsing(stage) as guest:
        await guest.post(place, data={"begin": "1"})
        for headers in ({"origin": "http://evil.test"}, {"sec-fetch-site": "cross-site"}):
            reply = await guest.post(place, data={"text": "hello"}, headers=headers)
            assert reply.status_code == 401
        assert "hello" not in (await guest.get(place)).text


async def test_an_environment_that_serves_nothing_begins_nothing(stage: Stage) -> None:
    await stage.desk.projects.create(CALL, "Empty", "empty", "pipeline")
    place, _ = await make_link(stage, "empty")
    async with browsing(stage) as guest:
        reply = await guest.post(place, data={"begin": "1"})
        assert reply.status_code == 409
        assert "serves nothing yet" in reply.text
        assert "Begin the conversation" in reply.text


async def test_what_a_guest_says_stays_a_text(stage: Stage) -> None:
    place, _ = await make_link(stage)
    async with browsing(stage) as guest:
        await guest.post(place, data={"begin": "1"})
        for text in ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'):
            page = (await guest.post(place, data={"text": text})).text
            assert find_made(page) == [], text


async def test_too_much_by_one_link_waits_and_others_do_not(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "BURST", 3)
    place, _ = await make_link(stage)
    other, _ = await make_link(stage)
    async with browsing(stage) as guest:
        await guest.post(place, data={"begin": "1"})
        seen = [(await guest.post(place, data={"text": f"hello {n}"})) for n in range(4)]
        late = seen[-1]
        assert late.status_code == 429, [reply.status_code for reply in seen]
        assert int(late.headers["retry-after"]) >= 1
        assert 'value="hello 3"' in late.text, "what was typed is kept"
        assert (await guest.post(other, data={"begin": "1"})).status_code == 200
    assert BURST * 1000 / EVERY_MS > 60


async def test_the_cookie_is_for_the_link_alone(stage: Stage) -> None:
    place, _ = await make_link(stage)
    async with browsing(stage) as guest:
        reply = await guest.post(place, data={"begin": "1"}, follow_redirects=False)
        cookie = reply.headers["set-cookie"]
        assert f"Path={place}" in cookie
        assert "HttpOnly" in cookie
        assert reply.headers["location"] == f"{place}#last"


async def test_a_fault_is_logged_without_the_token(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("planted")

    place, _ = await make_link(stage)
    monkeypatch.setattr(stage.desk.guests, "welcome", fail)
    transport = httpx2.ASGITransport(app=build_web(stage.desk), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=HOST) as guest:
        with structlog.testing.capture_logs() as logs:
            assert (await guest.get(place)).status_code == 500
    secret = place.rpartition(".")[2]
    assert logs
    assert not any(secret in str(line["path"]) for line in logs)
    assert [line["path"] for line in logs] == ["/try/•••"]


async def test_making_a_link_shows_where_a_browser_opens_it(stage: Stage) -> None:
    async with visiting(stage) as owner:
        page = (await owner.send("/projects/hotel/traffic/share-links", {"environment": "live", "days": "7"})).text
    address = re.search(r'<pre class="secret-once">([^<]+)</pre>', page)
    assert address
    assert address[1].startswith(f"{HOST}/try/")
    async with browsing(stage) as guest:
        assert (await guest.get(address[1])).status_code == 200
