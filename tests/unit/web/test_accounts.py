"""Signing in by password and looking after one's own account, in a browser without a window."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx2
import pytest

from greenroom.domain.access import Principal
from greenroom.kinds import KINDS
from greenroom.ports import Reachable
from greenroom.providers.clock import SystemClock
from greenroom.services.access import csrf_token
from greenroom.services.desk import Desk
from greenroom.storage.memory import MemoryStore
from greenroom.web.app import build_web
from greenroom.web.forms import stay_here
from tests.support.passwords import QuickPasswords

HOST = "http://desk.test"
NAME, SECRET = "ann@hotel.test", "four blue horses"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Visits:
    """A desk, its owner, and browsers."""

    def __init__(self, desk: Desk, owner: Principal) -> None:
        self.desk, self.owner = desk, owner
        self.web = build_web(desk)

    def browser(self, address: str = "192.0.2.1") -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=self.web, client=(address, 4711))
        headers = {"origin": HOST, "user-agent": FIREFOX}
        return httpx2.AsyncClient(transport=transport, base_url=HOST, headers=headers)

    async def by_link(self, browser: httpx2.AsyncClient) -> httpx2.Response:
        return await browser.post(f"/sign-in/{await self.desk.access.make_link(self.owner)}")


@pytest.fixture
async def visits() -> Visits:
    desk = Desk(MemoryStore(), SystemClock(), KINDS, {}, Reachable(passwords=QuickPasswords()))
    return Visits(desk, await desk.access.found_workspace(None))


@pytest.fixture
async def browser(visits: Visits) -> AsyncIterator[httpx2.AsyncClient]:
    async with visits.browser() as client:
        yield client


async def send(browser: httpx2.AsyncClient, path: str, **data: str) -> httpx2.Response:
    return await browser.post(path, data={**data, "csrf": csrf_token(browser.cookies.get("gr_session") or "")})


async def set_password(browser: httpx2.AsyncClient, **more: str) -> httpx2.Response:
    return await send(browser, "/account", **{"set": "1", "name": NAME, "password": SECRET, "again": SECRET, **more})


async def sign_in(browser: httpx2.AsyncClient, **more: str) -> httpx2.Response:
    return await browser.post("/sign-in", data={"name": NAME, "password": SECRET, **more})


async def test_who_set_a_password_comes_in_with_it_and_goes_on_where_they_wanted(
    visits: Visits, browser: httpx2.AsyncClient
) -> None:
    await visits.by_link(browser)
    before = browser.cookies["gr_session"]
    assert (await set_password(browser)).headers["location"] == "/account"
    assert browser.cookies["gr_session"] != before
    assert (await browser.get("/account")).status_code == 200
    async with visits.browser() as other:
        asked = await other.get("/keys?x=1")
        assert asked.status_code == 401
        back = re.search(r'name="next" value="([^"]+)"', asked.text)
        assert back
        assert back[1] == "/keys?x=1"
        reply = await sign_in(other, next=back[1])
        assert (reply.status_code, reply.headers["location"]) == (303, "/keys?x=1")
        assert (await other.get("/keys")).status_code == 200


async def test_every_wrong_pair_is_answered_alike(visits: Visits, browser: httpx2.AsyncClient) -> None:
    await visits.by_link(browser)
    await set_password(browser)
    replies = []
    pairs = ({"password": "wrong"}, {"name": "bob@hotel.test"}, {"name": "", "password": ""})
    for number, pair in enumerate(pairs):
        async with visits.browser(f"192.0.2.{number + 2}") as other:
            reply = await sign_in(other, **pair)
            assert "set-cookie" not in reply.headers
            assert SECRET not in reply.text
            replies.append((reply.status_code, re.sub(r'(id="f-name"[^>]* value=)"[^"]*"', r"\1", reply.text)))
    assert {status for status, _ in replies} == {401}
    assert len({text for _, text in replies}) == 1


async def test_too_many_tries_are_told_when_to_come_again(visits: Visits, browser: httpx2.AsyncClient) -> None:
    statuses = [(await sign_in(browser)).status_code for _ in range(5)]
    assert statuses == [401] * 5
    spoofs = ({}, {"x-forwarded-for": "203.0.113.9"}, {"forwarded": "for=203.0.113.9"}, {"x-real-ip": "203.0.113.9"})
    for spoof in spoofs:
        reply = await browser.post("/sign-in", data={"name": "bob", "password": "x"}, headers=spoof)
        assert reply.status_code == 429
        assert 1 <= int(reply.headers["retry-after"]) <= 13
    await visits.by_link(browser)
    assert (await browser.get("/account")).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.test"}, {"sec-fetch-site": "cross-site"}, {"referer": "http://evil.test/x"}]
)
async def test_nobody_is_signed_in_by_another_site(
    visits: Visits, browser: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    await visits.by_link(browser)
    await set_password(browser)
    async with visits.browser() as other:
        reply = await other.post("/sign-in", data={"name": NAME, "password": SECRET}, headers=headers)
        assert reply.status_code == 401
        assert "set-cookie" not in reply.headers


async def test_a_cookie_is_for_this_site_alone_and_for_tls_where_there_is_tls(visits: Visits) -> None:
    async with visits.browser() as browser:
        plain = (await visits.by_link(browser)).headers["set-cookie"]
        assert "HttpOnly" in plain
        assert "SameSite=lax" in plain
        assert "Path=/" in plain
        assert "Domain" not in plain
        assert "Secure" not in plain
    async with visits.browser() as browser:
        browser.headers["origin"] = "https://desk.test"
        assert "Secure" in (await visits.by_link(browser)).headers["set-cookie"]


async def test_what_is_wrong_stands_beside_its_field_and_no_password_comes_back(
    visits: Visits, browser: httpx2.AsyncClient
) -> None:
    await visits.by_link(browser)
    for field, sent in {
        "again": {"again": "another one altogether"},
        "password": {"password": "short", "again": "short"},
        "name": {"name": "a b"},
    }.items():
        reply = await set_password(browser, **sent)
        assert reply.status_code == 422
        assert f'id="f-{field}-wrong"' in reply.text
        assert SECRET not in reply.text
        assert "short" not in reply.text
    assert (await set_password(browser)).status_code == 303
    reply = await set_password(browser, current="a guess")
    assert 'id="f-current-wrong"' in reply.text


async def test_browsers_are_shown_by_name_and_signed_out(visits: Visits, browser: httpx2.AsyncClient) -> None:
    await visits.by_link(browser)
    async with visits.browser() as phone:
        phone.headers["user-agent"] = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1"
        await visits.by_link(phone)
        page = (await browser.get("/account")).text
        assert "Firefox on Linux" in page
        assert "Safari on iPhone" in page
        which = re.search(r'name="out" value="([0-9a-f]{16})" aria-label="Sign out Safari on iPhone"', page)
        assert which
        assert (await send(browser, "/account", out=which[1])).status_code == 303
        assert (await phone.get("/")).status_code == 401
        await visits.by_link(phone)
        assert (await send(browser, "/account", out="others")).headers["location"] == "/account"
        assert (await phone.get("/")).status_code == 401
    mine = re.search(r'name="out" value="([0-9a-f]{16})"', (await browser.get("/account")).text)
    assert mine
    assert (await send(browser, "/account", out=mine[1])).headers["location"] == "/sign-in"
    assert (await browser.get("/account")).status_code == 401


async def test_after_signing_out_the_old_cookie_opens_nothing(visits: Visits, browser: httpx2.AsyncClient) -> None:
    await visits.by_link(browser)
    kept = browser.cookies["gr_session"]
    assert "no-store" in (await browser.get("/")).headers["cache-control"], "the back button shows nothing"
    out = await send(browser, "/sign-out")
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert (await browser.get("/", headers={"cookie": f"gr_session={kept}"})).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "//evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "http://evil.test",
        "https:evil.test",
        "javascript:alert(1)",
        "/\t/evil.test",
        "/\n/evil.test",
        "/ /evil.test",
        " //evil.test",
        "evil.test",
        "",
        "/\u2215evil.test",
        "@evil.test",
    ],
)
async def test_after_signing_in_one_is_still_here(visits: Visits, browser: httpx2.AsyncClient, path: str) -> None:
    assert stay_here(path) == "/"
    await visits.by_link(browser)
    await set_password(browser)
    assert (await sign_in(browser, next=path)).headers["location"] == "/"


@pytest.mark.parametrize("path", ["/", "/projects/hotel?x=//y&z=http://a", "/projects/hotel/build/topic/a%20b"])
def test_a_path_of_ours_is_kept(path: str) -> None:
    assert stay_here(path) == path
