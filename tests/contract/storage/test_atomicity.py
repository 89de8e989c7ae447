"""A transaction that ends badly leaves nothing, wherever it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from greenroom.domain.environments import full_arm
from greenroom.domain.ids import EnvironmentId, ProjectId
from greenroom.ports import Reading, Store, Writing
from tests.contract.storage.samples import (
    ANN,
    BOB,
    FULL_WORKSPACE,
    SNAPSHOT,
    A,
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
    topic,
    turn,
    version,
)
from tests.contract.storage.test_isolation import READING

P = project().id
LIVE = EnvironmentId("env_live_1")
GROWN = SNAPSHOT.with_changes({topic("bar"): body("Bar").digest})


class BlownError(Exception):
    """What the work raises."""


class Fuse:
    """A transaction that ends right after its n-th call."""

    def __init__(self, t: Writing, calls: int) -> None:
        self._t = t
        self._left = calls

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._t, name)

        def call(*arguments: Any, **options: Any) -> Any:
            result = method(*arguments, **options)
            self._left -= 1
            if self._left == 0:
                raise BlownError
            return result

        return call


def second_release(t: Any) -> None:
    """Touches every table that the first transaction filled."""
    t.insert_member(member(BOB))
    t.insert_key(api_key("key_2"))
    t.update_key(api_key(name="renamed"))
    t.update_project(project(name="renamed"))
    t.put_bodies(P, {topic("bar"): body("Bar")}, {topic("bar"): [topic("pool")]})
    t.put_draft_changes(draft().id, [change("bar", "Bar"), change("welcome", None)])
    t.drop_draft_changes(draft().id, [topic("welcome")])
    t.put_snapshot(GROWN)
    number = t.take_version_number(P)
    t.insert_version(P, version(number, GROWN, tags=("A", "B")))
    t.update_mark(P, 1, "bad")
    assert t.swap_served(LIVE, 1, full_arm(number))
    t.insert_release(release(2, number))
    assert t.update_draft(draft(revision=3, closed_at=at(5)), 2)
    t.insert_draft(draft("drf_2"))
    t.insert_conversation(conversation("cnv_2"))
    assert t.put_record(record(revision=2, body={}), 1)
    t.put_record(record("row-9"))
    t.insert_turn(turn(1))
    assert t.update_conversation(conversation(turns=2, ended_at=at(9)), 1)
    t.append(event("release.promoted"))
    t.append(event("draft.published"))
    t.record_replay(ANN, "promote", "key", replayed(), at(4))


def replacement(t: Any) -> None:
    """Deletes the project and makes it anew."""
    t.delete_project(P)
    t.insert_project(project(slug="new"), environments(project()))
    t.insert_version(P, version(t.take_version_number(P)))
    t.append(event("project.deleted"))


def first(t: Any) -> None:
    for step in FULL_WORKSPACE:
        step.run(t)


async def look(store: Store) -> dict[str, Any]:
    def work(t: Reading) -> dict[str, Any]:
        found: dict[str, Any] = {name: find(t) for name, find in READING.items()}
        found["new snapshot"] = t.find_snapshot(GROWN.digest)
        found["new body"] = t.load_bodies([body("Bar").digest])
        found["old project"] = t.list_environments(ProjectId("prj_1"))
        return found

    return await store.read(A, work)


async def blow_everywhere(store: Store, work: Callable[[Any], None]) -> int:
    """Runs work with a longer and longer fuse until it comes through; returns how often it did not."""
    before = await look(store)
    waiting = await store.system(lambda t: t.list_undelivered(100))
    for calls in range(1, 100):
        try:
            await store.write(A, lambda t, calls=calls: work(Fuse(t, calls)))
        except BlownError:
            assert await look(store) == before, f"something was left after call {calls}"
            assert await store.system(lambda t: t.list_undelivered(100)) == waiting
        else:
            return calls - 1
    raise AssertionError("the work never came through")


async def test_the_first_filling_is_all_or_nothing(store: Store) -> None:
    assert await blow_everywhere(store, first) == len(FULL_WORKSPACE)
    found = await store.read(A, lambda t: {name: find(t) for name, find in READING.items()})
    assert [name for name, what in found.items() if not what] == ["list_sessions"], "sessions are no workspace's"


async def test_a_release_with_everything_around_it_is_all_or_nothing(store: Store) -> None:
    await fill(store)
    assert await blow_everywhere(store, second_release) > 15
    assert (await store.read(A, lambda t: t.list_audit(0, 10)))[-1].seq == 3


async def test_the_deletion_of_a_project_is_all_or_nothing(store: Store) -> None:
    await fill(store)
    assert await blow_everywhere(store, replacement) == 5
