"""Split, testers and share links through the API: what a release manager does, and what callers then see."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.support.api import HOME, PREFIX, Stage, fill, good, in_days, make_stage, problem
from tests.support.splits import open_place

P = f"{PREFIX}/projects/hotel"
NEW = {"If-Match": "*"}


async def set_up() -> Stage:
    """Returns a stage with a hotel whose live environment serves v1, and a place b beside it that does, too."""
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
    await open_place(stage.store, HOME, "hotel", "b", 1)
    await stage.desk.traffic.refresh()
    return stage


def shares(**weights: Any) -> dict[str, Any]:
    return {"shares": [{"environment": alias, "weight": weight} for alias, weight in weights.items()]}


async def test_a_split_is_read_tried_and_set() -> None:
    stage = await set_up()
    async with stage.client("release_manager") as client:
        first = await client.get(f"{P}/split")
        assert "etag" not in first.headers
        whole = {"environment": "live", "weight": 100.0, "slots": [[0, 9999]]}
        assert good(first) == {
            "revision": 0, "sticky_key": "user", "salt": "", "shares": [whole], "note": "", "changed_at": None,
            "changed_by": "",
        }  # fmt: skip
        body = {**shares(live=66.67, b=33.33), "note": "A third tries B"}
        plan = good(await client.put(f"{P}/split?dry_run=true", json=body))
        assert (plan["moved_slots"], plan["moved_percent"], plan["running"], plan["revision"]) == (3333, 33.33, 1, 0)
        assert good(await client.get(f"{P}/split"))["revision"] == 0
        done = await client.put(f"{P}/split", json=body, headers=NEW)
        assert done.headers["etag"] == '"1"'
        split = good(done)
        assert split == good(await client.get(f"{P}/split"))
        assert [(share["environment"], share["weight"]) for share in split["shares"]] == [("live", 66.67), ("b", 33.33)]
        assert split["salt"]
        again = good(await client.put(f"{P}/split", json=shares(live=100), headers={"If-Match": '"1"'}))
        assert (again["revision"], again["salt"]) == (2, split["salt"])
        page = good(await client.get(f"{P}/split/history?limit=1"))
        assert [each["revision"] for each in page["items"]] == [2]
        (change,) = good(await client.get(f"{P}/split/history?limit=1&cursor={page['next_cursor']}"))["items"]
        assert (change["moved_slots"], change["note"]) == (3333, "A third tries B")
        assert change["before"] == [{"environment": "live", "weight": 100.0}]
        told = good(await client.get(f"{P}/history?action=split.changed"))["items"]
        assert [event["summary"].partition(" split ")[2] for event in told] == [
            "the traffic: live 100 %",
            "the traffic: live 66.67 %, b 33.33 %",
        ]


async def test_a_restart_is_tried_and_draws_another_salt() -> None:
    stage = await set_up()
    async with stage.client("release_manager") as client:
        first = good(await client.put(f"{P}/split", json=shares(live=80, b=20), headers=NEW))
        again = {**shares(live=80, b=20), "restart": True, "note": "A new test begins"}
        plan = good(await client.put(f"{P}/split?dry_run=true", json=again))
        assert (plan["rekeyed"], plan["moved_slots"]) == (True, 0)
        pairs = {(flow["source"], flow["target"]): flow["weight"] for flow in plan["flows"]}
        assert pairs == {("live", "b"): 16.0, ("b", "live"): 16.0}
        second = good(await client.put(f"{P}/split", json=again, headers={"If-Match": '"1"'}))
        assert second["salt"] != first["salt"]
        assert second["shares"] == first["shares"]
        changes = good(await client.get(f"{P}/split/history"))["items"]
        assert [change["restarted"] for change in changes] == [True, False]


async def test_a_split_that_cannot_be_is_refused_where_it_is_wrong() -> None:
    stage = await set_up()
    async with stage.client() as client:
        problem(await client.put(f"{P}/split", json=shares(live=100)), 428, "precondition_required")
        good(await client.put(f"{P}/split", json=shares(live=90, b=10), headers=NEW))
        stale = problem(await client.put(f"{P}/split", json=shares(live=100), headers=NEW), 412, "stale_revision")
        assert stale["present"]["revision"] == 1
        assert stale["present"]["shares"][1] == {"environment": "b", "weight": 10.0}
        for body, status, code, pointer in (
            (shares(live=90, b=9.999), 422, "invalid_weight", "/shares/1/weight"),
            (shares(live=90, b=9), 422, "weights_not_whole", "/shares"),
            (shares(b=100), 422, "default_entry_missing", "/shares"),
            (shares(live=90, sandbox=10), 409, "internal_environment", "/shares/1/environment"),
            (shares(live=90, nowhere=10), 404, "environment_not_found", "/shares/1/environment"),
            (shares(live="100"), 422, "invalid_request", "/shares/0/weight"),
            (shares(live=True), 422, "invalid_request", "/shares/0/weight"),
            (shares(live=101), 422, "invalid_request", "/shares/0/weight"),
            (shares(live=-1), 422, "invalid_request", "/shares/0/weight"),
            (shares(), 422, "invalid_request", "/shares"),
            ({**shares(live=100), "sticky_key": "moon"}, 422, "invalid_request", "/sticky_key"),
        ):
            said = problem(await client.put(f"{P}/split", json=body, headers={"If-Match": '"1"'}), status, code)
            assert said["errors"][0]["pointer"] == pointer, said
        assert good(await client.get(f"{P}/split"))["revision"] == 1


async def test_a_repeated_request_splits_once() -> None:
    stage = await set_up()
    async with stage.client() as client:
        twice = [
            await client.put(f"{P}/split", json=shares(live=90, b=10), headers={**NEW, "Idempotency-Key": "once"})
            for _ in range(2)
        ]
        assert twice[0].content == twice[1].content
        assert len(good(await client.get(f"{P}/split/history"))["items"]) == 1


async def ask_both(stage: Stage, path: str) -> Any:
    """Returns what both doors say; fails where they differ."""
    same = {"X-Request-Id": "same"}
    async with stage.client() as hot, stage.client(hot=False) as routes:
        one, other = await hot.get(path, headers=same), await routes.get(path, headers=same)
        assert (one.status_code, one.content, dict(one.headers)) == (
            other.status_code,
            other.content,
            dict(other.headers),
        )
        return good(one)


async def test_both_doors_follow_the_split_from_the_next_request_on() -> None:
    stage = await set_up()
    async with stage.client() as client:
        for seen, live in (("*", 0), ('"1"', 100), ('"2"', 50)):
            body = shares(live=live, b=100 - live)
            good(await client.put(f"{P}/split", json=body, headers={"If-Match": seen}))
            found = {(await ask_both(stage, f"{P}/resolve?key=user-{n}"))["environment"] for n in range(30)}
            assert found == {0: {"b"}, 100: {"live"}, 50: {"live", "b"}}[live]
        decided = await ask_both(stage, f"{P}/resolve?key=user-1")
        assert decided["reason"].startswith(f"split 3 of hotel: {decided['environment']} has 50 %; ")
        assert (await ask_both(stage, f"{P}/resolve?key=user-1&environment=b"))["environment"] == "b"
        good(await client.post(f"{P}/testers", json={"environment": "sandbox", "user_id": "user-1"}))
        led = await ask_both(stage, f"{P}/resolve?key=user-1")
        assert (led["environment"], led["reason"].split(";")[0]) == ("sandbox", "a tester, led past the split")


async def test_the_slot_that_resolve_answers_is_the_formulas() -> None:
    from greenroom.domain.environments import choose_slot

    stage = await set_up()
    async with stage.client() as client:
        split = good(await client.put(f"{P}/split", json=shares(live=40, b=60), headers=NEW))
        for n in range(20):
            decided = await ask_both(stage, f"{P}/resolve?key=user-{n}")
            slot = choose_slot(split["salt"], f"user-{n}")
            owner = next(s for s in split["shares"] if any(a <= slot <= b for a, b in s["slots"]))
            assert (decided["slot"], decided["environment"]) == (slot, owner["environment"])


async def start(client: httpx2.AsyncClient, **body: Any) -> Any:
    return good(await client.post(f"{P}/conversations", json=body))


async def test_a_share_link_is_shown_once_and_opens_one_place() -> None:
    stage = await set_up()
    body = {"environment": "sandbox", "expires_at": in_days(30), "label": "The board"}
    async with stage.client("publisher") as client, stage.client("viewer") as caller:
        asked = [
            await client.post(f"{P}/share-links", json=body, headers={"Idempotency-Key": "link"}) for _ in range(2)
        ]
        made = good(asked[0])
        assert good(asked[1]) == made
        listed = await client.get(f"{P}/share-links")
        assert good(listed)["items"] == [{name: value for name, value in made.items() if name != "token"}]
        assert made["token"] not in listed.text
        assert (await start(caller, share_link=made["token"], user_id="ada"))["environment"] == "sandbox"
        decided = good(await caller.get(f"{P}/resolve", params={"key": "ada", "share_link": made["token"]}))
        assert decided["environment"] == "sandbox"
        both = {"key": "ada", "share_link": made["token"], "environment": "live"}
        problem(await caller.get(f"{P}/resolve", params=both), 422, "environment_or_ref")
        problem(
            await caller.post(f"{P}/conversations", json={"share_link": made["token"], "environment": "live"}),
            422,
            "environment_or_ref",
        )
        assert (await client.delete(f"{P}/share-links/{made['id']}")).status_code == 204
        for answer in (
            await caller.post(f"{P}/conversations", json={"share_link": made["token"]}),
            await caller.get(f"{P}/resolve", params={"key": "ada", "share_link": made["token"]}),
        ):
            problem(answer, 409, "share_link_over")
        too_long = {**body, "expires_at": in_days(91)}
        problem(await client.post(f"{P}/share-links", json=too_long), 422, "invalid_expiry")


async def test_a_link_of_another_project_opens_nothing_here() -> None:
    stage = await set_up()
    async with stage.client() as client:
        await fill(client, "inn")
        body = {"environment": "live", "expires_at": in_days(1)}
        token = good(await client.post(f"{PREFIX}/projects/inn/share-links", json=body))["token"]
        problem(await client.post(f"{P}/conversations", json={"share_link": token}), 404, "share_link_not_found")
        answer = await client.get(f"{P}/resolve", params={"key": "a", "share_link": token})
        problem(answer, 404, "share_link_not_found")


async def test_testers_are_listed_masked_in_pages_and_removed() -> None:
    stage = await set_up()
    async with stage.client("publisher") as client:
        for n in range(3):
            caller = f"+4915112345{n}"
            good(await client.post(f"{P}/testers", json={"environment": "b", "caller": caller, "label": "QA"}))
        first = good(await client.get(f"{P}/testers?limit=2&environment=b"))
        rest = good(await client.get(f"{P}/testers?limit=2&cursor={first['next_cursor']}"))
        items = [*first["items"], *rest["items"]]
        assert {item["shown"] for item in items} == {"+49…450", "+49…451", "+49…452"}
        assert {(item["environment"], item["kind"]) for item in items} == {("b", "caller")}
        assert good(await client.get(f"{P}/testers?environment=live"))["items"] == []
        assert (await start(client, caller="+49151123451"))["environment"] == "b"
        for item in items:
            assert (await client.delete(f"{P}/testers/{item['id']}")).status_code == 204
        problem(await client.delete(f"{P}/testers/{items[0]['id']}"), 404, "tester_not_found")
        assert (await start(client, caller="+49151123451"))["environment"] == "live"


async def test_why_is_told_in_facts_and_words() -> None:
    stage = await set_up()
    async with stage.client() as client:
        good(await client.put(f"{P}/split", json=shares(live=0, b=100), headers=NEW))
        begun = await start(client, user_id="ada")
        good(await client.put(f"{P}/split", json=shares(live=100), headers={"If-Match": '"1"'}))
        why = good(await client.get(f"{PREFIX}/conversations/{begun['id']}/why"))
        facts = {name: why[name] for name in ("environment", "version", "by", "split", "key", "changes_since")}
        assert facts == {
            "environment": "b", "version": 1, "by": "split", "split": 1, "key": "user_id", "changes_since": 1,
        }  # fmt: skip
        assert why["shares"] == [{"environment": "live", "weight": 0.0}, {"environment": "b", "weight": 100.0}]
        assert f"is at slot {why['slot']:,} of 10,000. b owned that slot" in " ".join(why["sentences"])
        assert "ada" not in str(why)
        test = await start(client, ref="v1")
        assert good(await client.get(f"{PREFIX}/conversations/{test['id']}/why"))["by"] == "ref"
        problem(await client.get(f"{PREFIX}/conversations/cnv_nobody/why"), 404, "conversation_not_found")


@pytest.mark.parametrize("role", ["viewer", "editor", "publisher"])
async def test_who_may_not_split_may_look(role: str) -> None:
    stage = await set_up()
    async with stage.client(role) as client:
        problem(await client.put(f"{P}/split", json=shares(live=100), headers=NEW), 403, "not_allowed")
        problem(await client.put(f"{P}/split?dry_run=true", json=shares(live=100)), 403, "not_allowed")
        good(await client.get(f"{P}/split"))
