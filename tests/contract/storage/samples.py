"""Rows to store, and one workspace that has some of everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from greenroom.domain.access import ApiKey, Member, Session
from greenroom.domain.accounts import Account
from greenroom.domain.canonical import Digest, digest_of
from greenroom.domain.conversations import Conversation, Turn
from greenroom.domain.drafts import Draft, DraftChange
from greenroom.domain.entities import Address, EntityBody, freeze_body
from greenroom.domain.environments import Environment, full_arm
from greenroom.domain.events import Event
from greenroom.domain.ids import (
    ConversationId,
    DraftId,
    EnvironmentId,
    PrincipalId,
    ProjectId,
    ReleaseId,
    WorkspaceId,
)
from greenroom.domain.projects import Project
from greenroom.domain.records import Record
from greenroom.domain.releases import InFlight, Release
from greenroom.domain.versions import EMPTY_SNAPSHOT, Snapshot, Version, snapshot_of
from greenroom.ports import Replayed, Store, Writing

A = WorkspaceId("wsp_a")
B = WorkspaceId("wsp_b")
START = datetime(2026, 3, 29, 0, 59, 59, 123457, tzinfo=UTC)
ANN = PrincipalId("mem_ann")
BOB = PrincipalId("mem_bob")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def project(number: int = 1, **changes: Any) -> Project:
    made = Project(
        ProjectId(f"prj_{number}"),
        f"hotel-{number}",
        f"Hôtel {number}",
        "pipeline",
        EnvironmentId(f"env_live_{number}"),
        at(number),
    )
    return replace(made, **changes)


def environments(of: Project) -> list[Environment]:
    number = of.id.removeprefix("prj_")
    sandbox = Environment(
        EnvironmentId(f"env_sandbox_{number}"), of.id, "sandbox", "Sandbox", 0, True, True, None, "private", "salt"
    )
    live = Environment(
        EnvironmentId(f"env_live_{number}"), of.id, "live", "Live", 1, False, False, sandbox.id, "private", "pepper"
    )
    # Not by position, so that a list in order of position says something.
    return [live, sandbox]


def body(text: str) -> EntityBody:
    return freeze_body({"schema": 1, "name": text})


def topic(slug: str) -> Address:
    return Address("topic", slug)


def version(number: int, snapshot: Snapshot = EMPTY_SNAPSHOT, **changes: Any) -> Version:
    made = Version(
        number,
        snapshot.digest,
        f"Opening hours for season {number} – “spring”",
        "",
        ("FEATURE",),
        ANN,
        at(number),
        (number - 1,) if number > 1 else (),
        EnvironmentId("env_sandbox_1"),
    )
    return replace(made, **changes)


def release(seq: int, served: int, environment: str = "env_live_1", **changes: Any) -> Release:
    made = Release(
        ReleaseId(f"rel_{environment}_{seq}"),
        EnvironmentId(environment),
        seq,
        "promote",
        full_arm(served - 1) if served > 1 else (),
        full_arm(served),
        InFlight("finish"),
        ANN,
        at(seq),
        "",
        seq - 1 or None,
    )
    return replace(made, **changes)


def b_environment() -> Environment:
    return replace(environments(project())[1], id=EnvironmentId("env_b_1"), alias="b", name="B", position=9)


def draft(name: str = "drf_1", owner: PrincipalId = ANN, **changes: Any) -> Draft:
    made = Draft(
        DraftId(name),
        ProjectId("prj_1"),
        EnvironmentId("env_sandbox_1"),
        owner,
        None,
        EMPTY_SNAPSHOT.digest,
        0,
        1,
        at(0),
        at(0),
    )
    return replace(made, **changes)


def change(slug: str, text: str | None, revision: int = 1) -> DraftChange:
    return DraftChange(topic(slug), None if text is None else body(text).digest, revision, at(revision), "mem_bob")


def conversation(name: str = "cnv_1", **changes: Any) -> Conversation:
    made = Conversation(
        ConversationId(name),
        ProjectId("prj_1"),
        "public",
        "chat",
        EnvironmentId("env_live_1"),
        None,
        1,
        1,
        EMPTY_SNAPSHOT.digest,
        77,
        "guest-7",
        at(0),
        at(0),
        entry={"by": "split", "slot": 7},
        state={"step": "greet", "slots": {"nights": 2, "rate": 0.5, "vip": True, "note": "zero\0inside"}},
    )
    return replace(made, **changes)


def turn(index: int, of: str = "cnv_1", heard: str = "", said: str = "Welcome", **changes: Any) -> Turn:
    events = ({"name": "topic", "slug": "welcome"},)
    made = Turn(ConversationId(of), index, at(index), heard, said, 1, EMPTY_SNAPSHOT.digest, events, {"took_ms": 1.5})
    return replace(made, **changes)


def event(action: str = "release.promoted", of: str = "prj_1", **changes: Any) -> Event:
    made = Event(action, ANN, at(1), "req_1", of, "env_live_1", "v1", {"from": None, "to": 1, "why": "Saison ❄"})
    return replace(made, **changes)


def api_key(which: str = "key_1", **changes: Any) -> ApiKey:
    made = ApiKey(PrincipalId(which), A, "CI", "publisher", f"hash-of-{which}", at(0))
    return replace(made, **changes)


def member(who: PrincipalId = ANN, **changes: Any) -> Member:
    return replace(Member(who, A, "Ann", "owner", at(0)), **changes)


def account(who: PrincipalId = ANN, **changes: Any) -> Account:
    return replace(Account(who, A, "ann@hotel.test", "$argon2id$…", at(1)), **changes)


def session(token: str = "token", kind: Any = "session", **changes: Any) -> Session:
    return replace(Session(f"hash-of-{token}", kind, ANN, A, at(0), at(3600)), **changes)


def record(key: str = "row-1", noun: str = "table_row", owner: str = "rooms", **changes: Any) -> Record:
    body = {"name": "Sea view", "nights": 2, "rate": 0.5, "note": "zero\0inside", "tags": ["b", "a"]}
    made = Record(ProjectId("prj_1"), noun, key, at(1), at(2), body, owner, data=b"\x00\xff sealed")
    return replace(made, **changes)


def replayed(text: str = "{}") -> Replayed:
    return Replayed("sha256:body", 201, text.encode())


SNAPSHOT = snapshot_of({topic("welcome"): body("Welcome").digest, topic("pool"): body("Pool").digest})
NOWHERE = Digest(digest_of("nowhere"))


@dataclass(frozen=True)
class Step:
    """One thing a transaction does to make the full workspace."""

    name: str
    run: Callable[[Writing], Any]


FULL_WORKSPACE = [
    Step("insert_project", lambda t: t.insert_project(project(), environments(project()))),
    Step("update_project", lambda t: t.update_project(project(name="Grand Hôtel"))),
    Step("hold_project", lambda t: t.hold_project(project().id)),
    Step("insert_environment", lambda t: t.insert_environment(b_environment())),
    Step("update_environment", lambda t: t.update_environment(replace(b_environment(), name="Two"))),
    Step("insert_alias", lambda t: t.insert_alias(project().id, "beta", EnvironmentId("env_b_1"))),
    Step("insert_member", lambda t: t.insert_member(member())),
    Step("put_account", lambda t: t.put_account(account())),
    Step("delete_sessions", lambda t: t.delete_sessions(ANN, ["hash-of-none"])),
    Step("insert_key", lambda t: t.insert_key(api_key())),
    Step("update_key", lambda t: t.update_key(api_key(role="viewer"))),
    Step("insert_draft", lambda t: t.insert_draft(draft())),
    Step("insert_draft", lambda t: t.insert_draft(draft("drf_0", closed_at=at(0), closed_by="discarded"))),
    Step(
        "put_bodies",
        lambda t: t.put_bodies(
            project().id,
            {topic("welcome"): body("Welcome"), topic("pool"): body("Pool")},
            {topic("welcome"): [topic("pool")]},
        ),
    ),
    Step(
        "put_draft_changes", lambda t: t.put_draft_changes(draft().id, [change("welcome", "Welcome"), change("x", "x")])
    ),
    Step("drop_draft_changes", lambda t: t.drop_draft_changes(draft().id, [topic("x")])),
    Step("update_draft", lambda t: t.update_draft(draft(revision=2, updated_at=at(9)), 1)),
    Step("put_snapshot", lambda t: t.put_snapshot(SNAPSHOT)),
    Step("take_version_number", lambda t: t.take_version_number(project().id)),
    Step("insert_version", lambda t: t.insert_version(project().id, version(1, SNAPSHOT))),
    Step("update_mark", lambda t: t.update_mark(project().id, 1, "good")),
    Step("swap_served", lambda t: t.swap_served(EnvironmentId("env_live_1"), 0, full_arm(1))),
    Step("insert_release", lambda t: t.insert_release(release(1, 1))),
    Step("insert_conversation", lambda t: t.insert_conversation(conversation())),
    Step("insert_turn", lambda t: t.insert_turn(turn(0))),
    Step("insert_turn", lambda t: t.insert_turn(turn(5, heard="Hello", trace={"latency_ms": {"total": 12.5}}))),
    Step("put_record", lambda t: t.put_record(record("rooms/cnv_1", body={"score": 0.5, "scale": "share"}))),
    Step("update_conversation", lambda t: t.update_conversation(conversation(turns=1, last_at=at(3)), 0)),
    Step("set_tags", lambda t: t.set_tags(conversation().id, (), ("vip", "call back"))),
    Step("swap_state", lambda t: t.swap_state(conversation().id, conversation().state, {"sealed": "anew"})),
    Step("erase_conversation", lambda t: t.erase_conversation(conversation("cnv_none").id, at(9))),
    Step("replace_turn", lambda t: t.replace_turn(turn(0, said="Welcome back"))),
    Step("put_record", lambda t: t.put_record(record())),
    Step("delete_record", lambda t: t.delete_record(project().id, "table_row", "row-2")),
    Step("delete_records", lambda t: t.delete_records(project().id, "table_row", "none")),
    Step("record_replay", lambda t: t.record_replay(ANN, "publish", "key", replayed(), at(4))),
    Step("append", lambda t: t.append(event())),
]
"""Every method of Writing but delete_project, in an order that works."""


async def make_workspaces(store: Store) -> None:
    """Makes A and B, both empty."""

    def work(system: Any) -> None:
        system.insert_workspace(A, "A", at(0))
        system.insert_workspace(B, "B", at(0))

    await store.system(work)


async def fill(store: Store) -> None:
    """Gives A some of everything, in one transaction."""

    def work(writing: Writing) -> None:
        for step in FULL_WORKSPACE:
            step.run(writing)

    await store.write(A, work)


async def make_project(store: Store) -> Project:
    """Gives A a project with the environments sandbox and live."""
    made = project()
    assert await store.write(A, lambda t: t.insert_project(made, environments(made)))
    return made
