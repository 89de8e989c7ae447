"""Nothing that somebody stored, typed or put into an address becomes part of a page: 200 texts in every place.

Pages are parsed, and whatever is in them that no template of ours made is named. tests/browser/test_stored_scripts.py
looks at some of it in a real browser, with our policy and without it.
"""

from __future__ import annotations

import base64
import inspect
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from urllib.parse import quote, unquote

import httpx2
import jinja2
import pytest
from lxml import html
from starlette.routing import Route

from greenroom.domain.access import Principal
from greenroom.importers.polyai import read_project
from greenroom.kinds import KINDS
from greenroom.ports import Reachable
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.providers.parsers import SafeParser
from greenroom.services.access import csrf_token
from greenroom.services.desk import Desk
from greenroom.services.work import Call
from greenroom.storage.memory import MemoryStore
from greenroom.web import door
from greenroom.web.app import build_web
from tests.browser.furnish_payloads import Payloads, payload_archive
from tests.browser.hotel import BASE, furnish_whole, list_pages
from tests.support.passwords import QuickPasswords
from tests.support.payloads import PAYLOADS, PLACES, PORTIONS, find_made
from tests.unit.web.routes import list_routes

HOST = "http://desk.test"
PLAIN = Payloads(PAYLOADS).plain


class House:
    """A desk, and a browser that is signed in to it."""

    def __init__(self, desk: Desk, owner: Principal, client: httpx2.AsyncClient) -> None:
        self.desk, self.owner, self.client = desk, owner, client

    async def see(self, path: str) -> str:
        """Returns a page, after looking that it is one."""
        reply = await self.client.get(path)
        assert reply.status_code in (200, 404, 422), (reply.status_code, path)
        return reply.text

    async def send(self, path: str, data: dict[str, str], **more: object) -> httpx2.Response:
        token = csrf_token(self.client.cookies.get("gr_session") or "")
        return await self.client.post(path, data={**data, "csrf": token}, **more)  # pyright: ignore[reportArgumentType]


@asynccontextmanager
async def open_house() -> AsyncIterator[House]:
    parts = Reachable(cipher=EnvelopeCipher("key"), parser=SafeParser(), passwords=QuickPasswords())
    desk = Desk(MemoryStore(), SystemClock(), KINDS, {"polyai": read_project}, parts)
    owner = await desk.access.found_workspace(None)
    transport = httpx2.ASGITransport(app=build_web(desk))
    async with httpx2.AsyncClient(transport=transport, base_url=HOST, headers={"origin": HOST}) as client:
        await client.post(f"/sign-in/{await desk.access.make_link(owner)}")
        yield House(desk, owner, client)


def shown(page: str) -> str:
    """Returns all that a page says, in its texts and in its attributes, in one line."""
    tree = html.fromstring(page)
    said = [str(tree.text_content()), *(str(value) for each in tree.iter() for value in each.attrib.values())]
    return squeezed(" ".join(said))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


async def find_bad(house: House, paths: Iterable[str]) -> dict[str, list[str]]:
    """Returns what was found on which page."""
    found = {path: find_made(await house.see(path)) for path in paths}
    return {path: made for path, made in found.items() if made}


async def list_sinks(house: House) -> dict[str, list[str]]:
    """Returns where each sort of text is shown: together the pages must hold every payload."""
    call = Call(house.owner, "sinks")
    found = await house.desk.conversations.list(call, "hotel", None, 50)
    talks = [view.conversation.id for view in found]
    first = next(view.conversation.id for view in found if view.conversation.tags)
    run = (await house.desk.test_runs.list(call, "hotel", None, 1))[0].id
    topics = [f"t{number}" for number in range(len(PAYLOADS))]
    return {
        "names and texts in an editor": [f"{BASE}/build/topic/{slug}" for slug in topics[1:]]
        + [f"{BASE}/build?ref=v1"],
        "names and texts of a version": [f"{BASE}/build/topic/{slug}?ref=v3" for slug in topics],
        "names in a list": [f"{BASE}/build?kind=topic&ref=v1", f"{BASE}/build?kind=topic&ref=v1&after=topic/t189"],
        "both sides of a comparison": [f"{BASE}/compare?base=v1&head=draft:sandbox"],
        "one text under another": [f"{BASE}/compare?base=v1&head=draft:sandbox&view=unified"],
        "code": [f"{BASE}/build/function/find_invoice"],
        "what users say": [f"{BASE}/conversations/{id_}" for id_ in talks],
        "what users say in a chat": [f"{BASE}/chat/{id_}" for id_ in talks],
        "notes on a conversation": [f"{BASE}/conversations/{first}"],
        "tickets": [f"{BASE}/tickets?status=all"],
        "rows of a table": [f"{BASE}/tables/rooms"],
        "a document": [f"{BASE}/knowledge/document?id=house-rules"],
        "results of tests": [f"{BASE}/tests/{run}"],
        "keys": ["/keys"],
        "browsers": ["/account"],
        "details of a version": [f"{BASE}/versions/{number}" for number in (1, 2, 3)],
    }


