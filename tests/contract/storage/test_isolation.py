"""Nothing of one workspace is found or changed through the door of another: every method, by its name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from greenroom.domain.environments import full_arm
from greenroom.domain.errors import Conflict, NotFound
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.results import ArmScope, Scores, Slice
from greenroom.ports import ConversationFilter, Reading, Store, System, Writing
from tests.contract.storage.samples import (
    ANN,
    FULL_WORKSPACE,
    SNAPSHOT,
    A,
    B,
    account,
    api_key,
    at,
    body,
    change,
    conversation,
    draft,
    environments,
    event,
    fill,
    member,
    project,
    record,
    release,
    replayed,
    session,
    topic,
    turn,
    version,
)

P = project().id
LIVE = EnvironmentId("env_live_1")
SANDBOX = EnvironmentId("env_sandbox_1")
SLICE = Slice(at(-9), at(9), idle_before={"chat": at(9)})


def methods(protocol: type) -> set[str]:
    return {name for name in dir(protocol) if not name.startswith("_") and callable(getattr(protocol, name))}


READING: dict[str, Callable[[Any], Any]] = {
    "find_project": lambda t: t.find_project("hotel-1") or t.find_project(P),
    "list_projects": lambda t: t.list_projects("", 10),
    "list_environments": lambda t: t.list_environments(P),
    "find_environment": lambda t: t.find_environment(P, "live") or t.find_environment(P, LIVE),
    "list_aliases": lambda t: t.list_aliases(P),
    "load_bodies": lambda t: t.load_bodies([body("Pool").digest]),
    "find_snapshot": lambda t: t.find_snapshot(SNAPSHOT.digest),
    "load_marks": lambda t: t.load_marks([SNAPSHOT.digest]),
    "list_referrers": lambda t: t.list_referrers(P, [topic("pool")]),
    "find_version": lambda t: t.find_version(P, 1),
    "list_versions": lambda t: t.list_versions(P, None, 10),
    "load_parents": lambda t: t.load_parents(P),
    "find_release": lambda t: t.find_release(LIVE, 1),
    "list_releases": lambda t: t.list_releases(LIVE, None, 10),
    "list_releases_after": lambda t: t.list_releases_after(LIVE, 0),
    "was_full_arm": lambda t: t.was_full_arm(LIVE, 1),
    "find_draft": lambda t: t.find_draft(SANDBOX, ANN),
    "find_draft_by_id": lambda t: t.find_draft_by_id(draft().id),
    "list_open_drafts": lambda t: t.list_open_drafts(SANDBOX),
    "list_closed_drafts": lambda t: t.list_closed_drafts(SANDBOX, None, 10),
    "find_last_revision": lambda t: t.find_last_revision(SANDBOX, ANN),
    "load_draft_changes": lambda t: t.load_draft_changes(draft().id),
    "find_conversation": lambda t: t.find_conversation(conversation().id),
    "list_conversations": lambda t: t.list_conversations(P, ConversationFilter(text="welcome"), None, 10),
    "list_turns": lambda t: t.list_turns(conversation().id, -1, 10),
    "count_running": lambda t: t.count_running(LIVE, {"chat": at(0)}),
    "list_events": lambda t: t.list_events(P, None, 10),
    "list_audit": lambda t: t.list_audit(0, 10),
    "list_keys": lambda t: t.list_keys(),
    "list_members": lambda t: t.list_members(),
    "find_account": lambda t: t.find_account(ANN),
    "list_sessions": lambda t: t.list_sessions(ANN, at(1)),
    "find_record": lambda t: t.find_record(P, "table_row", "row-1"),
    "list_records": lambda t: t.list_records(P, "table_row", owner="rooms", limit=10),
    "find_records_anywhere": lambda t: t.find_records_anywhere("table_row", "row-1"),
    "count_records": lambda t: t.count_records(P, "table_row", "rooms"),
    "count_outcomes": lambda t: t.count_outcomes(P, SLICE),
    "count_scores": lambda t: t.count_scores(P, SLICE, Scores("table_row", "rooms")),
    "sum_arms": lambda t: t.sum_arms(P, SLICE, [ArmScope(LIVE, 1)], [None])[0][0].keys,
    "sum_scores": lambda t: t.sum_scores(P, SLICE, [ArmScope(LIVE, 1)], Scores("table_row", "rooms"))[0].units,
    "list_latencies": lambda t: t.list_latencies(P, SLICE, 10),
    "find_replayed": lambda t: t.find_replayed(ANN, "publish", "key"),
}
"""Each finds something in A."""

OWN = "writes only to its own workspace"

WRITING: dict[str, Callable[[Any], Any] | str] = {
    "insert_project": OWN,
    "put_snapshot": OWN,
    "append": OWN,
    "record_replay": OWN,
    "delete_project": lambda t: t.delete_project(P),
    "update_project": lambda t: t.update_project(project(name="Taken")),
    "insert_environment": lambda t: t.insert_environment(
        replace(environments(project())[0], id=EnvironmentId("env_new"), alias="new")
    ),
    "update_environment": lambda t: t.update_environment(replace(environments(project())[0], name="Taken")),
    "hold_project": lambda t: t.hold_project(P),
    "insert_alias": lambda t: t.insert_alias(P, "other", LIVE),
    "take_version_number": lambda t: t.take_version_number(P),
    "put_bodies": lambda t: t.put_bodies(P, {topic("x"): body("x")}, {topic("x"): [topic("pool")]}),
    "insert_version": lambda t: t.insert_version(P, version(7)),
    "update_mark": lambda t: t.update_mark(P, 1, "bad"),
    "swap_served": lambda t: t.swap_served(LIVE, 1, full_arm(7)),
    "insert_release": lambda t: t.insert_release(release(7, 7)),
    "insert_draft": lambda t: t.insert_draft(draft("drf_7", owner=type(ANN)("mem_7"))),
    "update_draft": lambda t: t.update_draft(draft(revision=3), 2),
    "put_draft_changes": lambda t: t.put_draft_changes(draft().id, [change("pool", None)]),
    "drop_draft_changes": lambda t: t.drop_draft_changes(draft().id, [topic("welcome")]),
    "insert_conversation": lambda t: t.insert_conversation(conversation("cnv_7")),
    "update_conversation": lambda t: t.update_conversation(conversation(turns=2), 1),
    "insert_turn": lambda t: t.insert_turn(turn(7)),
    "set_tags": lambda t: t.set_tags(conversation().id, ("vip", "call back"), ("stolen",)),
    "erase_conversation": lambda t: t.erase_conversation(conversation().id, at(9)),
    "swap_state": lambda t: t.swap_state(conversation().id, conversation().state, {"stolen": True}),
    "replace_turn": lambda t: t.replace_turn(turn(0, said="Erased")),
    "put_record": lambda t: t.put_record(record(revision=2), 1),
    "delete_record": lambda t: t.delete_record(P, "table_row", "row-1"),
    "delete_records": lambda t: t.delete_records(P, "table_row", "rooms"),
    "put_account": lambda t: t.put_account(account(name="taken")),
    "delete_sessions": lambda t: t.delete_sessions(ANN, ["hash-of-token"]),
    "insert_key": lambda t: t.insert_key(api_key("key_7")),
    "update_key": lambda t: t.update_key(api_key(name="Taken")),
    "insert_member": lambda t: t.insert_member(member(type(ANN)("mem_7"))),
}
"""Each names something of A; through B's door it is refused or does nothing."""

