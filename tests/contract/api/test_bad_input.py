"""Bad input of every kind: a clear problem that points at the place, and nothing is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.api import (
    HOME,
    PREFIX,
    TOPIC,
    archive,
    fill,
    good,
    key_of,
    make_stage,
    nothing_written,
    problem,
    save,
)

P = f"{PREFIX}/projects/hotel"
SANDBOX = f"{P}/environments/sandbox"
DRAFT = f"{SANDBOX}/draft"
PRE = f"{P}/environments/pre-release"
LIVE = f"{P}/environments/live"
ANY = {"If-Match": "*"}
NEW = f"{DRAFT}/topic/new"
BODY = {"name": "New", "content": "New."}
MANY = "\n".join(["name: X", "a: &a [1,1,1,1,1,1,1,1,1]"] + [f"b{n}: &b{n} [*a,*a,*a,*a,*a,*a]" for n in range(60)])

# method, path, what is sent, headers, status, code, pointers
CASES: list[tuple[str, str, Any, dict[str, str], int, str, list[str]]] = [
    # refs, kinds, addresses, environments
    ("GET", f"{P}/content?ref=v0", None, {}, 422, "invalid_ref", ["/ref"]),
    ("GET", f"{P}/content?ref=v99", None, {}, 404, "version_not_found", []),
    ("GET", f"{P}/content?ref=nowhere", None, {}, 404, "environment_not_found", []),
    ("GET", f"{P}/compare?base=v1&head=%25%25", None, {}, 422, "invalid_ref", ["/head"]),
    ("GET", f"{P}/compare?base=v1", None, {}, 422, "invalid_request", ["/head"]),
    ("GET", f"{P}/content?ref=v1&kind=banana", None, {}, 422, "unknown_kind", ["/kind"]),
    ("GET", f"{P}/versions?limit=0", None, {}, 422, "invalid_request", ["/limit"]),
    ("GET", f"{P}/versions?limit=201", None, {}, 422, "invalid_request", ["/limit"]),
    ("GET", f"{P}/versions?cursor=zzz", None, {}, 422, "invalid_cursor", ["/cursor"]),
    ("GET", f"{P}/versions/0", None, {}, 422, "invalid_request", ["/number"]),
    ("GET", f"{P}/versions/99999999999999999999", None, {}, 422, "invalid_request", ["/number"]),
    ("GET", f"{P}/versions/nine", None, {}, 422, "invalid_request", ["/number"]),
    ("GET", f"{P}/environments/nowhere", None, {}, 404, "environment_not_found", []),
    ("GET", f"{P}/resolve?key=", None, {}, 422, "invalid_request", ["/key"]),
    ("GET", f"{P}/resolve", None, {}, 422, "invalid_request", ["/key"]),
    ("GET", f"{P}/resolve?key=a%00b", None, {}, 422, "text_not_storable", ["/key"]),
    ("GET", f"{P}/resolve?key=a&environment=nowhere", None, {}, 404, "environment_not_found", []),
    ("GET", f"{P}/bundles/sha256:{'0' * 64}", None, {}, 404, "snapshot_not_found", []),
    ("GET", f"{P}/bundles/banana", None, {}, 404, "snapshot_not_found", []),
    ("GET", f"{PREFIX}/projects/hot%00el", None, {}, 404, "path_not_found", []),
    ("GET", f"{PREFIX}/nothing/here", None, {}, 404, "path_not_found", []),
    ("PUT", f"{PREFIX}/projects", {}, {}, 405, "method_not_allowed", []),
    # drafts
    ("PUT", f"{DRAFT}/banana/new", BODY, ANY, 422, "unknown_kind", ["/kind"]),
    ("PUT", f"{DRAFT}/topic/Not%20A%20Slug", BODY, ANY, 422, "invalid_address", ["/slug"]),
    ("PUT", f"{DRAFT}/settings/other", BODY, ANY, 422, "singleton", ["/slug"]),
    ("PUT", NEW, BODY, {}, 428, "precondition_required", []),
    ("PUT", NEW, BODY, {"If-Match": 'W/"x"'}, 400, "invalid_header", ["/If-Match"]),
    ("PUT", NEW, BODY, {"If-Match": '"sha256:old"'}, 412, "stale_revision", []),
    ("PUT", f"{DRAFT}/topic/late-checkout", TOPIC, ANY, 412, "stale_revision", []),
    ("PUT", NEW, {"content": "no name"}, ANY, 422, "invalid_body", ["/name"]),
    ("PUT", NEW, {**BODY, "banana": 1}, ANY, 422, "invalid_body", ["/banana"]),
    ("PUT", NEW, ["not", "fields"], ANY, 422, "invalid_request", [""]),
    ("PUT", f"{PRE}/draft/topic/new", BODY, ANY, 409, "not_editable", []),
    ("DELETE", NEW, None, ANY, 404, "entity_not_found", []),
    ("POST", f"{DRAFT}/discard", {"revision": 99}, {}, 412, "stale_revision", []),
    ("POST", f"{DRAFT}/discard", {}, {}, 422, "invalid_request", ["/revision"]),
    # releases
    ("POST", f"{SANDBOX}/publish", {"note": "fix"}, {}, 409, "vague_note", ["/note"]),
    ("POST", f"{SANDBOX}/publish", {}, {}, 422, "invalid_request", ["/note"]),
    ("POST", f"{SANDBOX}/publish", {"note": "N" * 201}, {}, 422, "note_too_long", ["/note"]),
    (
        "POST",
        f"{SANDBOX}/publish",
        {"note": "Breakfast was added", "expected_seq": 7},
        {},
        412,
        "stale_sequence",
        ["/expected_seq"],
    ),
    ("POST", f"{SANDBOX}/publish", {"note": "Breakfast was added", "color": 1}, {}, 422, "invalid_request", ["/color"]),
    (
        "POST",
        f"{SANDBOX}/publish",
        {"note": "Breakfast was added", "resolutions": [{"conflict_id": "x", "take": "ours"}]},
        {},
        422,
        "unknown_conflict",
        ["/resolutions/0/conflict_id"],
    ),
    (
        "POST",
        f"{SANDBOX}/publish",
        {"note": "Breakfast was added", "in_flight": "drain"},
        {},
        422,
        "invalid_in_flight",
        ["/drain_until"],
    ),
    ("POST", f"{PRE}/promote", {"version": 99, "expected_seq": 1}, {}, 404, "version_not_found", []),
    ("POST", f"{PRE}/promote", {"version": 1, "expected_seq": 1}, {}, 409, "already_served", []),
    ("POST", f"{PRE}/promote", {"version": 0, "expected_seq": 1}, {}, 422, "invalid_request", ["/version"]),
    ("POST", f"{PRE}/promote", {"version": 2**40}, {}, 422, "invalid_request", ["/version"]),
    ("POST", f"{PRE}/promote", {"version": "v1x"}, {}, 422, "invalid_request", ["/version"]),
    ("POST", f"{LIVE}/rollback", {"reason": "bad one"}, {}, 428, "expected_seq_required", ["/to", "/expected_seq"]),
    ("POST", f"{LIVE}/rollback", {"reason": "bad one", "expected_seq": 1}, {}, 409, "nothing_beneath", []),
    (
        "POST",
        f"{LIVE}/rollback",
        {"reason": "bad one", "expected_seq": 9},
        {},
        412,
        "stale_sequence",
        ["/expected_seq"],
    ),
    ("POST", f"{LIVE}/rollback", {"to": 1, "reason": "bad one"}, {}, 409, "already_served", []),
    # conversations, projects, keys
    ("POST", f"{P}/conversations", {"environment": "nowhere"}, {}, 404, "environment_not_found", []),
    ("POST", f"{P}/conversations", {"channel": "pigeon"}, {}, 422, "unknown_channel", ["/channel"]),
    ("POST", f"{P}/conversations", {"ref": "v0"}, {}, 422, "invalid_ref", ["/ref"]),
    ("POST", f"{P}/conversations", {"variables": {"x": "y" * 70_000}}, {}, 413, "context_too_large", ["/variables"]),
    ("POST", "{turns}", {}, {}, 422, "text_or_event", ["/text"]),
    ("POST", "{turns}", {"text": "a", "event": "silence"}, {}, 422, "text_or_event", ["/text"]),
    ("POST", "{turns}", {"text": "x" * 20_001}, {}, 422, "invalid_request", ["/text"]),
    ("POST", f"{PREFIX}/projects", {"name": "   "}, {}, 422, "invalid_request", ["/name"]),
    ("POST", f"{PREFIX}/projects", {"name": "X", "slug": "No!"}, {}, 422, "invalid_slug", ["/slug"]),
    ("POST", f"{PREFIX}/projects", {"name": "X", "slug": "hotel"}, {}, 409, "slug_taken", ["/slug"]),
    ("POST", f"{PREFIX}/projects", {"name": "X", "template": "own"}, {}, 422, "invalid_request", ["/template"]),
    ("POST", f"{PREFIX}/api-keys", {"name": "X", "role": "god"}, {}, 422, "invalid_request", ["/role"]),
    ("DELETE", f"{PREFIX}/api-keys/key_none", None, {}, 404, "key_not_found", []),
    ("PATCH", f"{P}/versions/1", {"mark": "great"}, {}, 422, "invalid_request", ["/mark"]),
    # bytes
    ("POST", f"{PREFIX}/projects", b"", {}, 400, "body_missing", [""]),
    ("POST", f"{PREFIX}/projects", b'{"name": ', {}, 400, "invalid_json", [""]),
    ("POST", f"{PREFIX}/projects", b'{"name": "\xe4"}', {}, 400, "invalid_json", [""]),
    ("POST", f"{PREFIX}/projects", b'{"name": "a", "name": "b"}', {}, 422, "duplicate_name", ["/name"]),
    ("POST", f"{PREFIX}/projects", b'{"name": "a\\u0000"}', {}, 422, "text_not_storable", ["/name"]),
    ("POST", f"{PREFIX}/projects", b"[" * 100_000, {}, 413, "too_many_values", [""]),
    ("PUT", NEW, b'{"name":"X","content":[' + b"0," * 60_000 + b"0]}", ANY, 413, "too_many_values", ["/content/49995"]),
    (
        "PUT",
        NEW,
        b'{"name":"X","content":' + b"[" * 64 + b"]" * 64 + b"}",
        ANY,
        422,
        "nested_too_deep",
        ["/content" + "/0" * 63],
    ),
    ("PUT", NEW, b'{"name":"X","content":12345678901234567890}', ANY, 422, "number_too_large", ["/content"]),
    ("PUT", NEW, b'{"name":"X","content":"' + b"x" * 1_100_000 + b'"}', ANY, 413, "request_too_large", [""]),
    (
        "POST",
        f"{PREFIX}/projects",
        b'{"name":"X"}',
        {"Content-Type": "text/plain"},
        415,
        "unsupported_media_type",
        [""],
    ),
    (
        "POST",
        f"{PREFIX}/projects",
        b'{"name":"X"}',
        {"Content-Type": "application/json; charset=utf-16"},
        415,
        "unsupported_media_type",
        [""],
    ),
    # folders
    ("POST", f"{P}/import", b"not an archive", {}, 422, "invalid_archive", [""]),
    ("POST", f"{P}/import", b"", {}, 422, "invalid_archive", [""]),
    ("POST", f"{P}/import?format=banana", archive({"a.yaml": b"a: 1"}), {}, 422, "unknown_format", ["/format"]),
    ("POST", f"{P}/import?environment=live", archive({"greenroom.yaml": b"format: 1\n"}), {}, 409, "not_editable", []),
    ("POST", f"{P}/import?mode=merge", archive({}), {}, 422, "invalid_request", ["/mode"]),
]


@pytest.mark.parametrize(
    "method, path, sent, headers, status, code, pointers", CASES, ids=[f"{c[5]}-{n}" for n, c in enumerate(CASES)]
)
async def test_it_is_refused_with_its_place_and_nothing_is_written(
    method: str, path: str, sent: Any, headers: dict[str, str], status: int, code: str, pointers: list[str]
) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        ids = await fill(client, "hotel")
        data = sent if isinstance(sent, bytes) else None if sent is None else json.dumps(sent).encode()
        all_headers = {**({} if data is None else {"Content-Type": "application/json"}), **headers}
        url = path.replace("{turns}", f"{PREFIX}/conversations/{ids['conversation']}/turns")
        async with nothing_written(stage):
            reply = await client.request(method, url, content=data, headers=all_headers)
        found = problem(reply, status, code)
        assert [fault["pointer"] for fault in found["errors"]] == pointers
        assert len(reply.content) < 40_000


FILES: list[tuple[dict[str, bytes], str]] = [
    ({"greenroom.yaml": b"format: 1\n", "topic/a.yaml": b"name: a\n\xff\xfe"}, "topic/a.yaml"),
    ({"greenroom.yaml": b"format: 1\n", "topic/a.yaml": "name: ä\n".encode("utf-16")}, "topic/a.yaml"),
    ({"greenroom.yaml": b"format: 1\n", "topic/a.yaml": MANY.encode()}, "topic/a.yaml"),
    ({"greenroom.yaml": b"format: 1\n", "topic/a.yaml": b"name: [\n"}, "topic/a.yaml"),
    ({"greenroom.yaml": b"format: 1\n", "topic/a.yaml": b"name: a\nbanana: 1\n"}, "topic/a"),
    ({"greenroom.yaml": b"format: 1\n", "banana/a.yaml": b"name: a\n"}, "banana/a.yaml"),
    ({"../escape.yaml": b"name: a\n"}, "escape"),
]


@pytest.mark.parametrize("files, place", FILES, ids=range(len(FILES)))
async def test_a_folder_is_read_whole_or_not_at_all(files: dict[str, bytes], place: str) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        async with nothing_written(stage):
            reply = await client.post(f"{P}/import", content=archive(files))
        assert reply.status_code == 422, reply.text
        assert any(place in fault["pointer"] for fault in reply.json()["errors"]), reply.text


async def test_a_reference_that_dangles_is_a_warning_when_saved_and_refused_when_published() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        body = {
            **TOPIC,
            "name": "Taxi",
            "instructions": "Offer {{handoff.taxi}}.",
            "sample_questions": ["Get me a taxi"],
        }
        saved = good(await save(client, "hotel", "topic/taxi", body))
        assert saved["warnings"] == ["topic/taxi names handoff/taxi, which does not exist"]
        async with nothing_written(stage):
            reply = await client.post(f"{SANDBOX}/publish", json={"note": "Taxis can be called"})
        found = problem(reply, 422, "not_publishable", "invalid")
        assert found["errors"][0]["pointer"] == "/topic/taxi/instructions"
        assert "handoff/taxi" in found["errors"][0]["message"]


async def test_an_empty_draft_is_not_published() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        good(await client.post(f"{SANDBOX}/publish", json={"note": "Breakfast was added"}))
        async with nothing_written(stage):
            reply = await client.post(f"{SANDBOX}/publish", json={"note": "Breakfast was added"})
        problem(reply, 409, "nothing_to_publish", "refused")


async def test_a_public_release_must_be_confirmed_as_it_was_seen() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        good(await client.post(f"{SANDBOX}/publish", json={"note": "Breakfast was added"}))
        good(await client.post(f"{PRE}/promote", json={"version": 2, "expected_seq": 1}))
        for body, status, code, pointer in (
            ({"version": 2}, 428, "expected_seq_required", "/expected_seq"),
            ({"version": 2, "expected_seq": 0}, 412, "stale_sequence", "/expected_seq"),
            ({"version": 2, "expected_seq": 1}, 428, "confirmation_required", "/confirm/version"),
            (
                {"version": 2, "expected_seq": 1, "confirm": {"version": 1}},
                412,
                "stale_confirmation",
                "/confirm/version",
            ),
        ):
            async with nothing_written(stage):
                reply = await client.post(f"{LIVE}/promote", json=body)
            found = problem(reply, status, code)
            assert [fault["pointer"] for fault in found["errors"]] == [pointer]


async def test_a_skipped_step_needs_the_word_hotfix_and_a_reason() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        good(await client.post(f"{SANDBOX}/publish", json={"note": "Breakfast was added"}))
        body: dict[str, Any] = {"version": 2, "expected_seq": 1, "confirm": {"version": 2}}
        async with nothing_written(stage):
            found = problem(await client.post(f"{LIVE}/promote", json=body), 409, "skips_a_step", "refused")
            assert found["step_before"] == "pre-release"
            async with stage.client("release_manager") as manager:
                body["hotfix"] = {"reason": "the kitchen burns"}
                problem(await manager.post(f"{LIVE}/promote", json=body), 403, "not_allowed")
        assert good(await client.post(f"{LIVE}/promote", json=body))["operation"] == "hotfix"


async def test_a_stale_save_is_refused_with_both_sides() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        tag = (await client.get(f"{P}/content/topic/late-checkout?ref=live")).headers["etag"]
        theirs = {**TOPIC, "content": "You can stay until one."}
        saved = await save(client, "hotel", "topic/late-checkout", theirs, tag)
        yours = {**TOPIC, "content": "You can stay until two."}
        async with nothing_written(stage):
            reply = await save(client, "hotel", "topic/late-checkout", yours, tag)
        found = problem(reply, 412, "stale_revision", "stale")
        assert found["yours"]["content"] == yours["content"]
        assert found["theirs"]["content"] == theirs["content"]
        assert f'"{found["revision"]}"' == saved.headers["etag"]


async def test_an_environment_that_serves_nothing_says_so() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        good(await client.post(f"{PREFIX}/projects", json={"name": "Hotel"}))
        problem(await client.get(f"{P}/resolve?key=a"), 409, "nothing_served", "refused")
        problem(await client.post(f"{P}/conversations", json={}), 409, "nothing_served")
        problem(await client.get(f"{P}/content"), 404, "nothing_served")
        assert good(await client.get(f"{DRAFT}"))["changes"] == []


async def test_a_method_that_is_not_there_says_which_are() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        reply = await client.put(f"{PREFIX}/projects", json={})
        assert reply.headers["allow"] == "GET, POST"
        reply = await client.request("BREW", P)
        assert reply.headers["allow"] == "DELETE, GET, PATCH"


async def test_a_fault_of_ours_is_told_by_its_number_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import structlog

    stage = await make_stage()

    async def explode(*_: Any, **__: Any) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(stage.desk.projects, "list", explode)
    async with stage.client() as client:
        with structlog.testing.capture_logs() as logs:
            reply = await client.get(f"{PREFIX}/projects", headers={"X-Request-Id": "mine"})
        found = problem(reply, 500, "internal_error")
        assert "swordfish" not in reply.text
        assert found["incident"] in found["detail"]
        (entry,) = logs
        assert entry["incident"] == found["incident"]
        assert entry["request"] == reply.headers["x-request-id"] == "mine"
        assert "swordfish" in str(entry["exc_info"])
        assert key_of(HOME, "owner") not in str(entry)
