"""Both clients, against a server that a test made up."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from greenroom.domain.errors import Invalid, NotFound, Refused, Stale, Unavailable
from greenroom.sdk import AsyncClient, Client
from greenroom.sdk.nouns import Nouns
from greenroom.sdk.verb import ListVerb, StreamVerb, Verb
from greenroom.wire.releases import PlanOut, ReleaseOut
from tests.support import fake_api
from tests.support.fake_api import DIGEST, FakeApi, StillClock, page, problem, version

TURN: dict[str, Any] = {
    "index": 1,
    "heard": "hi",
    "reply": "hello",
    "events": [],
    "ended": False,
    "version": "v3",
    "digest": DIGEST,
}


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def client(api: FakeApi, clock: StillClock) -> Client:
    return Client("http://server/", "secret", transport=api.transport(), clock=clock)


def test_a_request_says_who_asks(api: FakeApi, client: Client) -> None:
    me = {"id": "key_1", "name": "ci", "role": "admin", "workspace": "wsp_1", "permissions": []}
    api.on("GET", "/me", me)
    assert client.me().role == "admin"
    assert api.asked[0].headers["authorization"] == "Bearer secret"
    assert api.asked[0].headers["user-agent"].startswith("greenroom/")


def test_a_list_is_read_to_its_end(api: FakeApi, client: Client) -> None:
    api.on("GET", "/projects/p/versions", page(version(3), version(2), next_cursor="c2"), page(version(1)))
    assert [found.number for found in client.versions.list("p", limit=2, tag="HOTFIX")] == [3, 2, 1]
    assert [asked.query for asked in api.asked] == [
        {"limit": "2", "tag": "HOTFIX"},
        {"limit": "2", "tag": "HOTFIX", "cursor": "c2"},
    ]


def test_a_page_is_read_alone(api: FakeApi, client: Client) -> None:
    api.on("GET", "/projects/p/versions", page(version(3), next_cursor="c2"))
    assert client.versions.list("p").page().next_cursor == "c2"
    assert len(api.asked) == 1


def test_a_lost_connection_is_tried_again_with_the_same_key(api: FakeApi, client: Client, clock: StillClock) -> None:
    lost = httpx2.ConnectError("connection refused")
    api.on(
        "POST", "/projects/p/environments/live/promote", lost, problem(503, "unavailable", "x", "y"), fake_api.release()
    )
    done = client.releases.promote("p", "live", 1, expected_seq=4, confirm=1)
    assert isinstance(done, ReleaseOut)
    assert [asked.headers["idempotency-key"] for asked in api.asked] == ["key-1"] * 3
    assert clock.waited_ms == [200, 400]


def test_two_writes_have_two_keys(api: FakeApi, client: Client) -> None:
    api.on("PATCH", "/projects/p/versions/1", version(1))
    client.versions.mark("p", 1, "good")
    client.versions.mark("p", 1, "none")
    assert [asked.headers["idempotency-key"] for asked in api.asked] == ["key-1", "key-2"]


def test_a_server_that_stays_away_is_unavailable(api: FakeApi, client: Client) -> None:
    api.on("GET", "/me", httpx2.ConnectError("connection refused"))
    with pytest.raises(Unavailable, match="no answer from http://server: connection refused") as away:
        client.me()
    assert away.value.code == "unreachable"
    assert len(api.asked) == 4


def test_a_slow_server_is_not_asked_again(api: FakeApi, client: Client) -> None:
    api.on("GET", "/me", httpx2.ReadTimeout("slow"))
    with pytest.raises(Unavailable, match="in time"):
        client.me()
    assert len(api.asked) == 1


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="http://"):
        Client("server:8700")


def test_a_dry_run_returns_the_plan(api: FakeApi, client: Client) -> None:
    api.on("POST", "/projects/p/environments/live/promote", fake_api.plan())
    planned = client.releases.promote("p", "live", 1, dry_run=True)
    assert isinstance(planned, PlanOut)
    assert api.asked[0].query == {"dry_run": "true"}


def test_a_save_says_which_revision_it_saw(api: FakeApi, client: Client) -> None:
    path = "/projects/p/environments/sandbox/draft/topic/hours"
    api.on("PUT", path, {"address": "topic/hours", "revision": DIGEST, "draft_revision": 1})
    client.drafts.save("p", "sandbox", "topic/hours", {"name": "Hours"}, if_match="*")
    client.drafts.save("p", "sandbox", "topic/hours", {"name": "Hours"}, if_match=DIGEST)
    client.drafts.save("p", "sandbox", "topic/hours", {"name": "Hours"}, if_match=None)
    assert [asked.headers.get("if-match") for asked in api.asked] == ["*", f'"{DIGEST}"', None]
    assert api.asked[0].json() == {"name": "Hours"}


def test_an_address_that_is_none_is_not_sent(api: FakeApi, client: Client) -> None:
    with pytest.raises(Invalid):
        client.content.load("p", "hours")
    assert api.asked == []


def test_an_archive_goes_as_it_is_with_its_length(api: FakeApi, client: Client) -> None:
    told: list[int] = []
    done = {
        "environment": "sandbox",
        "revision": 1,
        "digest": DIGEST,
        "added": 1,
        "edited": 0,
        "removed": 0,
        "unchanged": 0,
    }
    api.on("POST", "/projects/p/import", done)
    client.projects.import_folder("p", b"PK\x03\x04data", format="polyai", mode="replace", on_sent=told.append)
    client.projects.import_folder("p", b"\x1f\x8bdata", dry_run=True)
    first, second = api.asked
    assert first.body == b"PK\x03\x04data"
    assert first.headers["content-length"] == "8"
    assert "transfer-encoding" not in first.headers
    assert told == [8]
    assert first.query == {"format": "polyai", "mode": "replace"}
    assert first.headers["content-type"] == "application/zip"
    assert second.headers["content-type"] == "application/gzip"
    assert second.query == {"dry_run": "true"}


def test_bytes_come_back_as_they_are(api: FakeApi, client: Client) -> None:
    api.on("GET", "/projects/p/export", b"PK\x03\x04")
    api.on("GET", f"/projects/p/bundles/{DIGEST}", b"{}")
    assert client.projects.export("p", ref="live") == b"PK\x03\x04"
    assert client.bundles.load("p", DIGEST) == b"{}"


def events(*parts: tuple[str, Any]) -> Callable[[httpx2.Request], httpx2.Response]:
    text = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in parts)
    return lambda _request: httpx2.Response(200, content=text, headers={"content-type": "text/event-stream"})


def test_a_turn_comes_piece_by_piece(api: FakeApi, client: Client) -> None:
    api.on("POST", "/conversations/c/turns", events(("delta", {"text": "hel"}), ("turn", TURN)))
    pieces = list(client.conversations.stream_turn("c", "hi"))
    assert [piece.name for piece in pieces] == ["delta", "turn"]
    assert pieces[0].data == {"text": "hel"}
    assert pieces[1].turn is not None
    assert pieces[1].turn.version == 3
    assert api.asked[0].headers["accept"] == "text/event-stream"
    assert api.asked[0].headers["idempotency-key"] == "key-1"


def test_a_turn_that_comes_whole_is_one_piece(api: FakeApi, client: Client) -> None:
    api.on("POST", "/conversations/c/turns", TURN)
    (piece,) = client.conversations.stream_turn("c", "hi")
    assert piece.turn is not None
    assert piece.turn.reply == "hello"


def test_a_refusal_in_the_middle_of_a_stream_is_raised(api: FakeApi, client: Client) -> None:
    wrong = {
        "title": "t",
        "status": 503,
        "family": "unavailable",
        "code": "model_away",
        "detail": "no model",
        "errors": [],
    }
    api.on("POST", "/conversations/c/turns", events(("delta", {}), ("problem", wrong)))
    stream = client.conversations.stream_turn("c", "hi")
    assert next(stream).name == "delta"
    with pytest.raises(Unavailable, match="no model"):
        next(stream)


def test_a_refusal_instead_of_a_stream_is_raised(api: FakeApi, client: Client) -> None:
    api.refuse("POST", "/conversations/c/turns", 404, "not_found", "not_found", "no such conversation")
    with pytest.raises(NotFound):
        list(client.conversations.stream_turn("c", "hi"))


async def test_the_awaiting_client_does_the_same(api: FakeApi, clock: StillClock) -> None:
    api.on("GET", "/projects/p/versions", page(version(2), next_cursor="c"), page(version(1)))
    api.on(
        "GET",
        "/me",
        httpx2.ConnectError("gone"),
        {"id": "k", "name": "n", "role": "r", "workspace": "w", "permissions": []},
    )
    api.on("POST", "/conversations/c/turns", events(("delta", {}), ("turn", TURN)))
    api.refuse("POST", "/projects/p/environments/live/rollback", 412, "stale", "stale_sequence", "moved", seq=9)
    api.on("POST", "/projects/p/import", problem(409, "refused", "no", "no"))
    async with AsyncClient("http://server", "secret", transport=api.transport(), clock=clock) as client:
        assert (await client.me()).name == "n"
        assert clock.waited_ms == [200]
        assert [found.number async for found in client.versions.list("p")] == [2, 1]
        assert (await client.versions.list("p").page()).items[0].number == 1
        assert [piece.name async for piece in client.conversations.stream_turn("c", "hi")] == ["delta", "turn"]
        with pytest.raises(Stale) as stale:
            await client.releases.roll_back("p", "live", reason="wrong hours", expected_seq=4)
        assert stale.value.extra["seq"] == 9
        told: list[int] = []
        with pytest.raises(Refused):
            await client.projects.import_folder("p", b"PKxx", on_sent=told.append)
        assert told == [4]


def test_every_verb_of_the_api_is_there() -> None:
    nouns = Nouns[Any](None)
    found = {
        noun: {name for name, member in vars(type(value)).items() if isinstance(member, Verb | ListVerb | StreamVerb)}
        for noun, value in vars(nouns).items()
        if not noun.startswith("_")
    }
    assert found == {
        "projects": {"create", "list", "load", "rename", "delete", "import_folder", "export", "migrate"},
        "kinds": {"list"},
        "content": {"list", "load", "list_history"},
        "environments": {"list", "load", "create", "change", "delete", "list_aliases"},
        "merges": {"make"},
        "releases": {"list", "publish", "promote", "roll_back"},
        "drafts": {
            "load",
            "save",
            "remove",
            "discard",
            "list_discarded",
            "restore",
            "load_ref",
            "announce",
            "rebase",
        },
        "checkpoints": {"save", "list", "load", "remove"},
        "versions": {"list", "load", "mark", "compare"},
        "traffic": {"resolve"},
        "bundles": {"load"},
        "conversations": {"start", "take_turn", "stream_turn", "load", "list", "end", "replay"},
        "test_runs": {"start", "load", "load_junit", "list", "cancel"},
        "transcripts": {"load", "add_tag", "remove_tag", "add_note", "rate", "list_tags"},
        "erasures": {"erase", "erase_person"},
        "tickets": {"list", "load", "assign", "close"},
        "executions": {"list"},
        "tables": {
            "create",
            "list",
            "load",
            "alter",
            "delete",
            "find_rows",
            "put_row",
            "delete_row",
            "import_csv",
            "export_csv",
        },
        "knowledge": {
            "list_documents",
            "put_document",
            "upload_document",
            "load_document",
            "delete_document",
            "list_sources",
            "sync",
            "search",
        },
        "numbers": {"list", "load", "add", "change", "remove"},
        "readiness": {"check"},
        "secrets": {"list", "set", "unset", "override", "restore", "rotate"},
        "connections": {"list", "load", "save", "remove"},
        "splits": {"load", "set", "list_changes", "explain"},
        "testers": {"list", "add", "remove"},
        "share_links": {"list", "create", "revoke"},
        "results": {"load", "compare"},
        "evaluations": {"list", "load", "save", "remove", "run", "cancel", "list_results"},
        "widgets": {"load"},
        "history": {"list"},
        "audit": {"verify"},
        "keys": {"create", "list", "revoke"},
    }
