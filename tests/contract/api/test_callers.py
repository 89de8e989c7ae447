"""Who may ask: keys, sessions with their proof, and nobody whose body is read before it is known who they are."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from greenroom.services.access import csrf_token
from tests.support.api import (
    HOME,
    PREFIX,
    Stage,
    fill,
    fill_data,
    good,
    key_of,
    make_stage,
    nothing_written,
    problem,
    run_tests,
    sign_in,
)

P = f"{PREFIX}/projects/hotel"


@pytest.mark.parametrize(
    "header, code",
    [
        (None, "no_credentials"),
        ("", "invalid_credentials"),
        ("Bearer", "invalid_credentials"),
        ("Bearer ", "invalid_credentials"),
        ("Basic dTpw", "invalid_credentials"),
        ("Bearer gr_unknown", "invalid_key"),
        ("Bearer " + "x" * 600, "invalid_credentials"),
        ("Bearer gr_\xe4", "invalid_credentials"),
    ],
)
async def test_a_stranger_is_told_how_to_say_who_they_are(header: str | None, code: str) -> None:
    stage = await make_stage()
    async with stage.client(None) as client:
        headers = [] if header is None else [(b"authorization", header.encode("latin-1"))]
        for path in (f"{PREFIX}/me", f"{P}/resolve?key=a", f"{P}/bundles/sha256:{'0' * 64}"):
            reply = await client.get(path, headers=headers)
            problem(reply, 401, code, "unauthenticated")
            assert reply.headers["www-authenticate"].startswith("Bearer")


async def test_a_strangers_body_is_never_read() -> None:
    stage = await make_stage()
    read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b"{}"

    async with stage.client(None) as client:
        reply = await client.post(f"{PREFIX}/projects", content=body())
        problem(reply, 401, "no_credentials")
        reply = await client.post(f"{P}/import", content=body())
        problem(reply, 401, "no_credentials")
    assert not read


async def browser(stage: Stage, role: str = "owner") -> tuple[httpx2.AsyncClient, dict[str, str]]:
    token = await sign_in(stage, role)
    client = stage.client(None)
    client.cookies.set("gr_session", token)
    return client, {"X-Greenroom-CSRF": csrf_token(token), "Sec-Fetch-Site": "same-origin"}


async def test_a_signed_in_browser_reads_and_with_its_token_writes() -> None:
    stage = await make_stage()
    client, proof = await browser(stage)
    async with client:
        assert good(await client.get(f"{PREFIX}/me"))["name"] == "Ms home_owner"
        good(await client.post(f"{PREFIX}/projects", json={"name": "Hotel"}, headers=proof))
        assert good(await client.get(f"{PREFIX}/projects"))["items"][0]["slug"] == "hotel"


FORGED: list[tuple[dict[str, str], str]] = [
    ({}, "csrf"),
    ({"X-Greenroom-CSRF": ""}, "csrf"),
    ({"X-Greenroom-CSRF": "f" * 64}, "csrf"),
    ({"Sec-Fetch-Site": "cross-site"}, "foreign_origin"),
    ({"Sec-Fetch-Site": "same-site"}, "foreign_origin"),
    ({"Origin": "https://evil.example"}, "foreign_origin"),
    ({"Origin": "null"}, "foreign_origin"),
    ({"Origin": "http://greenroom.test.evil.example"}, "foreign_origin"),
]


@pytest.mark.parametrize("headers, code", FORGED)
async def test_another_sites_page_changes_nothing(headers: dict[str, str], code: str) -> None:
    stage = await make_stage()
    client, proof = await browser(stage)
    sent = {**proof, **headers} if code == "foreign_origin" else headers
    async with client:
        async with nothing_written(stage):
            reply = await client.post(f"{PREFIX}/projects", json={"name": "Hotel"}, headers=sent)
        problem(reply, 403, code, "not_allowed")


async def test_our_own_origin_is_welcome() -> None:
    stage = await make_stage()
    client, proof = await browser(stage)
    async with client:
        headers = {**proof, "Origin": "http://greenroom.test"}
        good(await client.post(f"{PREFIX}/projects", json={"name": "Hotel"}, headers=headers))


async def test_a_session_that_is_over_is_refused() -> None:
    stage = await make_stage()
    client, _ = await browser(stage)
    async with client:
        await stage.desk.access.sign_out("session-wsp_home-owner")
        problem(await client.get(f"{PREFIX}/me"), 401, "session_ended")


async def test_a_revoked_key_is_refused_at_once_here_and_after_a_refresh_elsewhere() -> None:
    from greenroom.api.app import build_api
    from greenroom.api.hot import HotDoors
    from greenroom.services.desk import Desk

    stage = await make_stage()
    async with stage.client() as owner, stage.client("editor") as editor:
        await fill(owner, "hotel")
        good(await editor.get(f"{P}/resolve?key=a"))
        # Another process over the same store.
        elsewhere = Desk(stage.store, stage.desk.clock, stage.desk.kinds, {})
        await elsewhere.traffic.refresh()
        api = build_api(elsewhere)
        there = Stage(elsewhere, stage.store, api, HotDoors(api, elsewhere))
        async with there.client("editor") as abroad:
            good(await abroad.get(f"{P}/resolve?key=a"))
            assert (await owner.delete(f"{PREFIX}/api-keys/key_home_editor")).status_code == 204
            for path in (f"{P}/resolve?key=a", f"{PREFIX}/me", f"{P}/environments"):
                problem(await editor.get(path), 401, "invalid_key")
            await elsewhere.traffic.refresh()
            problem(await abroad.get(f"{P}/resolve?key=a"), 401, "invalid_key")


async def test_a_key_cannot_give_more_than_it_has() -> None:
    stage = await make_stage()
    async with stage.client("admin") as admin:
        async with nothing_written(stage):
            reply = await admin.post(f"{PREFIX}/api-keys", json={"name": "up", "role": "owner"})
        problem(reply, 403, "role_too_high", "not_allowed")
        listed = good(await admin.get(f"{PREFIX}/api-keys?limit=200"))["items"]
        assert {key["id"] for key in listed} == {f"key_home_{role}" for role in stage_roles()}
        assert "gr_" not in str(listed)


def stage_roles() -> tuple[str, ...]:
    from tests.support.api import ROLES

    return ROLES


async def test_every_answer_has_the_safe_headers_and_the_requests_name() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        ids = await fill(client, "hotel")
        for path in (f"{PREFIX}/me", f"{P}/resolve?key=a", "/healthz", "/metrics", f"{PREFIX}/nothing", "/readyz"):
            reply = await client.get(path, headers={"X-Request-Id": "mine-1"})
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.headers["cache-control"] == "no-store", path
            assert reply.headers["x-request-id"] == "mine-1"
            assert "access-control-allow-origin" not in reply.headers
        bundle = await client.get(f"{P}/bundles/{ids['digest']}")
        assert bundle.headers["cache-control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize("name", ["", "a" * 81, "<script>", "a b", "\x7f", "-x"])
async def test_a_name_that_is_none_is_replaced(name: str) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        given = (b"x-request-id", name.encode())
        one = await client.get(f"{PREFIX}/me", headers=[given])
        two = await client.get(f"{PREFIX}/me", headers=[given])
        assert one.headers["x-request-id"].startswith("req_")
        assert one.headers["x-request-id"] != two.headers["x-request-id"]


async def test_the_requests_name_is_in_the_audit() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        headers = {"X-Request-Id": "release-42"}
        good(await client.post(f"{PREFIX}/projects", json={"name": "Hotel"}, headers=headers))
        chain = good(await client.get(f"{PREFIX}/audit"))["items"]
        assert '"request":"release-42"' in chain[-1]["payload"]


async def test_no_get_changes_anything() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        ids = await fill(client, "hotel")
        run = await run_tests(client, "hotel", ref="live")
        data = await fill_data(client, ids)
        text = {"id": "sauna", "text": "The sauna is hot."}
        good(await client.post(f"{PREFIX}/projects/hotel/knowledge/documents", json=text))
        rules = {"judge": "rules", "rules": "turns > 1"}
        place = f"{PREFIX}/projects/hotel/evaluations/polite"
        good(await client.put(place, json=rules, headers={"If-Match": "*"}))
        paths = [
            path.format(
                project="hotel",
                evaluation="polite",
                alias="sandbox",
                phone="+442079460000",
                kind="topic",
                slug="late-checkout",
                number=1,
                id=ids["conversation"],
                digest=ids["digest"],
                document="sauna",
                widget="default",
                run=run["id"],
                **data,
            )
            for path, methods in stage.api.openapi()["paths"].items()
            if "get" in methods
        ]
        async with nothing_written(stage):
            for path in paths:
                await client.get(f"{path}?key=a&base=v1&head=live&ref=live&arms=live,sandbox")
                await client.head(path)
    assert key_of(HOME, "owner") not in repr(stage.contents())
