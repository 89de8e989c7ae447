"""Drafts that are shared, loaded, put away and brought back; and no way to write one unseen (rules R5 to R9, R21)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from greenroom.storage.memory.writing import MemoryWriting
from tests.contract.api.test_tenants import CLOSED, MATRIX, ask, set_up
from tests.support.api import (
    AGENT,
    BREAKFAST,
    PREFIX,
    TOPIC,
    Stage,
    archive,
    good,
    make_stage,
    nothing_written,
    problem,
)

P = f"{PREFIX}/projects/inn"
NEW = {"If-Match": "*"}
POOL = {"name": "Pool", "content": "The pool opens at seven.", "sample_questions": ["When does the pool open?"]}


@dataclass
class Room:
    """A project with one version, and the two who edit it: `ann` and, after her, `bob`."""

    stage: Stage
    ann: httpx2.AsyncClient
    bob: httpx2.AsyncClient
    alias: str

    @property
    def place(self) -> str:
        return f"{P}/environments/{self.alias}"

    @property
    def draft(self) -> str:
        return f"{self.place}/draft"

    async def load(self, client: httpx2.AsyncClient | None = None) -> Any:
        return good(await (client or self.ann).get(self.draft))

    async def tag(self, address: str, client: httpx2.AsyncClient | None = None, ref: str = "") -> str:
        path = f"{P}/content/{address}?ref={ref or f'draft:{self.alias}'}"
        found = await (client or self.ann).get(path)
        return found.headers.get("etag", "*")

    async def save(self, client: httpx2.AsyncClient, address: str, body: dict[str, Any]) -> Any:
        seen = await self.tag(address, client)
        return good(await client.put(f"{self.draft}/{address}", json=body, headers={"If-Match": seen}))

    async def publish(self, client: httpx2.AsyncClient, note: str, **more: Any) -> Any:
        url = f"{self.place}/publish"
        plan = good(await client.post(f"{url}?dry_run=true", json={"note": note, **more}))
        said = {"revision": plan["draft_revision"], "expected_seq": plan["expected_seq"]}
        body = {"note": note, **said, "confirm": {"digest": plan["digest"]}, **more}
        return good(await client.post(url, json=body))


async def open_room(template: str = "simple") -> Room:
    stage = await make_stage()
    ann = stage.client("owner")
    bob = stage.client("admin" if template != "pipeline" else "owner")
    alias = {"simple": "production", "parallel": "main", "pipeline": "sandbox"}[template]
    good(await ann.post(f"{PREFIX}/projects", json={"name": "Inn", "template": template}))
    room = Room(stage, ann, bob, alias)
    await room.save(ann, "agent/main", AGENT)
    await room.save(ann, "topic/late-checkout", TOPIC)
    await room.publish(ann, "First version of the inn")
    return room


# Nothing is written unseen.


@dataclass
class Seen:
    """What somebody saw before somebody else saved the same entity."""

    room: Room
    tag: str
    revision: int
    discarded: str
    checkpoint: str


Write = Callable[[Seen], Awaitable[httpx2.Response]]


async def save_again(seen: Seen) -> httpx2.Response:
    headers = {"If-Match": seen.tag}
    return await seen.room.ann.put(f"{seen.room.draft}/topic/breakfast", json=BREAKFAST, headers=headers)


async def remove(seen: Seen) -> httpx2.Response:
    return await seen.room.ann.delete(f"{seen.room.draft}/topic/breakfast", headers={"If-Match": seen.tag})


async def bring_in(seen: Seen) -> httpx2.Response:
    files = archive({"greenroom.yaml": b"format: 1\n"})
    query = f"environment={seen.room.alias}&revision={seen.revision}"
    return await seen.room.ann.post(f"{P}/import?{query}", content=files)


def post(path: str, **body: Any) -> Write:
    async def write(seen: Seen) -> httpx2.Response:
        said = {name: seen.discarded if value == "<discarded>" else value for name, value in body.items()}
        where = path.format(checkpoint=seen.checkpoint)
        return await seen.room.ann.post(f"{seen.room.place}{where}", json={**said, "revision": seen.revision})

    return write


STALE: dict[str, Write] = {
    "drafts.save": save_again,
    "drafts.remove": remove,
    "drafts.discard": post("/draft/discard"),
    "drafts.restore": post("/draft/restore", discarded_id="<discarded>"),
    "drafts.load_ref": post("/draft/load", ref="v1"),
    "drafts.rebase": post("/draft/rebase"),
    "checkpoints.save": post("/draft/checkpoints", name="Lunch"),
    "checkpoints.load": post("/draft/checkpoints/{checkpoint}/load"),
    "releases.publish": post("/publish", note="Breakfast was added", expected_seq=1),
    "projects.import_folder": bring_in,
}
"""Every way to write a draft, as somebody does it who did not see its last change."""
UNLOCKED = {
    "drafts.announce": "says who is here, and changes no draft",
    "checkpoints.remove": "a checkpoint never changes: it is there or not",
}


async def see(template: str) -> Seen:
    """Has Ann look at a draft, and somebody else (in a private one: she herself, elsewhere) save over it."""
    room = await open_room(template)
    await room.save(room.ann, "topic/pool", POOL)
    gone = good(await room.ann.post(f"{room.draft}/discard", json={"revision": (await room.load())["revision"]}))
    await room.save(room.ann, "topic/breakfast", BREAKFAST)
    kept = good(await room.ann.post(f"{room.draft}/checkpoints", json={"name": "Breakfast"}))
    tag, revision = await room.tag("topic/breakfast"), (await room.load())["revision"]
    await room.save(room.bob, "topic/breakfast", {**BREAKFAST, "content": "From nine."})
    return Seen(room, tag, revision, gone["discarded_id"], kept["id"])


@pytest.mark.parametrize("template", ["simple", "pipeline"], ids=["shared", "private"])
@pytest.mark.parametrize("operation", STALE)
async def test_a_stale_write_is_refused_with_both_sides_and_changes_nothing(operation: str, template: str) -> None:
    seen = await see(template)
    async with nothing_written(seen.room.stage):
        refused = problem(await STALE[operation](seen), 412, "stale_revision", "stale")
    if operation in ("drafts.save", "drafts.remove"):
        assert refused["theirs"]["content"] == "From nine."
        assert refused["revision"] == (await seen.room.tag("topic/breakfast")).strip('"')
    else:
        assert (refused["revision"], refused["seen"]) == (seen.revision + 1, seen.revision)
        (since,) = refused["changed_since"]
        assert since["address"] == "topic/breakfast"
        assert since["by"] == ("key_home_admin" if template == "simple" else "key_home_owner")


async def test_every_route_that_writes_a_draft_has_a_stale_row(monkeypatch: pytest.MonkeyPatch) -> None:
    writes = [one for one in CLOSED if one.method != "GET"]
    found = {one.id for one in writes if "/draft" in one.path}
    called: list[str] = []

    def spied(name: str, whole: Any) -> Any:
        def spy(self: Any, *given: Any) -> Any:
            called.append(name)
            return whole(self, *given)

        return spy

    for name in ("insert_draft", "update_draft", "put_draft_changes", "drop_draft_changes"):
        monkeypatch.setattr(MemoryWriting, name, spied(name, getattr(MemoryWriting, name)))
    for operation in writes:
        stage = await make_stage()
        async with stage.client() as owner:
            ids = {**await set_up(owner, "hotel"), **MATRIX[operation.id].own}
            called.clear()
            assert (await ask(owner, operation, ids)).is_success
            if called:
                found.add(operation.id)
    assert found == STALE.keys() | UNLOCKED.keys()


async def test_a_draft_that_was_put_away_meanwhile_is_not_taken_for_the_next_one() -> None:
    room = await open_room()
    first = await room.save(room.ann, "topic/pool", POOL)
    good(await room.bob.post(f"{room.draft}/discard", json={"revision": first["draft_revision"]}))
    problem(
        await room.ann.post(f"{room.draft}/load", json={"ref": "v1", "revision": first["draft_revision"]}),
        412,
        "stale_revision",
    )
    await room.save(room.bob, "topic/breakfast", BREAKFAST)
    body = {"revision": first["draft_revision"]}
    async with nothing_written(room.stage):
        problem(await room.ann.post(f"{room.draft}/discard", json=body), 412, "stale_revision")


async def test_an_import_overwrites_only_edits_that_were_seen() -> None:
    room = await open_room()
    exported = (await room.ann.get(f"{P}/export?ref=v1")).content
    await room.save(room.bob, "topic/breakfast", BREAKFAST)
    url = f"{P}/import?environment={room.alias}"
    async with nothing_written(room.stage):
        unsaid = problem(await room.ann.post(url, content=exported), 428, "revision_required", "missing")
    assert unsaid["would_overwrite"] == ["topic/breakfast"]
    assert [fault["pointer"] for fault in unsaid["errors"]] == ["/topic/breakfast"]
    # One file beside what others edit overwrites nothing.
    beside = await room.ann.post(f"{url}&path=topic/pets.yaml", content=b"name: Pets\ncontent: Dogs are welcome.\n")
    assert good(beside)["overwritten"] == []
    seen = (await room.load())["revision"]
    done = good(await room.ann.post(f"{url}&revision={seen}", content=exported))
    assert done["overwritten"] == ["topic/breakfast", "topic/pets"]


async def test_publishing_somebody_elses_edits_says_that_they_were_seen() -> None:
    room = await open_room()
    await room.save(room.bob, "topic/breakfast", BREAKFAST)
    unsaid = {"note": "Breakfast was added", "release": False}
    async with nothing_written(room.stage):
        refused = problem(await room.ann.post(f"{room.place}/publish", json=unsaid), 428, "revision_required")
    assert [change["by"] for change in refused["changes"]] == ["key_home_admin"]
    # Their author need not, as long as they are alone.
    good(await room.bob.post(f"{room.place}/publish", json=unsaid))


# One draft for all.


async def test_editors_share_one_draft_and_everybody_sees_who_did_what() -> None:
    room = await open_room("parallel")
    await room.save(room.ann, "topic/breakfast", BREAKFAST)
    await room.save(room.bob, "topic/pool", POOL)
    for client in (room.ann, room.bob):
        draft = await room.load(client)
        assert (draft["mode"], draft["owner"], draft["others_editing"]) == ("shared", "shared", [])
        assert {c["address"]: (c["by"], c["by_name"]) for c in draft["changes"]} == {
            "topic/breakfast": ("key_home_owner", "home_owner"),
            "topic/pool": ("key_home_admin", "home_admin"),
        }
    compared = good(await room.ann.get(f"{P}/compare?base=main&head=draft:main"))
    assert {c["address"]: c["author"] for c in compared["changes"]} == {
        "topic/breakfast": "key_home_owner",
        "topic/pool": "key_home_admin",
    }
    environment = good(await room.bob.get(f"{P}/environments/main"))
    assert (environment["draft_mode"], environment["draft_changes"]) == ("shared", 2)


async def test_a_publish_names_whose_edits_it_carries() -> None:
    room = await open_room()
    await room.save(room.ann, "topic/breakfast", BREAKFAST)
    await room.save(room.bob, "topic/pool", POOL)
    await room.save(room.bob, "topic/late-checkout", {**TOPIC, "content": "You can stay until two."})
    wanted = [
        {"by": "key_home_admin", "by_name": "home_admin", "changes": 2},
        {"by": "key_home_owner", "by_name": "home_owner", "changes": 1},
    ]
    plan = good(await room.ann.post(f"{room.place}/publish?dry_run=true", json={"note": "Pool and breakfast"}))
    assert plan["carries"] == wanted
    done = await room.publish(room.ann, "Pool and breakfast")
    assert done["carries"] == wanted
    assert good(await room.ann.get(f"{P}/versions/2"))["carries"] == wanted
    events = good(await room.ann.get(f"{P}/history"))["items"]
    published = next(event for event in events if event["action"] == "version.published")
    assert published["data"]["carries"] == [
        {"by": "key_home_admin", "changes": 2},
        {"by": "key_home_owner", "changes": 1},
    ]


async def test_a_shared_draft_is_tested_by_its_ref_and_belongs_to_no_member() -> None:
    room = await open_room()
    await room.save(room.bob, "topic/pool", POOL)
    begun = good(await room.ann.post(f"{P}/conversations", json={"ref": "draft:production"}))
    talk = f"{PREFIX}/conversations/{begun['id']}/turns"
    assert "seven" in good(await room.ann.post(talk, json={"text": "When does the pool open?"}))["reply"]
    for ref in ("draft:production@key_home_admin", "draft:production@key_home_owner"):
        refused = problem(await room.ann.get(f"{P}/content?ref={ref}"), 422, "draft_is_shared")
        assert "name it draft:production" in refused["detail"]
        assert refused["errors"][0]["pointer"] == "/ref"
    good(await room.ann.get(f"{P}/content?ref=draft:production@shared"))


async def test_conflicts_in_somebody_elses_edits_are_settled_only_as_they_were_seen() -> None:
    room = await open_room()
    await room.save(room.bob, "topic/late-checkout", {**TOPIC, "content": "Until two."})
    again = {"to": 1, "reason": "to move on", "expected_seq": 1}
    problem(await room.ann.post(f"{room.place}/rollback", json=again), 409, "already_served")
    settle = {"resolutions": [{"conflict_id": "x", "take": "theirs"}]}
    async with nothing_written(room.stage):
        problem(await room.ann.post(f"{room.draft}/rebase", json=settle), 428, "revision_required")
    draft = await room.load()
    said = {**settle, "revision": draft["revision"]}
    problem(await room.ann.post(f"{room.draft}/rebase", json=said), 422, "unknown_conflict")


async def test_who_is_editing_now_is_seen_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    room = await open_room()
    clock = room.stage.desk.clock
    before = len(good(await room.ann.get(f"{P}/history?limit=200"))["items"])
    here = good(await room.bob.post(f"{room.draft}/presence", json={"entity": "topic/pool"}))["present"]
    assert [(p["id"], p["name"], p["entity"]) for p in here] == [("key_home_admin", "home_admin", "topic/pool")]
    later = clock.now() + timedelta(seconds=50)
    monkeypatch.setattr(clock, "now", lambda: later, raising=False)
    good(await room.ann.post(f"{room.draft}/presence", json={}))
    assert [p["id"] for p in (await room.load())["present"]] == ["key_home_admin", "key_home_owner"]
    monkeypatch.setattr(clock, "now", lambda: later + timedelta(seconds=20), raising=False)
    assert [p["id"] for p in (await room.load())["present"]] == ["key_home_owner"]
    good(await room.ann.post(f"{room.draft}/presence", json={"entity": "topic/bar"}))
    rows = [r for r in room.stage.contents()["wsp_home"]["records"].values() if r.noun == "presence"]
    assert [row.body["entity"] for row in rows] == ["topic/bar"]
    assert len(good(await room.ann.get(f"{P}/history?limit=200"))["items"]) == before
    problem(await room.ann.post(f"{room.draft}/presence", json={"entity": "pool"}), 422, "invalid_address")


# Load, discard, restore, keep.


async def test_an_old_version_is_edited_reviewed_and_published_again() -> None:
    room = await open_room()
    await room.save(room.ann, "topic/pool", POOL)
    await room.save(room.ann, "topic/late-checkout", {**TOPIC, "content": "Until two."})
    await room.publish(room.ann, "The pool, and later check-outs")
    await room.save(room.bob, "topic/breakfast", BREAKFAST)
    revision = (await room.load())["revision"]
    loaded = good(await room.ann.post(f"{room.draft}/load", json={"ref": "v1", "revision": revision}))
    assert {(c["address"], c["op"]) for c in loaded["changes"]} == {
        ("topic/pool", "removed"),
        ("topic/late-checkout", "edited"),
        ("topic/breakfast", "removed"),
    }
    changes = {c["address"]: (c["op"], c["by"]) for c in loaded["draft"]["changes"]}
    assert changes == {
        "topic/pool": ("removed", "key_home_owner"),
        "topic/late-checkout": ("edited", "key_home_owner"),
    }
    assert loaded["draft"]["base"]["version"] == 2
    assert loaded["draft"]["digest"] == good(await room.ann.get(f"{P}/versions/1"))["digest"]
    # What was there before is not gone.
    gone = good(await room.bob.get(f"{room.draft}/discarded"))["items"]
    assert [(d["discarded_id"], d["addresses"]) for d in gone] == [(loaded["discarded_id"], ["topic/breakfast"])]
    assert gone[0]["carries"] == [{"by": "key_home_admin", "by_name": "home_admin", "changes": 1}]
    back = {"discarded_id": loaded["discarded_id"], "revision": loaded["draft"]["revision"]}
    restored = good(await room.bob.post(f"{room.draft}/restore", json=back))
    assert [(c["address"], c["op"]) for c in restored["changes"]] == [("topic/breakfast", "added")]
    assert {c["address"]: c["by"] for c in restored["draft"]["changes"]}["topic/breakfast"] == "key_home_admin"
    problem(
        await room.bob.post(f"{room.draft}/restore", json={"discarded_id": back["discarded_id"]}),
        404,
        "discarded_not_found",
    )
    done = await room.publish(room.ann, "As in the first version, with breakfast")
    assert (done["version"]["number"], done["version"]["parents"]) == (3, [2])


async def test_single_entities_are_taken_from_elsewhere_and_broken_references_are_told() -> None:
    room = await open_room()
    await room.save(room.ann, "topic/pool", POOL)
    await room.save(room.ann, "topic/late-checkout", {**TOPIC, "content": "See {{topic.pool}}."})
    await room.publish(room.ann, "The pool, and later check-outs")
    await room.save(room.bob, "topic/breakfast", BREAKFAST)
    revision = (await room.load())["revision"]
    only = {"ref": "v1", "only": ["topic/pool"], "revision": revision}
    loaded = good(await room.ann.post(f"{room.draft}/load", json=only))
    assert [(c["address"], c["op"], c["revision"]) for c in loaded["changes"]] == [("topic/pool", "removed", None)]
    assert any("topic/pool" in warning for warning in loaded["warnings"])
    assert {c["address"]: c["op"] for c in loaded["draft"]["changes"]} == {
        "topic/pool": "removed",
        "topic/breakfast": "added",
    }
    assert loaded["discarded_id"] is None
    again = {**only, "revision": loaded["draft"]["revision"]}
    async with nothing_written(room.stage):
        # It has become so already: nothing to do, and nothing in the history.
        key = {**again, "only": ["topic/pool"]}
        url = f"{room.draft}/load"
        assert problem(await room.ann.post(url, json=key), 404, "entity_not_found")["errors"][0]["pointer"] == "/only/0"
        assert good(await room.ann.post(url, json={**key, "ref": "draft:production", "only": None}))["changes"] == []
    url, both = f"{room.draft}/load", {**again, "ref": "v2", "only": ["topic/pool", "topic/breakfast"]}
    back = good(await room.ann.post(url, json=both))
    assert {(c["address"], c["op"]) for c in back["changes"]} == {
        ("topic/pool", "added"),
        ("topic/breakfast", "removed"),
    }
    assert (back["draft"]["changes"], back["warnings"]) == ([], [])


BAD_LOADS: list[tuple[dict[str, Any], int, str]] = [
    ({"ref": "v9"}, 404, "version_not_found"),
    ({"ref": "no ref"}, 422, "invalid_ref"),
    ({"ref": "v1", "only": []}, 422, "invalid_request"),
    ({"ref": "v1", "only": ["pool"]}, 422, "invalid_address"),
    ({"ref": "v1", "only": ["banana/pool"]}, 422, "unknown_kind"),
    ({"ref": "v1", "only": ["topic/none"]}, 404, "entity_not_found"),
    ({"ref": "v1", "revision": -1}, 422, "invalid_request"),
    ({"ref": "v1", "revision": "0"}, 422, "invalid_request"),
    ({"ref": "v1", "revision": None}, 422, "invalid_request"),
    ({"ref": "v1", "revision": 7}, 412, "stale_revision"),
]


@pytest.mark.parametrize("body, status, code", BAD_LOADS, ids=[f"{b[0]} {b[2]}" for b in BAD_LOADS])
async def test_a_load_that_cannot_be_is_refused(body: dict[str, Any], status: int, code: str) -> None:
    room = await open_room()
    async with nothing_written(room.stage):
        problem(await room.ann.post(f"{room.draft}/load", json={"revision": 0, **body}), status, code)


async def test_a_discarded_draft_comes_back_on_what_it_was_made_on() -> None:
    room = await open_room()
    await room.save(room.ann, "topic/late-checkout", {**TOPIC, "content": "Until two."})
    seen = (await room.load())["revision"]
    gone = good(await room.ann.post(f"{room.draft}/discard", json={"revision": seen}))
    await room.save(room.bob, "topic/late-checkout", {**TOPIC, "name": "Late departure"})
    await room.publish(room.bob, "Late check-out is called late departure")
    restored = good(await room.ann.post(f"{room.draft}/restore", json={"discarded_id": gone["discarded_id"]}))
    assert restored["draft"]["behind"] is True
    assert restored["draft"]["revision"] > seen
    rebased = good(await room.ann.post(f"{room.draft}/rebase", json={}))
    assert rebased["conflicts"] == []
    body = good(await room.ann.get(f"{P}/content/topic/late-checkout?ref=draft:production"))["body"]
    assert (body["name"], body["content"]) == ("Late departure", "Until two.")


async def test_what_is_in_the_way_of_a_restore_is_listed_and_nothing_is_lost() -> None:
    room = await open_room()
    await room.save(room.ann, "topic/late-checkout", {**TOPIC, "content": "Until two."})
    await room.save(room.ann, "topic/pool", POOL)
    gone = good(await room.ann.post(f"{room.draft}/discard", json={"revision": (await room.load())["revision"]}))
    await room.save(room.bob, "topic/late-checkout", {**TOPIC, "content": "Until three."})
    back = {"discarded_id": gone["discarded_id"]}
    async with nothing_written(room.stage):
        refused = problem(await room.ann.post(f"{room.draft}/restore", json=back), 409, "draft_in_the_way", "conflict")
    assert refused["addresses"] == ["topic/late-checkout"]
    assert "publish or discard it first" in refused["detail"]
    # It is in the way too when it was published since and the present draft stands on it.
    await room.publish(room.bob, "Late check-out until three")
    await room.save(room.bob, "topic/breakfast", BREAKFAST)
    refused = problem(await room.ann.post(f"{room.draft}/restore", json=back), 409, "draft_in_the_way")
    assert refused["addresses"] == ["topic/late-checkout"]
    # Without a present draft it comes back, and the rebase asks field by field.
    await room.publish(room.bob, "Breakfast was added")
    good(await room.ann.post(f"{room.draft}/restore", json=back))
    rebased = good(await room.ann.post(f"{room.draft}/rebase", json={}))
    assert [(c["ours"], c["theirs"]) for c in rebased["conflicts"]] == [("Until two.", "Until three.")]


async def test_a_discarded_draft_is_its_owners_and_is_kept_for_thirty_days(monkeypatch: pytest.MonkeyPatch) -> None:
    room = await open_room("pipeline")
    saved = await room.save(room.ann, "topic/pool", POOL)
    gone = good(await room.ann.post(f"{room.draft}/discard", json={"revision": saved["draft_revision"]}))
    back, stranger = {"discarded_id": gone["discarded_id"]}, room.stage.client("admin")
    assert good(await stranger.get(f"{room.draft}/discarded"))["items"] == []
    problem(await stranger.post(f"{room.draft}/restore", json=back), 404, "discarded_not_found")
    problem(await room.ann.post(f"{room.draft}/restore", json={"discarded_id": "drf_0"}), 404, "discarded_not_found")
    (listed,) = good(await room.ann.get(f"{room.draft}/discarded"))["items"]
    assert (listed["discarded_id"], listed["addresses"]) == (gone["discarded_id"], ["topic/pool"])
    clock = room.stage.desk.clock
    later = clock.now() + timedelta(days=30, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later, raising=False)
    assert good(await room.ann.get(f"{room.draft}/discarded"))["items"] == []
    refused = problem(await room.ann.post(f"{room.draft}/restore", json=back), 404, "discarded_not_found")
    assert "30 days" in refused["detail"]
    monkeypatch.setattr(clock, "now", lambda: later - timedelta(seconds=2), raising=False)
    good(await room.ann.post(f"{room.draft}/restore", json=back))


async def test_a_published_draft_cannot_be_restored() -> None:
    room = await open_room()
    events = good(await room.ann.get(f"{P}/history"))["items"]
    published = next(event for event in events if event["action"] == "version.published")["data"]["draft"]
    problem(await room.ann.post(f"{room.draft}/restore", json={"discarded_id": published}), 404, "discarded_not_found")


async def test_a_checkpoint_keeps_a_draft_under_a_name_and_gives_it_back() -> None:
    room = await open_room()
    problem(await room.ann.post(f"{room.draft}/checkpoints", json={"name": "Nothing"}), 409, "nothing_to_keep")
    await room.save(room.ann, "topic/pool", POOL)
    await room.save(room.bob, "topic/breakfast", BREAKFAST)
    kept = good(await room.bob.post(f"{room.draft}/checkpoints", json={"name": " Before lunch "}))
    assert (kept["name"], kept["by_name"], kept["changes"], kept["base_version"]) == (
        "Before lunch",
        "home_admin",
        2,
        1,
    )
    await room.save(room.ann, "topic/pool", {**POOL, "content": "The pool is closed."})
    seen = (await room.load())["revision"]
    url = f"{room.draft}/checkpoints/{kept['id']}"
    loaded = good(await room.ann.post(f"{url}/load", json={"revision": seen}))
    assert [(c["address"], c["op"]) for c in loaded["changes"]] == [("topic/pool", "edited")]
    assert {c["address"]: c["by"] for c in loaded["draft"]["changes"]} == {
        "topic/pool": "key_home_owner",
        "topic/breakfast": "key_home_admin",
    }
    assert loaded["discarded_id"] is not None
    good(await room.ann.delete(url))
    problem(await room.ann.delete(url), 404, "checkpoint_not_found")
    problem(await room.ann.post(f"{url}/load", json={"revision": 0}), 412, "stale_revision")
    assert good(await room.ann.get(f"{room.draft}/checkpoints"))["items"] == []
    assert len((await room.load())["changes"]) == 2


async def test_a_checkpoint_compares_with_the_draft_by_its_digest() -> None:
    room = await open_room()
    await room.save(room.ann, "topic/pool", POOL)
    kept = good(await room.ann.post(f"{room.draft}/checkpoints", json={"name": "Pool"}))
    await room.save(room.ann, "topic/pool", {**POOL, "content": "The pool opens at nine."})
    compared = good(await room.ann.get(f"{P}/compare?base={kept['digest']}&head=draft:{room.alias}"))
    assert [change["address"] for change in compared["changes"]] == ["topic/pool"]
    listed = good(await room.ann.get(f"{room.draft}/checkpoints"))
    assert listed["items"][0]["digest"] == kept["digest"]


async def test_a_checkpoint_of_a_private_draft_is_its_owners() -> None:
    room = await open_room("pipeline")
    await room.save(room.ann, "topic/pool", POOL)
    kept = good(await room.ann.post(f"{room.draft}/checkpoints", json={"name": 'a "draft_of":"key_home_admin"'}))
    url, stranger = f"{room.draft}/checkpoints/{kept['id']}", room.stage.client("admin")
    assert good(await stranger.get(f"{room.draft}/checkpoints"))["items"] == []
    problem(await stranger.delete(url), 404, "checkpoint_not_found")
    problem(await stranger.post(f"{url}/load", json={"revision": 0}), 404, "checkpoint_not_found")
    assert [c["id"] for c in good(await room.ann.get(f"{room.draft}/checkpoints"))["items"]] == [kept["id"]]


# Who changed it last?


async def test_the_history_of_an_entity_says_who_changed_it_when_and_where_it_is_served() -> None:
    room = await open_room("pipeline")
    room.bob = room.stage.client("admin")
    for client, text in ((room.bob, "Until one."), (room.ann, "Until two.")):
        await room.save(client, "topic/late-checkout", {**TOPIC, "content": text})
        await room.publish(client, f"Late check-out: {text}")
        await room.save(client, "topic/pool", {**POOL, "content": text})
        await room.publish(client, f"The pool's words: {text}")
    good(await room.ann.delete(f"{room.draft}/topic/pool", headers={"If-Match": await room.tag("topic/pool")}))
    await room.publish(room.ann, "The pool was closed for ever")
    found = good(await room.ann.get(f"{P}/content/topic/late-checkout/history"))["items"]
    assert [(c["version"], c["op"], c["edited_by_name"], c["served_by"]) for c in found] == [
        (4, "edited", "home_owner", ["sandbox"]),
        (2, "edited", "home_admin", []),
        (1, "added", "home_owner", []),
    ]
    pool = good(await room.ann.get(f"{P}/content/topic/pool/history"))["items"]
    assert [(c["version"], c["op"], c["revision"] is None) for c in pool] == [
        (6, "removed", True),
        (5, "edited", False),
        (3, "added", False),
    ]
    problem(await room.ann.get(f"{P}/content/topic/never/history"), 404, "entity_not_found")
    for ref, last in (("sandbox", 4), ("v3", 2), ("v1", 1), ("draft:sandbox", 4)):
        entity = good(await room.ann.get(f"{P}/content/topic/late-checkout?ref={ref}"))
        assert entity["last_changed"]["version"] == last, ref
    await room.save(room.bob, "topic/late-checkout", {**TOPIC, "content": "Until three."})
    entity = good(await room.bob.get(f"{P}/content/topic/late-checkout?ref=draft:sandbox"))
    assert (entity["last_changed"]["version"], entity["last_changed"]["by_name"]) == (None, "home_admin")


async def test_in_a_shared_draft_the_history_names_the_editor_beside_the_publisher() -> None:
    room = await open_room()
    await room.save(room.bob, "topic/pool", POOL)
    await room.publish(room.ann, "The pool was added")
    (change,) = good(await room.ann.get(f"{P}/content/topic/pool/history"))["items"]
    assert (change["edited_by_name"], change["author_name"]) == ("home_admin", "home_owner")
    entity = good(await room.ann.get(f"{P}/content/topic/pool?ref=production"))
    assert entity["last_changed"]["by_name"] == "home_admin"
