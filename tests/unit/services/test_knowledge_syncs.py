"""Sources are read from real local servers: sites with traps, lists of pages, folders, Zendesk, Shopify."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from greenroom.domain.connections import Connection
from greenroom.domain.errors import Conflict, NotFound, Refused
from greenroom.ports import OutboundRequest, OutboundResponse
from greenroom.providers.parsers import SafeParser
from greenroom.services import crawling
from tests.support.knowledge import Reply, Request, list_in_draft, page, serving, sync, telling
from tests.unit.services.story import Story

NOINDEX = '<meta name="robots" content="noindex">'
ROBOTS = "User-agent: *\nDisallow: /private\n"


def site(pages: dict[str, Any]) -> Any:
    def answer(request: Request) -> Reply:
        found = pages.get(request.path, Reply("gone", 404))
        found = found(request) if callable(found) else found
        return found if isinstance(found, Reply) else Reply(found)

    return answer


async def documents(story: Story) -> list[str]:
    return [each.id for each in await story.desk.knowledge.list_documents(story.call(), "hotel", None, 200)]


async def test_a_site_is_read_within_its_limits_and_its_traps_are_avoided() -> None:
    def calendar(request: Request) -> str:
        day = int(request.query.get("day", ["0"])[0])
        return page("Day", f"Nothing on day {day}.", f"/calendar?day={day + 1}", f"/calendar?day={day + 2}")

    pages = {
        "/robots.txt": ROBOTS,
        "/": page(
            "Home", "Welcome to the harbour.", "/pool", "/pool#hours", "/pool?utm_source=x", "/private/plan", "/loop",
            "/calendar?day=0", "/circle/", "https://elsewhere.example/", "/huge", "/noindex", "/copy", "mailto:a@b.c",
            "/admin/x", "//127.0.0.1:1/", "javascript:alert(1)", "http://[bad",
        ),
        "/pool": page("Pool", "The pool opens at seven.", "/deep"),
        "/copy": page("Pool again", "The pool opens at seven."),
        "/deep": page("Deep", "Far down."),
        "/loop": Reply("", 302, {"Location": "/loop"}),
        "/calendar": calendar,
        "/huge": Reply(b"x" * 6_000_000, headers={"Content-Type": "text/plain"}),
        "/noindex": page("Secret", "Not to be found.").replace("<title>", f"{NOINDEX}<title>"),
        "/map-only": page("Map", "Only the map knows me."),
        "/sitemap.xml": "<urlset><url><loc>BASE/map-only</loc></url><url><loc>https://x.example/</loc></url></urlset>",
    }  # fmt: skip

    def circle(request: Request) -> str:
        return page("Circle", f"Round {len(request.path)}.", request.path + "circle/")

    def answer(request: Request) -> Reply:
        if request.path.startswith("/circle/"):
            return Reply(circle(request))
        found = site(pages)(request)
        if isinstance(found.body, str):
            found = Reply(found.body.replace("BASE", base), found.status, found.headers)
        return found

    async with telling() as story, serving(answer) as (base, seen):
        facts = {"url": f"{base}/", "max_depth": 4, "exclude": ["/admin/"], "max_pages": 60}
        await list_in_draft(story, source={"type": "site", "site": facts})
        state = await sync(story, list_documents=True)
        asked = [request.path for request in seen]
        found = await documents(story)
    assert state.state == "finished", state
    assert {"faq/pool", "faq/index", "faq/deep", "faq/map-only"} <= set(found)
    assert asked.count("/pool") == 1
    assert not {"/private/plan", "/admin/x"} & set(asked)
    assert not {"faq/noindex", "faq/huge", "faq/copy"} & set(found)
    assert sum(path == "/calendar" for path in asked) <= crawling.MAX_QUERIES
    assert sum(path.startswith("/circle/") for path in asked) <= crawling.MAX_REPEATS + 1
    assert {"leads" in m or "redirects" in m or "larger" in m for _, m in state.errors} == {True}


async def test_a_redirect_is_not_followed_before_the_robots_of_where_it_leads_allow_it() -> None:
    def elsewhere(request: Request) -> Reply:
        return Reply(page("Else", "Another host."))

    pages: dict[str, Any] = {
        "/robots.txt": ROBOTS,
        "/": page("Home", "Welcome.", "/plan", "/away", "/hop", "/pool"),
        "/plan": Reply("", 302, {"Location": "/private/plan"}),
        "/private/plan": page("Plan", "Not for robots."),
        "/hop": Reply("", 301, {"Location": "/hop2"}),
        "/hop2": Reply("", 307, {"Location": "/spa"}),
        "/spa": page("Spa", "Warm."),
        "/pool": page("Pool", "Seven."),
    }
    async with telling() as story, serving(elsewhere) as (other, strangers), serving(site(pages)) as (base, seen):
        pages["/away"] = Reply("", 302, {"Location": f"{other}/private/x"})
        pages["/sitemap.xml"] = Reply("", 302, {"Location": f"{other}/sitemap.xml"})
        await list_in_draft(story, source={"type": "site", "site": {"url": base}})
        state = await sync(story)
        assert await documents(story) == ["faq/index", "faq/pool", "faq/spa"]
    assert "/private/plan" not in [request.path for request in seen]
    assert strangers == [], "a page of another site was fetched before anybody looked where it is"
    assert [message for _, message in state.errors] == ["leads to another site, 127.0.0.1"]


async def test_each_origin_of_a_site_has_its_own_robots() -> None:
    asked: list[str] = []
    bodies: dict[str, tuple[int, tuple[tuple[str, str], ...], str]] = {
        "http://hotel.example/robots.txt": (200, (), ""),
        "http://hotel.example/": (200, (), page("Home", "Welcome.", "/spa", "https://www.hotel.example/staff")),
        "http://hotel.example/spa": (301, (("Location", "https://www.hotel.example/spa"),), ""),
        "https://www.hotel.example/robots.txt": (200, (), "User-agent: *\nDisallow: /spa\nDisallow: /staff\n"),
        "https://www.hotel.example/spa": (200, (), page("Spa", "Warm.")),
        "https://www.hotel.example/staff": (200, (), page("Staff", "Nobody's business.")),
    }

    class Told:
        async def fetch(self, request: OutboundRequest) -> OutboundResponse:
            asked.append(request.url)
            status, headers, body = bodies.get(request.url, (404, (), ""))
            return OutboundResponse(status, headers, body.encode(), request.url)

        async def close(self) -> None: ...

    parser = SafeParser()
    crawl = crawling.Crawl(Told(), parser, crawling.Site("http://hotel.example/"), pause=0.0)
    steps = [step async for step in crawl.steps()]
    await parser.close()
    assert [step.page.url for step in steps if step.page] == ["http://hotel.example/"]
    assert asked.index("https://www.hotel.example/robots.txt") == len(asked) - 1
    assert not {"https://www.hotel.example/spa", "https://www.hotel.example/staff"} & set(asked)


async def test_a_second_sync_finds_what_changed_and_lists_it_in_the_draft() -> None:
    pages: dict[str, Any] = {
        "/": page("Home", "Welcome.", "/pool", "/sauna"),
        "/pool": page("Pool", "Seven."),
        "/sauna": page("Sauna", "Hot."),
    }
    async with telling() as story, serving(site(pages)) as (base, _):
        await list_in_draft(story, source={"type": "site", "site": {"url": base}})
        first = await sync(story, list_documents=True)
        assert (first.added, first.done, first.errors) == (3, 3, ())
        pages["/pool"], pages["/"] = page("Pool", "Eight."), page("Home", "Welcome.", "/pool", "/bar")
        pages["/bar"] = page("Bar", "Drinks.")
        del pages["/sauna"]
        second = await sync(story)
        assert (second.added, second.changed, second.removed, second.unchanged) == (1, 1, 1, 1)
        assert await documents(story) == ["faq/bar", "faq/index", "faq/pool"]
        found = await story.desk.knowledge.search(story.call(), "hotel", "draft:sandbox", "When does the pool open?")
        assert found.passages[0].text == "Eight."


async def test_a_site_that_is_down_loses_nothing() -> None:
    pages: dict[str, Any] = {"/": page("Home", "Welcome.", "/pool"), "/pool": page("Pool", "Seven.")}
    async with telling() as story, serving(site(pages)) as (base, _):
        await list_in_draft(story, source={"type": "site", "site": {"url": base}})
        await sync(story)
        pages["/pool"] = Reply("", 500)
        state = await sync(story)
        assert (state.removed, len(state.errors)) == (0, 1)
        pages["/robots.txt"] = Reply("", 500)
        assert (await sync(story)).removed == 0
        assert len(await documents(story)) == 2


async def test_addresses_inside_are_not_reached() -> None:
    async with telling() as story:
        await list_in_draft(story, source={"type": "site", "site": {"url": "http://169.254.169.254/latest/"}})
        state = await sync(story)
        assert state.state == "failed"
        assert "169.254.169.254" in state.note


async def test_a_busy_page_is_asked_again_when_it_says() -> None:
    calls: list[int] = []

    def busy(request: Request) -> Reply:
        calls.append(1)
        return Reply("", 429, {"Retry-After": "0"}) if len(calls) < 3 else Reply(page("Pool", "Seven."))

    async with telling() as story, serving(site({"/pool": busy})) as (base, _):
        await list_in_draft(story, source={"type": "urls", "urls": [f"{base}/pool", f"{base}/none"]})
        state = await sync(story)
    assert (state.added, state.done, state.of, len(calls)) == (1, 2, 2, 3)
    assert state.errors[0][1] == "answered with status 404"


async def test_a_folder_is_read_and_nothing_beside_it(tmp_path: Path) -> None:
    root = tmp_path / "knowledge"
    (root / "rules").mkdir(parents=True)
    (tmp_path / "outside.md").write_text("Secret.")
    (root / "rules" / "pets.md").write_text("# Pets\n\nDogs are welcome.")
    (root / "rules" / ".hidden.md").write_text("Hidden.")
    (root / "rules" / "link.md").symlink_to(tmp_path / "outside.md")
    (root / "rules" / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    async with telling(folder=root) as story:
        await list_in_draft(story, source={"type": "folder", "filter": "rules"})
        state = await sync(story)
        assert await documents(story) == ["faq/rules/pets.md"]
        assert (state.added, len(state.errors)) == (1, 1)
        await list_in_draft(story, source={"type": "folder", "filter": "../"})
        assert (await sync(story)).state == "failed"


async def test_one_sync_at_a_time_and_uploads_have_none() -> None:
    async with telling() as story, serving(site({"/": page("Home", "Welcome.")})) as (base, _):
        await list_in_draft(story, source={"type": "site", "site": {"url": base}})
        await story.desk.knowledge.sync(story.call(), "hotel", "faq")
        with pytest.raises(Conflict):
            await story.desk.knowledge.sync(story.call(), "hotel", "faq")
        await story.desk.syncs.close()
        (source,) = await story.desk.knowledge.list_sources(story.call(), "hotel")
        assert source.sync is not None
        assert source.sync.state == "interrupted"
        assert (await sync(story)).state == "finished"
        with pytest.raises(NotFound):
            await story.desk.knowledge.sync(story.call(), "hotel", "none")
        await list_in_draft(story, "own", source={"type": "upload"})
        assert (await sync(story, "own")).state == "failed"


async def test_zendesk_is_read_page_by_page_with_its_token() -> None:
    turns: list[int] = []

    def articles(request: Request) -> Reply:
        pair = base64.b64encode(b"ada@h.example/token:zen-key-123").decode()
        assert request.headers["authorization"] == f"Basic {pair}"
        turns.append(1)
        if len(turns) == 2:
            return Reply({"error": "APIRateLimitExceeded"}, 429, {"Retry-After": "0"})
        second = "page[after]" in request.query
        number = 2 if second else 1
        article = {
            "id": number, "title": f"Article {number}", "body": f"<p>Answer {number}.</p>", "draft": False,
            "html_url": f"https://h.example/{number}", "locale": "en-us", "label_names": ["spa"],
        }  # fmt: skip
        draft = {**article, "id": 9, "draft": True}
        after = f"{base}{request.path}?page[size]=100&page[after]=x"
        return Reply({"articles": [article, draft], "meta": {"has_more": not second}, "links": {"next": after}})

    path = "/api/v2/help_center/en-us/articles.json"
    async with telling() as story, serving(site({path: articles})) as (base, _):
        await story.desk.secrets.set(story.call(), "hotel", "ZENDESK_KEY", "zen-key-123")
        wanted = Connection("help", "zendesk", base_url=base, secret="ZENDESK_KEY", settings={"user": "ada@h.example"})
        await story.desk.connections.save(story.call(), "hotel", wanted, "*")
        await list_in_draft(story, source={"type": "connection", "connection": "help", "filter": "locale:en-us"})
        state = await sync(story)
        assert (state.state, state.added, len(turns)) == ("finished", 2, 3), state
        assert await documents(story) == ["faq/article-1", "faq/article-2"]
        view = await story.desk.knowledge.load_document(story.call(), "hotel", "faq/article-1")
        assert (view.text, view.document.title, view.document.tags) == ("Answer 1.", "Article 1", ("spa",))


async def test_shopify_is_read_part_by_part_as_its_points_allow() -> None:
    throttled: list[int] = []

    def ask(request: Request) -> Reply:
        if request.headers["x-shopify-access-token"] != "shp-key-123":
            return Reply({"errors": "Invalid API key"}, 401)
        if not throttled:
            throttled.append(1)
            cost = {"requestedQueryCost": 10, "throttleStatus": {"currentlyAvailable": 5, "restoreRate": 100}}
            errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
            return Reply({"errors": errors, "extensions": {"cost": cost}})
        query, after = request.json["query"], request.json["variables"]["after"]
        if "products(" in query:
            price = {"amount": "20.0", "currencyCode": "EUR"}
            node = {
                "handle": "robe-2" if after else "robe", "title": "Robe", "descriptionHtml": "<p>Warm.</p>",
                "productType": "Textile", "tags": ["spa"],
                "priceRangeV2": {"minVariantPrice": price, "maxVariantPrice": price},
            }  # fmt: skip
            info = {"hasNextPage": after is None, "endCursor": "c1"}
            return Reply({"data": {"products": {"nodes": [node], "pageInfo": info}}})
        if "pages(" in query:
            node = {"handle": "about", "title": "About", "body": "<p>Since 1900.</p>", "isPublished": True}
            return Reply({"data": {"pages": {"nodes": [node], "pageInfo": {"hasNextPage": False}}}})
        policy = {"type": "REFUND_POLICY", "title": "Refunds", "body": "<p>Within 30 days.</p>", "url": "https://s/r"}
        return Reply({"data": {"shop": {"shopPolicies": [policy]}}})

    async with telling() as story, serving(ask) as (base, _):
        await story.desk.secrets.set(story.call(), "hotel", "SHOP_KEY", "shp-key-123")
        wanted = Connection("shop", "shopify", base_url=base, secret="SHOP_KEY")
        await story.desk.connections.save(story.call(), "hotel", wanted, "*")
        await list_in_draft(story, source={"type": "connection", "connection": "shop"})
        state = await sync(story)
        assert (state.state, state.added) == ("finished", 4), state
        view = await story.desk.knowledge.load_document(story.call(), "hotel", "faq/product-robe")
        assert "Price: 20.0 EUR" in (view.text or "")
        await story.desk.secrets.set(story.call(), "hotel", "SHOP_KEY", "wrong-key-123")
        state = await sync(story)
        assert (state.state, state.removed) == ("failed", 0)
        assert "does not let us in" in state.note
        assert "wrong-key-123" not in state.note


async def test_what_is_due_is_read_in_the_background() -> None:
    from datetime import timedelta

    from greenroom.services.publishing import PublishRequest

    async with telling() as story, serving(site({"/": page("Home", "Welcome.")})) as (base, _):
        source = {"type": "site", "site": {"url": base}}
        await list_in_draft(story, source=source, refresh={"every_hours": 2})
        now = story.desk.clock.now()
        assert await story.desk.syncs.sync_due(now) == 0
        request = PublishRequest(note="The site is read every two hours")
        await story.desk.publishing.publish(story.call(), "hotel", "sandbox", request)
        assert await story.desk.syncs.sync_due(now) == 1
        project = (await story.desk.projects.load(story.call(), "hotel")).project
        await story.desk.syncs.wait(project.id, "faq")
        assert await story.desk.syncs.sync_due(now + timedelta(hours=1)) == 0
        assert await story.desk.syncs.sync_due(now + timedelta(hours=3)) == 1
        await story.desk.syncs.wait(project.id, "faq")


async def test_a_missing_connection_is_said(tmp_path: Path) -> None:
    async with telling() as story:
        await list_in_draft(story, source={"type": "connection", "connection": "none"})
        state = await sync(story)
        assert (state.state, "no connection 'none'" in state.note) == ("failed", True)
    assert Refused