SYSTEM = {
    "insert_workspace": "takes the workspace",
    "list_workspaces": "lists workspaces",
    "find_principal_by_key": "the hash leads to the workspace",
    "list_key_principals": "every value names its workspace",
    "insert_session": "the session names its workspace",
    "take_link": "the token leads to the workspace",
    "find_session": "the token leads to the workspace",
    "find_account_by_name": "the name leads to the workspace",
    "find_tries": "takes the workspace",
    "swap_tries": "takes the workspace",
    "drop_tries": "takes the workspace",
    "delete_session": "the token leads to the workspace",
    "forget_expired": "goes by age alone",
    "list_undelivered": "every value names its workspace",
    "mark_delivered": "takes the workspace",
}


def test_every_method_has_its_row() -> None:
    assert set(READING) == methods(Reading)
    assert set(WRITING) == methods(Writing) - methods(Reading)
    assert set(SYSTEM) == methods(System)
    assert {step.name for step in FULL_WORKSPACE} == set(WRITING) - {"delete_project"}


def everything(t: Reading) -> dict[str, Any]:
    return {name: find(t) for name, find in READING.items()}


async def test_nothing_of_a_is_found_through_b(store: Store) -> None:
    await fill(store)
    await store.system(lambda t: t.insert_session(session()))
    found = await store.read(A, everything)
    assert [name for name, what in found.items() if not what] == []
    assert [name for name, what in (await store.read(B, everything)).items() if what] == []
    # Nor where the caches are warm, nor in a write.
    assert [name for name, what in (await store.write(B, everything)).items() if what] == []


