"""Many at once, through two stores over one database as two processes would: one wins, the rest hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from greenroom.domain.environments import full_arm
from greenroom.domain.errors import Conflict
from greenroom.domain.events import verify_chain
from greenroom.domain.ids import EnvironmentId
from greenroom.ports import Reading, Store, Writing
from greenroom.storage.sql import open_store
from tests.contract.storage.samples import (
    ANN,
    A,
    at,
    body,
    conversation,
    draft,
    environments,
    event,
    make_project,
    project,
    release,
    topic,
    turn,
    version,
)

P = project().id
LIVE = EnvironmentId("env_live_1")
MANY = 16


@pytest.fixture
async def doors(store: Store, place: str | None) -> AsyncIterator[list[Store]]:
    """Two stores over the same database; the memory store twice."""
    other = store if place is None else await open_store(place)
    yield [store, other]
    if other is not store:
        await other.close()


async def race(doors: list[Store], work: Callable[[Writing, int], Any]) -> list[Any]:
    """Returns what each of 16 got from its own run of the work, half of them through each door."""

    async def run(n: int) -> Any:
        try:
            return await doors[n % 2].write(A, lambda t: work(t, n))
        except Conflict as lost:
            return lost.code

    return await asyncio.gather(*map(run, range(MANY)))


async def test_one_promotion_wins_and_only_its_rows_are_there(doors: list[Store]) -> None:
    await make_project(doors[0])

    def promote(t: Writing, n: int) -> bool:
        if not t.swap_served(LIVE, 0, full_arm(n + 1)):
            return False
        t.insert_release(release(1, n + 1))
        t.append(event())
        return True

    won = await race(doors, promote)
    assert won.count(True) == 1
    number = won.index(True) + 1

    def look(t: Reading) -> Any:
        return t.find_environment(P, "live"), t.list_releases(LIVE, None, 99), t.list_audit(0, 99)

    live, releases, audit = await doors[0].read(A, look)
    assert (live.seq, live.arms) == (1, full_arm(number))
    assert [each.version for each in releases] == [number]
    assert len(audit) == 1


async def test_rows_of_promotions_one_after_the_other_agree(doors: list[Store]) -> None:
    await make_project(doors[0])

    def promote(t: Writing, n: int) -> bool:
        live = t.find_environment(P, "live")
        assert live is not None
        if not t.swap_served(LIVE, live.seq, full_arm(n + 1)):
            return False
        t.insert_release(release(live.seq + 1, n + 1))
        t.append(event(subject=f"v{n + 1}"))
        return True

    won = 0
    while won < MANY:
        won += (await race(doors, promote)).count(True)
    releases = await doors[1].read(A, lambda t: t.list_releases_after(LIVE, 0))
    assert [each.seq for each in releases] == list(range(1, won + 1))
    live = await doors[1].read(A, lambda t: t.find_environment(P, "live"))
    assert live is not None
    assert (live.seq, live.arms) == (won, releases[-1].to_arms)
    chain = await doors[1].read(A, lambda t: t.list_audit(0, 1000))
    assert len(chain) == won
    assert verify_chain(chain) is None


async def test_changes_of_one_environment_come_one_after_the_other(doors: list[Store]) -> None:
    await make_project(doors[0])

    def lengthen(t: Writing, n: int) -> None:
        t.hold_project(P)
        live = t.find_environment(P, "live")
        assert live is not None
        t.update_environment(replace(live, name=f"{live.name}+"))

    await race(doors, lengthen)
    live = await doors[1].read(A, lambda t: t.find_environment(P, "live"))
    assert live is not None
    assert live.name.count("+") == MANY


async def test_nothing_is_served_in_an_environment_that_is_deleted_at_the_same_time(doors: list[Store]) -> None:
    await make_project(doors[0])

    def act(t: Writing, n: int) -> str:
        if n % 2:
            return "served" if t.swap_served(LIVE, 0, full_arm(n)) else "refused"
        t.hold_project(P)
        live = t.find_environment(P, "live")
        assert live is not None
        if live.seq == 0:
            t.update_environment(replace(live, deleted_at=at(1)))
            return "deleted"
        return "served already"

    heard = await race(doors, act)
    live = await doors[1].read(A, lambda t: t.find_environment(P, "live"))
    assert live is not None
    assert (live.deleted_at is None, live.seq, heard.count("served")) in {(True, 1, 1), (False, 0, 0)}, heard


async def test_one_of_many_opens_the_draft(doors: list[Store]) -> None:
    await make_project(doors[0])
    heard = await race(doors, lambda t, n: t.insert_draft(draft(f"drf_{n}")))
    assert heard.count(None) == 1
    assert heard.count("draft_exists") == MANY - 1
    kept = await doors[0].read(A, lambda t: t.find_draft(EnvironmentId("env_sandbox_1"), ANN))
    assert kept is not None
    assert kept.id == f"drf_{heard.index(None)}"


async def test_one_of_many_saves_over_a_revision(doors: list[Store]) -> None:
    await make_project(doors[0])
    await doors[0].write(A, lambda t: t.insert_draft(draft()))
    won = await race(doors, lambda t, n: t.update_draft(draft(revision=2, base_seq=n), 1))
    assert won.count(True) == 1
    kept = await doors[1].read(A, lambda t: t.find_draft_by_id(draft().id))
    assert kept is not None
    assert kept.base_seq == won.index(True)


async def test_one_of_many_takes_the_next_turn(doors: list[Store]) -> None:
    await make_project(doors[0])
    await doors[0].write(A, lambda t: t.insert_conversation(conversation()))

    def answer(t: Writing, n: int) -> bool:
        if not t.update_conversation(conversation(turns=1, last_at=at(n)), 0):
            return False
        t.insert_turn(turn(0, said=str(n)))
        return True

    won = await race(doors, answer)
    assert won.count(True) == 1
    turns = await doors[1].read(A, lambda t: t.list_turns(conversation().id, -1, 99))
    assert [each.said for each in turns] == [str(won.index(True))]


async def test_version_numbers_are_taken_once_each(doors: list[Store]) -> None:
    await make_project(doors[0])

    def publish(t: Writing, n: int) -> int:
        number = t.take_version_number(P)
        t.insert_version(P, version(number))
        return number

    assert sorted(await race(doors, publish)) == list(range(1, MANY + 1))


async def test_one_of_many_gets_the_slug(doors: list[Store]) -> None:
    def create(t: Writing, n: int) -> bool:
        made = project(n, slug="wanted")
        return t.insert_project(made, environments(made))

    assert (await race(doors, create)).count(True) == 1
    assert len(await doors[1].read(A, lambda t: t.list_projects("", 99))) == 1


async def test_the_same_bodies_put_by_many_are_kept_once(doors: list[Store]) -> None:
    await make_project(doors[0])
    bodies = {topic(f"t{n}"): body(f"{n}") for n in range(40)}
    await race(doors, lambda t, n: t.put_bodies(P, bodies, {a: [topic("t0")] for a in bodies}))
    assert len(await doors[0].read(A, lambda t: t.list_referrers(P, [topic("t0")]))) == 40


async def test_a_read_sees_one_moment(store: Store, place: str | None) -> None:
    """A commit that lands between two questions of one read changes neither answer."""
    await make_project(store)

    async def promote_elsewhere() -> None:
        if place is not None:
            other = await open_store(place)
            assert await other.write(A, lambda t: t.swap_served(LIVE, 0, full_arm(1)))
            await other.close()

    def look(t: Reading) -> Any:
        before = t.find_environment(P, "live")
        # Work must not wait for anything; here it does, to have something happen in between.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, promote_elsewhere()).result()
        return before, t.find_environment(P, "live")

    before, after = await store.read(A, look)
    assert before is not None
    assert (before.seq, after) == (0, before)
    now = await store.read(A, lambda t: t.find_environment(P, "live"))
    assert now is not None
    assert now.seq == (0 if place is None else 1)
