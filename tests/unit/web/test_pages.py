"""The pages: signing in once, what they show, what they refuse."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator

import httpx2
import pytest

from greenroom.services.access import csrf_token
from greenroom.services.plans import PublishRequest
from greenroom.web.app import build_web
from greenroom.web.rendering import STATIC
from tests.unit.services.story import CHECKOUT, Story, begin, topic

HOST = "http://desk.test"
VENDORED = {
    "htmx-4.0.1.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
}


@pytest.fixture
async def story() -> Story:
    return await begin()


@pytest.fixture
async def browser(story: Story) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=build_web(story.desk))
    async with httpx2.AsyncClient(transport=transport, base_url=HOST) as client:
        yield client


async def sign_in(story: Story, browser: httpx2.AsyncClient) -> httpx2.Response:
    link = await story.desk.access.make_link(story.owner)
    return await browser.post(f"/sign-in/{link}")


async def test_a_link_signs_in_once_and_only_by_its_button(story: Story, browser: httpx2.AsyncClient) -> None:
    link = await story.desk.access.make_link(story.owner)
    for _ in range(2):
        asked = await browser.get(f"/sign-in/{link}")
        assert asked.status_code == 200
        assert "set-cookie" not in asked.headers
    first = await browser.post(f"/sign-in/{link}")
    assert first.status_code == 303
    assert "HttpOnly" in first.headers["set-cookie"]
    assert "SameSite=lax" in first.headers["set-cookie"]
    second = await browser.post(f"/sign-in/{link}")
    assert second.status_code == 401


async def test_without_a_session_nothing_is_shown(story: Story, browser: httpx2.AsyncClient) -> None:
    await story.make_project()
    for path in ("/", "/projects/hotel", "/projects/hotel/environments", "/projects/hotel/go?q=a"):
        reply = await browser.get(path)
        assert reply.status_code == 401
        assert "Hotel" not in reply.text


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.test"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
async def test_a_form_of_another_site_is_refused(
    story: Story, browser: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    link = await story.desk.access.make_link(story.owner)
    assert (await browser.post(f"/sign-in/{link}", headers=headers)).status_code == 401
    assert (await browser.post(f"/sign-in/{link}", headers={"origin": HOST})).status_code == 303
    token = csrf_token(browser.cookies["gr_session"])
    reply = await browser.post("/projects/new", data={"name": "Mine", "csrf": token}, headers=headers)
    assert reply.status_code == 401
    assert not await story.desk.projects.list(story.call(), "", 10)


async def test_a_form_without_its_token_is_refused(story: Story, browser: httpx2.AsyncClient) -> None:
    await sign_in(story, browser)
    for data in ({"name": "Mine"}, {"name": "Mine", "csrf": "0" * 64}):
        assert (await browser.post("/projects/new", data=data)).status_code == 403
    assert not await story.desk.projects.list(story.call(), "", 10)
    good = {"name": "Mine", "csrf": csrf_token(browser.cookies["gr_session"])}
    assert (await browser.post("/projects/new", data=good)).headers["location"] == "/projects/mine"


async def test_no_two_pages_carry_the_same_token_and_each_is_taken(story: Story, browser: httpx2.AsyncClient) -> None:
    await sign_in(story, browser)
    found = [re.search(r'name="csrf" value="([0-9a-f]{128})"', (await browser.get("/")).text) for _ in range(2)]
    tokens = [match[1] for match in found if match]
    assert len(set(tokens)) == 2
    for name, token in zip(("one", "two"), tokens, strict=True):
        assert (await browser.post("/projects/new", data={"name": name, "csrf": token})).status_code == 303
    for wrong in (tokens[0][:-2] + "00", tokens[0][:64], "é" * 64, "0" * 128):
        assert (await browser.post("/projects/new", data={"name": "x", "csrf": wrong})).status_code == 403


async def test_what_was_typed_stays_where_a_form_is_refused(story: Story, browser: httpx2.AsyncClient) -> None:
    await sign_in(story, browser)
    data = {"name": "Front <b>desk", "slug": "Not A Slug", "csrf": csrf_token(browser.cookies["gr_session"])}
    reply = await browser.post("/projects/new", data=data)
    assert reply.status_code == 422
    assert 'value="Front &lt;b&gt;desk"' in reply.text
    assert re.search(r'name="slug"[^>]* value="Not A Slug"[^>]* aria-invalid="true"', reply.text)
    assert "cannot be a project&#39;s slug" in reply.text


async def test_signing_out_ends_the_session_on_the_server(story: Story, browser: httpx2.AsyncClient) -> None:
    await sign_in(story, browser)
    token = browser.cookies["gr_session"]
    assert (await browser.get("/")).status_code == 200
    await browser.post("/sign-out")
    assert await story.desk.access.find_session(token) is None
    assert (await browser.get("/")).status_code == 401


async def test_a_project_shows_what_is_served_and_what_happened(story: Story, browser: httpx2.AsyncClient) -> None:
    await sign_in(story, browser)
    await story.make_project()
    await story.save(CHECKOUT, topic("Until noon."))
    note = "Late check-out <script>alert(1)</script> until noon"
    await story.desk.publishing.publish(story.call(), "hotel", "sandbox", PublishRequest(note))
    page = await browser.get("/projects/hotel")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "Owner published v1: Late check-out" in page.text
    assert "Nothing is live yet" in page.text
    home = await browser.get("/")
    assert "<strong>v1</strong>" in home.text


async def test_every_page_keeps_to_itself(story: Story, browser: httpx2.AsyncClient) -> None:
    await sign_in(story, browser)
    for path in ("/", "/nothing-here", "/projects/none", "/static/tokens.css"):
        headers = (await browser.get(path)).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'"), path
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"


async def test_no_page_needs_an_inline_script_or_style(story: Story) -> None:
    templates = sorted((STATIC.parent / "templates").rglob("*.html"))
    assert templates
    for file in templates:
        text = file.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on|<script(?! src=)", text), file.name
        assert "|safe" not in text, file.name


async def test_unknown_pages_say_so(story: Story, browser: httpx2.AsyncClient) -> None:
    await sign_in(story, browser)
    await story.make_project()
    unknown = ("/nothing-here", "/projects/none", "/projects/hotel/environments/none", "/projects/hotel/versions/9")
    for path in unknown:
        reply = await browser.get(path)
        assert reply.status_code == 404, path
        assert "Not found" in reply.text


async def test_the_theme_is_kept_and_comes_back_to_the_page(story: Story, browser: httpx2.AsyncClient) -> None:
    await sign_in(story, browser)
    headers = {"referer": f"{HOST}/projects/hotel?x=1"}
    reply = await browser.post("/theme", data={"theme": "dark"}, headers=headers)
    assert reply.headers["location"] == "/projects/hotel?x=1"
    assert 'data-theme="dark"' in (await browser.get("/")).text
    foreign = await browser.post("/theme", data={"theme": "light"}, headers={"referer": "//evil.test//x"})
    assert foreign.status_code == 401
    odd = await browser.post("/theme", data={"theme": "neon"}, headers={"referer": f"{HOST}//evil.test/x"})
    assert odd.headers["location"] == "/"
    assert 'data-theme="auto"' in (await browser.get("/")).text


async def test_files_are_kept_for_ever_under_their_hash_and_packed(story: Story, browser: httpx2.AsyncClient) -> None:
    await sign_in(story, browser)
    page = (await browser.get("/")).text
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    total = 0
    for address in addresses:
        reply = await browser.get(address, headers={"accept-encoding": "gzip"})
        assert reply.status_code == 200, address
        assert "immutable" in reply.headers["cache-control"]
        assert reply.headers["content-encoding"] == "gzip"
        total += int(reply.headers["content-length"])
    assert total < 60_000, "first load: scripts, styles and icon, compressed"
    assert (await browser.get("/static/../app.py")).status_code == 404


def test_what_others_wrote_is_what_they_wrote() -> None:
    folder = STATIC / "vendor"
    scripts = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.js")}
    assert scripts == VENDORED
    assert "Permission to use, copy, modify" in (folder / "htmx-LICENSE.txt").read_text()