@pytest.mark.parametrize("name", [name for name, call in WRITING.items() if not isinstance(call, str)])
async def test_nothing_of_a_is_changed_through_b(store: Store, name: str) -> None:
    await fill(store)
    await store.system(lambda t: t.insert_session(session()))
    before = await store.read(A, everything)
    call = WRITING[name]
    assert not isinstance(call, str)
    with contextlib.suppress(NotFound):
        assert not await store.write(B, call)
    assert await store.read(A, everything) == before
    assert not any((await store.read(B, everything)).values())


@pytest.mark.parametrize("name", [name for name, call in WRITING.items() if isinstance(call, str)])
async def test_what_needs_no_parent_lands_in_its_own_workspace_only(store: Store, name: str) -> None:
    await fill(store)
    before = await store.read(A, everything)
    calls = {
        "insert_project": lambda t: t.insert_project(project(), environments(project())),
        "put_snapshot": lambda t: t.put_snapshot(SNAPSHOT),
        "append": lambda t: t.append(event()),
        "record_replay": lambda t: t.record_replay(ANN, "publish", "key", replayed("b"), at(1)),
    }
    await store.write(B, calls[name])
    assert any((await store.read(B, everything)).values())
    assert await store.read(A, everything) == before


async def test_the_same_ids_in_two_workspaces_are_two_things(store: Store) -> None:
    await fill(store)
    skipped = {"insert_key", "update_key", "insert_member", "put_account"}

    def work(t: Writing) -> None:
        for step in FULL_WORKSPACE:
            if step.name not in skipped:
                step.run(t)

    await store.write(B, work)
    await store.write(B, lambda t: t.delete_project(P))
    found = await store.read(A, everything)
    assert [name for name, what in found.items() if not what] == ["list_sessions"]


async def test_a_key_or_session_of_a_leads_to_a(store: Store) -> None:
    await fill(store)
    with pytest.raises(NotFound):
        await store.system(lambda t: t.insert_session(session("b", workspace=B)))
    await store.system(lambda t: t.insert_session(session()))
    found = await store.system(lambda t: t.find_session("hash-of-token", at(1)))
    assert found is not None
    assert found[1].workspace == A
    principal = await store.system(lambda t: t.find_principal_by_key("hash-of-key_1"))
    assert principal is not None
    assert principal.workspace == A
    await store.system(lambda t: t.mark_delivered(B, 1))
    assert len(await store.system(lambda t: t.list_undelivered(10))) == 1


async def test_a_key_hash_belongs_to_one_key(store: Store) -> None:
    await store.write(A, lambda t: t.insert_key(api_key()))
    with pytest.raises(Conflict):
        await store.write(A, lambda t: t.insert_key(api_key("key_2", key_hash="hash-of-key_1")))
