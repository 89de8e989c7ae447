"""Reliability check 10: a repeated request has one effect and one answer."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from greenroom.domain.errors import Conflict, Unavailable
from tests.support.api import HOME, PREFIX, Stage, fill, good, key_of, make_stage, nothing_written, problem, sign_in

P = f"{PREFIX}/projects/hotel"
SANDBOX = f"{P}/environments/sandbox"


def keyed(key: str, **more: str) -> dict[str, str]:
    return {"Idempotency-Key": key, **more}


WRITES: list[tuple[str, str, dict[str, Any] | None, dict[str, str]]] = [
    ("POST", f"{PREFIX}/projects", {"name": "Second"}, {}),
    ("PATCH", P, {"name": "Renamed"}, {}),
    ("PUT", f"{SANDBOX}/draft/topic/new", {"name": "New", "content": "New."}, {"If-Match": "*"}),
    ("POST", f"{SANDBOX}/draft/discard", {"revision": 6}, {}),
    ("POST", f"{SANDBOX}/draft/load", {"ref": "v1", "revision": 6}, {}),
    ("POST", f"{SANDBOX}/draft/presence", {"entity": "topic/breakfast"}, {}),
    ("POST", f"{SANDBOX}/draft/checkpoints", {"name": "Before lunch"}, {}),
    ("POST", f"{SANDBOX}/draft/rebase", {}, {}),
    ("POST", f"{SANDBOX}/publish", {"note": "Breakfast was added"}, {}),
    ("POST", f"{P}/environments/live/rollback", {"to": 1, "reason": "bad one"}, {}),
    ("PATCH", f"{P}/versions/1", {"mark": "good"}, {}),
    ("POST", f"{P}/conversations", {"user_id": "bob"}, {}),
    ("POST", "{conversation}/turns", {"text": "hello"}, {}),
    ("POST", "{conversation}/end", None, {}),
    ("POST", f"{PREFIX}/api-keys", {"name": "CI", "role": "editor"}, {}),
    ("DELETE", f"{PREFIX}/api-keys/key_home_viewer", None, {}),
    ("DELETE", P, None, {}),
]


async def set_up(stage: Stage, client: httpx2.AsyncClient) -> dict[str, str]:
    ids = await fill(client, "hotel")
    # Something to roll back to.
    good(await client.post(f"{SANDBOX}/publish", json={"note": "Breakfast was added"}))
    for alias in ("pre-release", "live"):
        body = {"version": 2, "expected_seq": 1, "confirm": {"version": 2}}
        good(await client.post(f"{P}/environments/{alias}/promote", json=body))
    breakfast = {"name": "Breakfast", "content": "From eight."}
    tag = (await client.get(f"{P}/content/topic/breakfast?ref=live")).headers["etag"]
    good(await client.put(f"{SANDBOX}/draft/topic/breakfast", json=breakfast, headers={"If-Match": tag}))
    return ids


@pytest.mark.parametrize("method, path, body, headers", WRITES, ids=[f"{w[0]} {w[1][-24:]}" for w in WRITES])
async def test_the_same_request_is_answered_the_same_and_done_once(
    method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        ids = await set_up(stage, client)
        url = path.replace("{conversation}", f"{PREFIX}/conversations/{ids['conversation']}")
        first = await client.request(method, url, json=body, headers=keyed("k", **headers))
        assert first.is_success, first.text
        assert "idempotency-replayed" not in first.headers
        async with nothing_written(stage):
            again = await client.request(method, url, json=body, headers=keyed("k", **headers))
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers.get("etag") == first.headers.get("etag")


@pytest.mark.parametrize("method, path, body, headers", WRITES, ids=[f"{w[0]} {w[1][-24:]}" for w in WRITES])
async def test_twins_at_once_have_one_effect_and_one_answer(
    method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        ids = await set_up(stage, client)
        url = path.replace("{conversation}", f"{PREFIX}/conversations/{ids['conversation']}")
        before = len(stage.contents()[HOME]["audit"])
        asked = [client.request(method, url, json=body, headers=keyed("k", **headers)) for _ in range(5)]
        replies = await asyncio.gather(*asked)
        assert {(r.status_code, r.content) for r in replies} == {(replies[0].status_code, replies[0].content)}
        assert replies[0].is_success, replies[0].text
        assert sum("idempotency-replayed" in r.headers for r in replies) == 4
        assert len(stage.contents()[HOME]["replays"]) == 1
        assert len(stage.contents()[HOME]["audit"]) - before <= 2


async def test_a_key_used_for_another_request_is_refused() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        good(await client.post(f"{PREFIX}/projects", json={"name": "One"}, headers=keyed("k")))
        async with nothing_written(stage):
            other = await client.post(f"{PREFIX}/projects", json={"name": "Two"}, headers=keyed("k"))
        problem(other, 409, "idempotency_key_reused", "conflict")
        tag = (await client.get(f"{P}/content/topic/late-checkout?ref=live")).headers["etag"]
        path = f"{SANDBOX}/draft/topic/late-checkout"
        good(await client.delete(path, headers=keyed("d", **{"If-Match": tag})))
        other = await client.delete(path, headers=keyed("d", **{"If-Match": "*"}))
        problem(other, 409, "idempotency_key_reused")


async def test_a_key_counts_for_one_caller_one_operation_and_one_path() -> None:
    stage = await make_stage()
    async with stage.client() as owner, stage.client("admin") as admin:
        await fill(owner, "hotel")
        one = good(await owner.post(f"{P}/conversations", json={}, headers=keyed("k")))
        two = good(await admin.post(f"{P}/conversations", json={}, headers=keyed("k")))
        assert one["id"] != two["id"]
        good(await owner.post(f"{PREFIX}/conversations/{one['id']}/end", headers=keyed("k")))
        good(await owner.post(f"{PREFIX}/conversations/{two['id']}/end", headers=keyed("k")))
        assert len(stage.contents()[HOME]["replays"]) == 4


async def test_a_request_that_failed_may_be_repeated_with_its_key() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        body = {"version": 9, "expected_seq": 1}
        place = f"{P}/environments/pre-release/promote"
        problem(await client.post(place, json=body, headers=keyed("k")), 404, "version_not_found")
        good(await client.post(f"{SANDBOX}/publish", json={"note": "Breakfast was added"}))
        good(await client.post(place, json={"version": 2, "expected_seq": 1}, headers=keyed("k")))


async def test_a_dry_run_is_not_remembered() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        body = {"note": "Breakfast was added"}
        async with nothing_written(stage):
            good(await client.post(f"{SANDBOX}/publish?dry_run=true", json=body, headers=keyed("k")))
        good(await client.post(f"{SANDBOX}/publish", json=body, headers=keyed("k")))


async def test_an_import_is_done_once() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        data = (await client.get(f"{P}/export?ref=v1")).content
        first = await client.post(f"{P}/import?revision=4", content=data, headers=keyed("k"))
        again = await client.post(f"{P}/import?revision=4", content=data, headers=keyed("k"))
        assert good(first) == good(again)
        assert again.headers["idempotency-replayed"] == "true"
        other = await client.post(f"{P}/import?mode=overlay&revision=4", content=data, headers=keyed("k"))
        problem(other, 409, "idempotency_key_reused")


async def test_the_key_that_was_made_is_told_again_to_its_asker_and_lies_nowhere_in_the_store() -> None:
    stage = await make_stage()
    token = await sign_in(stage)
    async with stage.client() as owner, stage.client(None) as browser:
        made = good(await owner.post(f"{PREFIX}/api-keys", json={"name": "CI"}, headers=keyed("k")))
        again = good(await owner.post(f"{PREFIX}/api-keys", json={"name": "CI"}, headers=keyed("k")))
        assert made["key"] == again["key"]
        assert made["key"] not in repr(stage.contents())
        from greenroom.services.access import csrf_token

        browser.cookies.set("gr_session", token)
        headers = keyed("b", **{"X-Greenroom-CSRF": csrf_token(token)})
        good(await browser.post(f"{PREFIX}/api-keys", json={"name": "Web"}, headers=headers))
        async with nothing_written(stage):
            other = await sign_in_again(stage)
            browser.cookies.set("gr_session", other)
            headers["X-Greenroom-CSRF"] = csrf_token(other)
            refused = await browser.post(f"{PREFIX}/api-keys", json={"name": "Web"}, headers=headers)
        problem(refused, 409, "answer_sealed", "conflict")


async def sign_in_again(stage: Stage) -> str:
    """Returns another session of the same person."""
    from greenroom.domain.access import Session
    from greenroom.domain.ids import PrincipalId
    from greenroom.services.keys import hash_token

    now = stage.desk.clock.now()
    session = Session(
        hash_token("second"), "session", PrincipalId("mem_home_owner"), HOME, now, now.replace(year=now.year + 1)
    )
    await stage.store.system(lambda tx: tx.insert_session(session))
    return "second"


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "ümlaut", "tab\tbed", " lead"])
async def test_a_key_that_is_none_is_refused(key: str) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        raw = [(b"idempotency-key", key.encode("latin-1")), (b"content-type", b"application/json")]
        raw.append((b"authorization", f"Bearer {key_of(HOME, 'owner')}".encode()))
        async with nothing_written(stage):
            reply = await client.post(f"{PREFIX}/projects", content=b'{"name": "X"}', headers=raw)
        found = problem(reply, 400, "invalid_header")
        assert found["errors"][0]["pointer"] == "/Idempotency-Key"


async def test_a_twin_that_answered_first_is_heard_whatever_the_failure_was(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        find, calls = stage.desk.work.find_answer, 0

        async def miss_once(call: Any) -> Any:
            nonlocal calls
            calls += 1
            return None if calls == 1 else await find(call)

        good(await client.post(f"{PREFIX}/projects", json={"name": "One"}, headers=keyed("k")))
        monkeypatch.setattr(stage.desk.work, "find_answer", miss_once)
        again = await client.post(f"{PREFIX}/projects", json={"name": "One"}, headers=keyed("k"))
        assert again.status_code == 201
        assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("wrong", [Unavailable("store_unavailable", "gone"), Conflict("draft_race", "raced")])
async def test_what_failed_stays_failed_where_no_twin_answered(
    monkeypatch: pytest.MonkeyPatch, wrong: Unavailable | Conflict
) -> None:
    stage = await make_stage()

    async def fail(*_: Any, **__: Any) -> None:
        raise wrong

    monkeypatch.setattr(stage.desk.projects, "create", fail)
    async with stage.client() as client:
        reply = await client.post(f"{PREFIX}/projects", json={"name": "One"}, headers=keyed("k"))
        assert reply.json()["code"] == wrong.code
