"""What another site sends changes nothing: every route that the application has, by every way there is to send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from greenroom.services.access import csrf_token
from greenroom.web.app import HEADERS, SafeHeaders, build_web
from tests.support.api import HOME, Stage, sign_in
from tests.unit.web.routes import routes_of
from tests.unit.web.visitor import furnished

HOST = "http://desk.test"
FORM = "application/x-www-form-urlencoded"
OWN_CHECK = {
    "/sign-in": "there is no session yet; the origin is checked",
    "/sign-in/{token}": "there is no session yet; the origin is checked",
    "/sign-out": "an old page must be able to end its session; the origin is checked",
    "/try/{token}": "a guest has no session; the origin is checked",
    "/theme": "changes a cookie alone; the origin is checked",
}
"""What takes a form without a token, and why."""


@dataclass(frozen=True)
class Forgery:
    """One way to send a form that is not ours. `token` is put into the form."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    token: str = "good"
    content_type: str = FORM
    origin_alone: bool = False
    """Whether it is the origin that gives it away, so that a form without a token is refused as well."""


FORGERIES = {
    "a foreign page": Forgery({"origin": "http://evil.test"}, origin_alone=True),
    "a page without an origin": Forgery({"origin": "null"}, origin_alone=True),
    "the same host on another port": Forgery({"origin": "http://desk.test:8080"}, origin_alone=True),
    "a host whose name begins like ours": Forgery({"origin": "http://desk.test.evil.test"}, origin_alone=True),
    "a foreign referrer": Forgery({"referer": "http://evil.test/projects"}, origin_alone=True),
    "a referrer that cannot be read": Forgery({"referer": "http://[::1"}, origin_alone=True),
    "another site, says the browser": Forgery({"sec-fetch-site": "cross-site"}, origin_alone=True),
    "a sister site, says the browser": Forgery({"sec-fetch-site": "same-site"}, origin_alone=True),
    "our origin, but another site": Forgery({"origin": HOST, "sec-fetch-site": "cross-site"}, origin_alone=True),
    "our origin, but a foreign referrer": Forgery({"origin": HOST, "referer": "http://evil.test"}, origin_alone=True),
    "htmx's header, forged": Forgery({"origin": "http://evil.test", "hx-request": "true"}, origin_alone=True),
    "no token": Forgery(token=""),
    "no token, by htmx": Forgery({"hx-request": "true"}, token=""),
    "a token of somebody else": Forgery(token="other"),
    "a token of another session of one's own": Forgery(token="mine, elsewhere"),
    "a token that is no token": Forgery(token="0" * 64),
    "JSON as text": Forgery(content_type="text/plain", token=""),
    "JSON": Forgery(content_type="application/json", token=""),
    "a multipart form without a token": Forgery(content_type="multipart/form-data; boundary=x", token=""),
    "a token in the address": Forgery(token="in the address"),
}


class Attack:
    """A stage with a project, and a browser that is signed in to it."""

    async def begin(self, web: Any = None) -> Attack:
        self.stage: Stage = await furnished()
        mine, other = await sign_in(self.stage), await sign_in(self.stage, "admin")
        link = await self.stage.desk.access.make_link(await self.who(mine))
        elsewhere = (await self.stage.desk.access.sign_in(link)).token
        self.tokens = {"good": mine, "other": other, "mine, elsewhere": elsewhere, "in the address": mine}
        self.web = web or build_web(self.stage.desk)
        self.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.web, raise_app_exceptions=False),
            base_url=HOST,
            cookies={"gr_session": mine},
        )
        return self

    async def who(self, token: str) -> Any:
        found = await self.stage.desk.access.find_session(token)
        assert found is not None
        return found

    def fill(self, route: Route) -> str:
        """Returns the address of something that there is."""
        known = {
            "slug": "hotel",
            "alias": "live",
            "kind": "topic",
            "entity": "late-checkout",
            "number": "1",
            "seq": "1",
        }
        known |= {"id": self.stage.facts["conversation"], "table": "rooms", "token": "x" * 40}
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: known.get(match[1], "x"), route.path)

    async def send(self, path: str, forgery: Forgery, method: str = "POST") -> httpx2.Response:
        session = self.tokens.get(forgery.token)
        token = csrf_token(session) if session else forgery.token
        query = f"?csrf={token}" if forgery.token == "in the address" else ""
        data = {"csrf": "" if query else token, "name": "Mine", "note": "Something else altogether", "theme": "dark"}
        data |= {"version": "1", "seq": "1", "reason": "because", "confirm": "1", "text": "hello", "slug": "hotel"}
        body = "&".join(f"{name}={value}" for name, value in data.items())
        if forgery.content_type.startswith("multipart"):
            parts = "".join(
                f'--x\r\ncontent-disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in data.items()
            )
            body = f"{parts}--x--\r\n"
        headers = {"content-type": forgery.content_type, **forgery.headers}
        return await self.client.request(method, path + query, content=body.encode(), headers=headers)

    async def contents(self) -> Any:
        sessions = {name: dict(rows.sessions.items()) for name, rows in self.stage.store._state.workspaces.items()}
        return self.stage.contents(), sessions


def writing(web: Any) -> list[Route]:
    return [route for route in routes_of(web) if "POST" in (route.methods or ())]


