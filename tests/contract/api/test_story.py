"""The whole story through the API: a project, drafts, versions, releases, conversations, and the way back."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

from greenroom.domain.canonical import canonical_json
from tests.support.api import AGENT, BREAKFAST, PREFIX, TOPIC, fill, good, make_stage, problem, promote, save

P = f"{PREFIX}/projects/hotel"


async def test_a_version_travels_to_live_answers_there_and_comes_back() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        entity = await client.get(f"{P}/content/topic/late-checkout?ref=live")
        edited = {**TOPIC, "content": "You can stay until two."}
        saved = await save(client, "hotel", "topic/late-checkout", edited, entity.headers["etag"])
        assert saved.headers["etag"] == f'"{good(saved)["revision"]}"'
        plan = good(await client.post(f"{P}/environments/sandbox/publish?dry_run=true", json={"note": "?"}))
        assert plan["dry_run"] is True
        assert [w["code"] for w in plan["warnings"]] == ["vague_note"]
        assert plan["comparison"]["counts"] == {"added": 1, "removed": 0, "edited": 1}
        published = good(
            await client.post(f"{P}/environments/sandbox/publish", json={"note": "[FEATURE] Late check-out until two"})
        )
        assert published["version"]["number"] == 2
        assert published["version"]["tags"] == ["FEATURE"]
        assert published["version"]["author_name"] == "home_owner"
        assert published["version"]["digest"] == plan["digest"]
        await promote(client, "hotel", "pre-release", 2)
        plan = good(await client.post(f"{P}/environments/live/promote?dry_run=true", json={"version": "v2"}))
        assert (plan["confirmation"], plan["expected_seq"], plan["rollback_would_bring_back"]) == ("version", 1, 1)
        assert [version["ref"] for version in plan["versions_included"]] == ["v2"]
        assert plan["running"] == [{"version": 1, "conversations": 1}]
        await promote(client, "hotel", "live", 2)
        assert good(await client.get(f"{P}/resolve?key=ada"))["version"] == 2
        begun = good(await client.post(f"{P}/conversations", json={}))
        assert begun["version"] == 2
        asked = f"{PREFIX}/conversations/{begun['id']}/turns"
        turn = good(await client.post(asked, json={"text": "Can I check out late?"}))
        assert (turn["version"], turn["reply"]) == (2, "You can stay until two.")
        back = good(
            await client.post(f"{P}/environments/live/rollback", json={"expected_seq": 2, "reason": "wrong time"})
        )
        assert (back["operation"], back["version"], back["takes_back"]) == ("rollback", 1, [2])
        turn = good(await client.post(asked, json={"text": "Until when can I keep the room?"}))
        assert (turn["version"], turn["reply"]) == (1, "You can stay until noon.")
        assert good(await client.get(f"{P}/resolve?key=ada"))["version"] == 1
        told = good(await client.get(f"{PREFIX}/conversations/{begun['id']}"))
        assert [one["version"] for one in told["transcript"]] == [2, 2, 1]
        ended = good(await client.post(f"{PREFIX}/conversations/{begun['id']}/end"))
        assert ended["ended"] is True
        problem(await client.post(asked, json={"text": "hello?"}), 409, "conversation_ended", "refused")
        assert good(await client.get(f"{PREFIX}/audit/verify"))["sound"] is True


async def test_a_comparison_says_what_changed_by_whom_and_what_to_test() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        tag = (await client.get(f"{P}/content/topic/late-checkout?ref=live")).headers["etag"]
        good(await save(client, "hotel", "topic/late-checkout", {**TOPIC, "content": "You can stay until two."}, tag))
        code = "def ask(conv):\n    return 1\n"
        good(await save(client, "hotel", "function/ask", {"name": "Ask", "description": "Asks.", "code": code}))
        found = good(await client.get(f"{P}/compare?base=live&head=draft:sandbox"))
        assert found["counts"] == {"added": 2, "removed": 0, "edited": 1}
        (change,) = [one for one in found["changes"] if one["op"] == "edited"]
        (field,) = change["fields"]
        assert field["pointer"] == "/content"
        assert field["hunks"] == [
            ["same", "You can stay until "],
            ["removed", "noon"],
            ["added", "two"],
            ["same", "."],
        ]
        assert (change["author"], change["author_name"]) == ("key_home_owner", "home_owner")
        assert found["unchanged_kinds"] == ["agent"]
        assert found["checklist"][-1]["id"] == "always-compare"
        good(await client.post(f"{P}/environments/sandbox/publish", json={"note": "Late check-out until two"}))
        tag = (await client.get(f"{P}/content/function/ask?ref=sandbox")).headers["etag"]
        again = {"name": "Ask", "description": "Asks.", "code": code.replace("1", "2")}
        good(await save(client, "hotel", "function/ask", again, tag))
        found = good(await client.get(f"{P}/compare?base=sandbox&head=draft:sandbox"))
        (field,) = found["changes"][0]["fields"]
        assert field["form"] == "code"
        assert field["hunks"] == [
            ["same", "def ask(conv):\n"],
            ["removed", "    return 1\n"],
            ["added", "    return 2\n"],
        ]


async def test_a_draft_that_fell_behind_is_rebased_and_its_conflicts_are_settled() -> None:
    stage = await make_stage()
    async with stage.client() as ada, stage.client("admin") as bob:
        await fill(ada, "hotel")
        tag = (await ada.get(f"{P}/content/topic/late-checkout?ref=sandbox")).headers["etag"]
        for client, text in ((ada, "until one"), (bob, "until three")):
            good(await save(client, "hotel", "topic/late-checkout", {**TOPIC, "content": text}, tag))
        draft = good(await bob.get(f"{P}/environments/sandbox/draft"))
        assert [other["owner_name"] for other in draft["others_editing"]] == ["home_owner"]
        good(await ada.post(f"{P}/environments/sandbox/publish", json={"note": "Late check-out until one"}))
        note = {"note": "Late check-out until three"}
        refused = problem(await bob.post(f"{P}/environments/sandbox/publish", json=note), 409, "merge_conflicts")
        (conflict,) = refused["conflicts"]
        assert (conflict["ours"], conflict["theirs"]) == ("until three", "until one")
        rebased = good(await bob.post(f"{P}/environments/sandbox/draft/rebase", json={}))
        assert [one["id"] for one in rebased["conflicts"]] == [conflict["id"]]
        settled = {"resolutions": [{"conflict_id": conflict["id"], "take": "ours"}]}
        rebased = good(await bob.post(f"{P}/environments/sandbox/draft/rebase", json=settled))
        assert rebased["conflicts"] == []
        assert rebased["draft"]["behind"] is False
        published = good(await bob.post(f"{P}/environments/sandbox/publish", json=note))
        assert published["version"]["parents"] == [2]


async def test_a_draft_is_discarded_only_as_it_was_seen() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        place = f"{P}/environments/sandbox/draft"
        seen = await client.get(place)
        assert seen.headers["etag"] == f'"{good(seen)["digest"]}"'
        stale = problem(await client.post(f"{place}/discard", json={"revision": 99}), 412, "stale_revision")
        assert stale["revision"] == good(seen)["revision"]
        done = good(await client.post(f"{place}/discard", json={"revision": good(seen)["revision"]}))
        assert done["changes"] == 1
        assert good(await client.get(place))["changes"] == []
        problem(await client.post(f"{place}/discard", json={"revision": 0}), 404, "draft_not_found")


async def test_an_entity_is_removed_and_brought_back() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        place = f"{P}/environments/sandbox/draft/topic/late-checkout"
        tag = (await client.get(f"{P}/content/topic/late-checkout?ref=live")).headers["etag"]
        gone = good(await client.delete(place, headers={"If-Match": tag}))
        assert gone["revision"] is None
        problem(await client.get(f"{P}/content/topic/late-checkout?ref=draft:sandbox"), 404, "entity_not_found")
        problem(await client.delete(place, headers={"If-Match": tag}), 404, "entity_not_found")
        good(await save(client, "hotel", "topic/late-checkout", TOPIC))
        draft = good(await client.get(f"{P}/environments/sandbox/draft"))
        assert [change["address"] for change in draft["changes"]] == ["topic/breakfast"]


async def test_an_export_imported_again_changes_nothing() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        ids = await fill(client, "hotel")
        exported = await client.get(f"{P}/export?ref=v1")
        assert exported.headers["content-type"] == "application/zip"
        assert exported.headers["etag"] == f'"{ids["digest"]}"'
        with zipfile.ZipFile(io.BytesIO(exported.content)) as made:
            assert "agent/main.yaml" in made.namelist()
        seen = good(await client.post(f"{P}/import?dry_run=true", content=exported.content))
        assert (seen["dry_run"], seen["digest"], seen["removed"]) == (True, ids["digest"], 1)
        draft = good(await client.get(f"{P}/environments/sandbox/draft"))
        assert [change["address"] for change in draft["changes"]] == seen["overwritten"] == ["topic/breakfast"]
        done = good(await client.post(f"{P}/import?revision={draft['revision']}", content=exported.content))
        assert {row["status"] for row in done["report"]} == {"read"}
        assert good(await client.get(f"{P}/environments/sandbox/draft"))["changes"] == []


async def test_one_file_is_imported_and_everything_else_stays() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        file = b"name: Pets\nsample_questions: [May I bring my dog?]\ncontent: Dogs are welcome.\n"
        before = good(await client.get(f"{P}/content?ref=draft:sandbox"))["items"]
        done = good(await client.post(f"{P}/import?path=topic/pets.yaml", content=file))
        assert (done["added"], done["edited"], done["removed"]) == (1, 0, 0)
        after = good(await client.get(f"{P}/content?ref=draft:sandbox"))["items"]
        assert {e["address"] for e in after} - {e["address"] for e in before} == {"topic/pets"}
        wrong = await client.post(f"{P}/import?path=../pets.yaml", content=file)
        assert problem(wrong, 422, "invalid_files")["errors"][0]["pointer"].startswith("../pets.yaml")
        wrong = await client.post(f"{P}/import?path=topic/pets.yaml", content=b"name: [")
        assert problem(wrong, 422, "invalid_files")["errors"][0]["pointer"].startswith("topic/pets.yaml:")


async def test_a_bundle_holds_all_and_its_digests_can_be_checked() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        ids = await fill(client, "hotel")
        bundle = good(await client.get(f"{P}/bundles/{ids['digest']}"))
        assert bundle["digest"] == ids["digest"]
        assert bundle["entities"].keys() == {"agent/main", "topic/late-checkout"}
        for entity in bundle["entities"].values():
            assert entity["digest"] == "sha256:" + hashlib.sha256(canonical_json(entity["body"])).hexdigest()


async def test_a_turn_streams_sentence_by_sentence_and_ends_with_the_turn() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        begun = good(await client.post(f"{P}/conversations", json={}))
        place = f"{PREFIX}/conversations/{begun['id']}/turns"
        headers = {"Accept": "text/event-stream", "Idempotency-Key": "one"}
        reply = await client.post(place, json={"text": "tell me a joke"}, headers=headers)
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = events_of(reply.text)
        assert [name for name, _ in events[:-1]] == ["delta"] * (len(events) - 1)
        name, turn = events[-1]
        assert (name, turn["index"]) == ("turn", 1)
        assert "".join(data["text"] for _, data in events[:-1]) == turn["reply"]
        again = await client.post(place, json={"text": "tell me a joke"}, headers=headers)
        assert again.headers["idempotency-replayed"] == "true"
        assert events_of(again.text) == [("turn", turn)]
        assert good(await client.get(f"{PREFIX}/conversations/{begun['id']}"))["turns"] == 2
        whole = await client.post(place, json={"text": "tell me a joke"}, headers={"Idempotency-Key": "two"})
        assert good(whole)["index"] == 2


async def test_a_stream_that_cannot_begin_is_refused_with_its_status() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        reply = await client.post(
            f"{PREFIX}/conversations/cnv_none/turns", json={"text": "hi"}, headers={"Accept": "text/event-stream"}
        )
        problem(reply, 404, "conversation_not_found")


async def test_a_draft_is_tested_in_conversation_by_its_ref() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        begun = good(await client.post(f"{P}/conversations", json={"ref": "draft:sandbox", "channel": "chat"}))
        assert (begun["origin"], begun["version"], begun["ref"]) == ("test", None, "draft:sandbox")
        good(await save(client, "hotel", "topic/parking", {**BREAKFAST, "name": "Parking"}))
        turn = good(await client.post(f"{PREFIX}/conversations/{begun['id']}/turns", json={"text": "hi"}))
        assert turn["draft_changed"] is True
        both = {"ref": "v1", "environment": "live"}
        problem(await client.post(f"{P}/conversations", json=both), 422, "environment_or_ref")


async def test_a_conversation_on_somebody_elses_draft_can_still_be_looked_at() -> None:
    stage = await make_stage()
    async with stage.client() as owner, stage.client("viewer") as viewer:
        await fill(owner, "hotel")
        begun = good(await owner.post(f"{P}/conversations", json={"ref": "draft:sandbox@key_home_owner"}))
        assert good(await viewer.get(f"{PREFIX}/conversations/{begun['id']}"))["id"] == begun["id"]
        good(await owner.post(f"{P}/environments/sandbox/publish", json={"note": "Breakfast was added"}))
        assert good(await owner.get(f"{PREFIX}/conversations/{begun['id']}"))["id"] == begun["id"]


async def test_everything_that_happened_is_told_newest_first() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        told = good(await client.get(f"{P}/history"))["items"]
        assert [event["action"] for event in told[:2]] == ["draft.entity_saved", "release.promoted"]
        assert told[1]["summary"] == "home_owner promoted v1 to live"
        (made,) = good(await client.get(f"{P}/history?action=project.created"))["items"]
        assert (made["subject"], made["actor_name"]) == ("hotel", "home_owner")
        chain = good(await client.get(f"{PREFIX}/audit"))["items"]
        assert chain[0]["digest"] == "sha256:" + hashlib.sha256(chain[0]["payload"].encode()).hexdigest()
        assert chain[1]["previous"] == chain[0]["digest"]


async def test_a_version_is_marked_and_a_bad_one_must_be_acknowledged() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        good(await client.post(f"{P}/environments/sandbox/publish", json={"note": "Breakfast was added"}))
        assert good(await client.patch(f"{P}/versions/2", json={"mark": "bad"}))["mark"] == "bad"
        body = {"version": 2, "expected_seq": 1}
        refused = await client.post(f"{P}/environments/pre-release/promote", json=body)
        problem(refused, 409, "warnings_unacknowledged", "refused")
        body["acknowledged"] = ["version_marked_bad"]  # type: ignore[assignment]
        good(await client.post(f"{P}/environments/pre-release/promote", json=body))


async def test_a_renamed_project_keeps_its_slug_and_a_deleted_one_is_gone_everywhere() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        ids = await fill(client, "hotel")
        assert good(await client.patch(P, json={"name": " Harbour "}))["name"] == "Harbour"
        good(await client.get(f"{P}/bundles/{ids['digest']}"))
        assert (await client.delete(P)).status_code == 204
        for path in (P, f"{P}/resolve?key=ada", f"{P}/bundles/{ids['digest']}", f"{P}/environments"):
            problem(await client.get(path), 404, "project_not_found")


async def test_an_agent_is_named_by_its_kind() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        kinds = good(await client.get(f"{P}/kinds?limit=200"))["items"]
        assert kinds[0]["name"] == "agent"
        listed = good(await client.get(f"{P}/content?ref=v1&kind=agent"))["items"]
        assert [one["address"] for one in listed] == ["agent/main"]
        entity = good(await client.get(f"{P}/content/agent/main?ref=v1"))
        assert entity["body"]["greeting"] == AGENT["greeting"]


def events_of(text: str) -> list[tuple[str, dict]]:
    """Returns the events of a stream."""
    events = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events