async def follow_all(house: House, path: str) -> str:
    """Returns what a list says on all its pages."""
    said, seen = "", set[str]()
    while path not in seen and len(seen) < 12:
        seen.add(path)
        page = await house.see(path)
        assert find_made(page) == [], path
        said += shown(page)
        more = re.findall(r'href="([^"]*[?&;](?:after|before|start)=[^"]*)"', page)
        if more:
            link = more[-1].replace("&amp;", "&")
            path = link if link.startswith("/") else f"{path.partition('?')[0]}{link}"
    return said


def test_each_text_would_be_found_wherever_it_is_not_escaped() -> None:
    found = {place: {text for text in PAYLOADS if find_made(frame.format(text))} for place, frame in PLACES.items()}
    assert len(set(PAYLOADS)) >= 200
    assert set[str]().union(*found.values()) == set(PAYLOADS)
    assert all(len(texts) >= 20 for texts in found.values()), {place: len(texts) for place, texts in found.items()}


def test_a_text_that_stays_a_text_is_not_found() -> None:
    for place in ("text", "double", "title", "textarea", "option"):
        for text in (*PAYLOADS, *PORTIONS):
            escaped = str(jinja2.Environment(autoescape=True).from_string("{{ it }}").render(it=text))
            assert find_made(PLACES[place].format(escaped)) == [], (place, text)


async def test_no_stored_text_becomes_part_of_a_page() -> None:
    async with open_house() as house:
        await Payloads(PAYLOADS).furnish(house.desk, house.owner)
        pages = await list_pages(house.desk, house.owner)
        assert await find_bad(house, pages.values()) == {}
        names = await house.client.get(f"{BASE}/build/find?kinds=topic&q={quote('<')}")
        assert names.headers["content-type"] == "application/json"
        for name, paths in (await list_sinks(house)).items():
            said = "".join([await follow_all(house, path) for path in paths])
            missing = [
                text
                for text, plain in zip(PAYLOADS, PLAIN, strict=True)
                if squeezed(text) not in said and squeezed(plain) not in said
            ]
            assert missing == [], f"{name}: {len(missing)} are not shown"
        seen = {route.path for route in list_routes(house.client) for path in pages.values() if matches(route, path)}
        unseen = {route.path for route in list_routes(house.client) if "GET" in (route.methods or ())} - seen
        assert unseen <= NO_PAGES, "put the page into tests/browser/hotel.py, list_pages"


NO_PAGES = {
    "/static/{name:path}",
    "/sign-in/{token}",
    "/projects/{slug}/go",
    "/projects/{slug}/live",
    "/projects/{slug}/places",
    "/projects/{slug}/build/find",
    "/projects/{slug}/evaluations/{name}/progress",
    "/projects/{slug}/versions/{number}/export",
    "/projects/{slug}/tables/{table}/export",
}
"""What answers GET without a page, or with a part of one; parts are looked at below."""


def matches(route: Route, path: str) -> bool:
    return bool(route.path_regex.match(path.partition("?")[0])) and "GET" in (route.methods or ())


@pytest.mark.parametrize("template", ["conversations/_turn.html", "keys/list.html", "comparisons/compare.html"])
async def test_a_planted_hole_is_found(monkeypatch: pytest.MonkeyPatch, template: str) -> None:
    whole = door.make_templates

    def make_leaky(assets: object) -> jinja2.Environment:
        made = whole(assets)  # pyright: ignore[reportArgumentType]
        kept = made.loader
        assert kept is not None
        source = kept.get_source(made, template)[0]
        leaky = {template: re.sub(r"\{\{ ([^}]+?) \}\}", r"{{ (\1)|safe }}", source)}
        made.loader = jinja2.ChoiceLoader([jinja2.DictLoader(leaky), kept])
        return made

    monkeypatch.setattr(door, "make_templates", make_leaky)
    async with open_house() as house:
        await Payloads(PAYLOADS[::7]).furnish(house.desk, house.owner)
        assert await find_bad(house, (await list_pages(house.desk, house.owner)).values())


async def test_nothing_in_an_address_becomes_part_of_a_page() -> None:
    async with open_house() as house:
        await furnish_whole(house.desk, house.owner)
        pages = await list_pages(house.desk, house.owner)
        asked = 0
        for path in odd_addresses(house.client, pages.values()):
            reply = await house.client.get(path)
            assert reply.status_code < 500, path
            assert find_made(reply.text) == [], unquote(path)
            assert not reply.headers.get("location", "/").startswith("//"), path
            asked += 1
        assert asked > 1_000