async def find_holes(attack: Attack, routes: list[Route], forgery: Forgery) -> list[str]:
    """Returns the routes that took a forgery: that answered otherwise than by refusing, or changed anything."""
    holes: list[str] = []
    for route in routes:
        if route.path in OWN_CHECK and not forgery.origin_alone:
            continue
        before = await attack.contents()
        reply = await attack.send(attack.fill(route), forgery)
        refused = reply.status_code in (401, 403) and "set-cookie" not in reply.headers
        if not refused or await attack.contents() != before:
            holes.append(f"{route.path}: {reply.status_code}")
    return holes


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=list(FORGERIES))
async def test_no_route_takes_a_forged_form(forgery: Forgery) -> None:
    attack = await Attack().begin()
    routes = writing(attack.web)
    assert len(routes) >= 25
    assert await find_holes(attack, routes, forgery) == []
    assert set(OWN_CHECK) <= {route.path for route in routes}


async def test_the_same_form_sent_by_our_own_page_is_taken() -> None:
    attack = await Attack().begin()
    ours = Forgery({"origin": HOST, "referer": f"{HOST}/projects", "sec-fetch-site": "same-origin"})
    routes = sorted(writing(attack.web), key=lambda route: route.path == "/sign-out")
    refused = [
        route.path for route in routes if (await attack.send(attack.fill(route), ours)).status_code in (401, 403)
    ]
    assert refused == ["/sign-in", "/sign-in/{token}"], "a wrong password, and a link that nobody has"


async def test_a_hole_would_be_found() -> None:
    async def change(request: Request) -> PlainTextResponse:
        await request.form()
        return PlainTextResponse("done")

    attack = await Attack().begin(SafeHeaders(Starlette(routes=[Route("/hole", change, methods=["POST"])])))
    for forgery in FORGERIES.values():
        assert await find_holes(attack, writing(attack.web), forgery) == ["/hole: 200"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"])
async def test_no_other_method_does_what_a_form_does(method: str) -> None:
    attack = await Attack().begin()
    before = await attack.contents()
    for route in routes_of(attack.web):
        if not route.path.endswith("/live"):
            reply = await attack.send(attack.fill(route), Forgery({"origin": "http://evil.test"}), method)
            assert reply.status_code in (200, 401, 403, 404, 405, 409, 422), route.path
            assert not any(name.startswith("access-control") for name in reply.headers), route.path
    assert await attack.contents() == before


@pytest.mark.parametrize(
    "disguise",
    [
        {"x-http-method-override": "POST"},
        {"x-method-override": "POST"},
        {"x-http-method": "DELETE"},
        {"hx-request": "true", "hx-trigger": "x"},
        {"accept": "application/json"},
        {},
    ],
    ids=str,
)
async def test_nothing_is_changed_by_reading(disguise: dict[str, str]) -> None:
    attack = await Attack().begin()
    before = await attack.contents()
    for route in routes_of(attack.web):
        if "GET" in (route.methods or ()) and not route.path.endswith("/live"):
            path = attack.fill(route)
            query = "?_method=POST&csrf=x&delete=1&slug=hotel&name=Mine&revoke=1&version=1&seq=1&mark=bad&out=others"
            for address in (path, path + query):
                reply = await attack.client.get(address, headers=disguise)
                assert reply.status_code < 500, address
    assert await attack.contents() == before


async def test_every_answer_keeps_to_itself() -> None:
    attack = await Attack().begin()
    strangers = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=attack.web), base_url=HOST)
    looked = set[int]()
    for route in routes_of(attack.web):
        if route.path.endswith("/live"):
            continue
        path = "/static/tokens.css" if route.path.startswith("/static") else attack.fill(route)
        replies = [
            await client.get(path, headers={"origin": "http://evil.test"}) for client in (attack.client, strangers)
        ]
        if route.path != "/sign-out":
            replies.append(await attack.send(path, Forgery(token="")))
        for reply in replies:
            looked.add(reply.status_code)
            headers = reply.headers
            assert headers["x-frame-options"] == "DENY", path
            assert "frame-ancestors 'none'" in headers["content-security-policy"], path
            assert "unsafe" not in headers["content-security-policy"], path
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["cross-origin-opener-policy"] == "same-origin", path
            assert headers["referrer-policy"] == HEADERS["referrer-policy"], path
            assert not any(name.startswith("access-control") for name in headers), path
            if not path.startswith("/static"):
                assert "no-store" in headers["cache-control"], path
    assert {200, 401, 403, 404} <= looked


async def test_a_stranger_sees_no_page_but_those_of_signing_in() -> None:
    attack = await Attack().begin()
    strangers = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=attack.web), base_url=HOST)
    open_ = set[str]()
    for route in routes_of(attack.web):
        for method in sorted((route.methods or set()) - {"HEAD"}):
            reply = await strangers.request(method, attack.fill(route))
            if reply.status_code not in (401, 404):
                open_.add(f"{method} {route.path}")
    assert open_ == {"GET /sign-in", "GET /sign-in/{token}", "POST /sign-out", "POST /theme"}


async def test_every_cookie_is_out_of_reach_of_scripts_and_of_other_sites() -> None:
    attack = await Attack().begin()
    own = {"origin": HOST}
    for path, data in (("/theme", {"theme": "dark"}), ("/projects/new", {"name": "Mine"}), ("/sign-out", {})):
        token = csrf_token(attack.tokens["good"])
        reply = await attack.client.post(path, data={**data, "csrf": token}, headers=own)
        for cookie in reply.headers.get_list("set-cookie"):
            assert "HttpOnly" in cookie
            assert "SameSite=lax" in cookie
            assert "Domain" not in cookie
    assert HOME in attack.stage.store._state.workspaces
