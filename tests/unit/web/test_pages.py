"""The pages: signing in once, what they show, what they refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from greenroom.services.plans import PublishRequest
from greenroom.web.app import build_web
from tests.unit.services.story import CHECKOUT, Story, begin, topic

HOST = "http://desk.test"


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
    for path in ("/", "/projects/hotel"):
        reply = await browser.get(path)
        assert reply.status_code == 401
        assert "Hotel" not in reply.text


async def test_a_form_of_another_site_is_refused(story: Story, browser: httpx2.AsyncClient) -> None:
    link = await story.desk.access.make_link(story.owner)
    for headers in ({"origin": "http://evil.test"}, {"sec-fetch-site": "cross-site"}):
        reply = await browser.post(f"/sign-in/{link}", headers=headers)
        assert reply.status_code == 401
    assert (await browser.post(f"/sign-in/{link}", headers={"origin": HOST})).status_code == 303


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
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "Owner published v1: Late check-out" in page.text
    home = await browser.get("/")
    assert "serves nothing yet" in home.text
    assert "<strong>v1</strong>" in home.text


async def test_every_page_keeps_to_itself(story: Story, browser: httpx2.AsyncClient) -> None:
    await sign_in(story, browser)
    for path in ("/", "/nothing-here", "/projects/none", "/static/greenroom.css"):
        headers = (await browser.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "script-src" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


async def test_unknown_pages_say_so(story: Story, browser: httpx2.AsyncClient) -> None:
    await sign_in(story, browser)
    for path in ("/nothing-here", "/projects/none"):
        reply = await browser.get(path)
        assert reply.status_code == 404
        assert "Not found" in reply.text