def odd_addresses(client: httpx2.AsyncClient, pages: Iterable[str]) -> Iterator[str]:
    """Returns each page with each of its parameters, and each part of its path, made of payloads."""
    for route in list_routes(client):
        if "GET" not in (route.methods or ()) or route.path in ("/static/{name:path}", "/projects/{slug}/live"):
            continue
        known = next((path for path in pages if matches(route, path)), None)
        plain, _, query = (known or re.sub(r"\{slug\}", "hotel", route.path)).partition("?")
        for name in parameters(route):
            others = "".join(f"&{part}" for part in query.split("&") if part and part.partition("=")[0] != name)
            yield from (f"{plain}?{name}={quote(text, safe='')}{others}" for text in PORTIONS)
        for part in re.findall(r"\{(\w+)\}", route.path):
            for text in PORTIONS[::4]:
                filled = re.sub(rf"\{{{part}\}}", lambda _, text=text: quote(text, safe=""), route.path)
                yield re.sub(r"\{\w+\}", "hotel", filled)


def parameters(route: Route) -> list[str]:
    """Returns the names that the module of a page reads from the address."""
    cells = inspect.getclosurevars(route.endpoint).nonlocals
    handler = cells.get("read") or route.endpoint
    source = inspect.getsource(inspect.getmodule(handler))  # pyright: ignore[reportArgumentType]
    return sorted({"x", *re.findall(r'(?:query|number|query_params\.get)\("(\w+)"', source)})


async def test_nothing_that_is_typed_into_a_form_becomes_part_of_the_answer() -> None:
    async with open_house() as house:
        await furnish_whole(house.desk, house.owner)
        forms = await list_forms(house)
        assert len(forms) > 20
        bad: dict[str, list[str]] = {}
        refused = 0
        for path, fields in forms:
            for text in PORTIONS[::3]:
                reply = await house.send(path, fill(fields, text), headers={"accept": "text/html"})
                assert reply.status_code < 500, (path, text)
                refused += reply.status_code == 422
                if made := find_made(reply.text):
                    bad[path] = made
                assert reply.headers.get("location", "/").startswith(("/", "?")), path
        assert bad == {}
        assert refused > 40, "forms show again what was typed"
        pages = await list_pages(house.desk, house.owner)
        assert (
            await find_bad(house, ["/", *[path for path in pages.values() if path.startswith("/projects/hotel")]]) == {}
        )


async def list_forms(house: House) -> list[tuple[str, dict[str, str]]]:
    """Returns each form of each page that takes a text: where it is sent, and its fields with their kinds."""
    found: dict[tuple[str, frozenset[str]], tuple[str, dict[str, str]]] = {}
    for path in (await list_pages(house.desk, house.owner)).values():
        for form in html.fromstring(await house.see(path)).iter("form"):
            fields = {str(each.name): str(each.get("type") or each.tag) for each in form.inputs if each.name}
            free = {"text", "search", "textarea", "input", "password"} & set(fields.values())
            action = form.get("action") or path
            if form.get("method") == "post" and free and action not in ("/sign-out", "/theme", "/account"):
                hidden = {str(each.name): f"={each.value}" for each in form.inputs if each.get("type") == "hidden"}
                found[action, frozenset(fields)] = (action, {**fields, **hidden})
    return list(found.values())


def fill(fields: dict[str, str], text: str) -> dict[str, str]:
    kept = {name: kind[1:] for name, kind in fields.items() if kind.startswith("=")}
    return {**dict.fromkeys(fields, text), **kept}


async def test_an_imported_folder_is_reported_as_text() -> None:
    async with open_house() as house:
        await furnish_whole(house.desk, house.owner)
        archive = payload_archive(PAYLOADS)
        for name in PORTIONS[::5]:
            for format_ in ("greenroom", "polyai"):
                data = {"format": format_, "environment": "sandbox", "look": "1"}
                reply = await house.send(f"{BASE}/import", data, files={"file": (name, archive)})
                assert reply.status_code in (200, 422)
                assert find_made(reply.text) == []


async def test_what_a_browser_says_becomes_no_part_of_a_page() -> None:
    async with open_house() as house:
        await furnish_whole(house.desk, house.owner)
        session = house.client.cookies.get("gr_session")
        for text in PORTIONS:
            told = json.dumps({"text": text[:400], "tone": "good"}).encode()
            flash = base64.urlsafe_b64encode(told).decode()
            safe = quote(text[:400], safe="")
            cookies = f"gr_session={session}; gr_flash={flash}; gr_theme={safe}"
            headers = {"cookie": cookies, "user-agent": text.encode("ascii", "replace").decode().replace("\t", " ")}
            page = await house.client.get("/", headers=headers)
            assert page.status_code == 200
            assert find_made(page.text) == []
            assert squeezed(text[:80]) in shown(page.text), "the message of the page before"
            page = await house.client.post(
                "/sign-in", data={"name": text, "password": text, "next": text}, headers=headers
            )
            assert page.status_code in (401, 429)
            assert find_made(page.text) == []
