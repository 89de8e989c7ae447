"""Two at once in parallel environments: one wins, the other is told so, and nothing is half done."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from greenroom.storage.sql import open_store
from tests.contract.parallel.house import House, P, open_house
from tests.contract.parallel.interplay import GatedStore, Hands, check_sound, insist, set_the_scene
from tests.contract.storage.conftest import sqlite_template, sqlite_url, url  # noqa: F401 - fixtures
from tests.support.gaps import note_fact

MAY_LOSE = {
    "stale_sequence",
    "stale_confirmation",
    "stale_revision",
    "environment_deleted",
    "environment_moved",
    "environment_in_use",
    "warnings_unacknowledged",
    "merge_conflicts",
    "nothing_to_merge",
    "nothing_to_publish",
    "draft_moved",
    "draft_race",
    "origin_moved",
    "name_taken",
    "alias_taken",
    "no_such_step",
    "skips_a_step",
}
"""What whoever comes second may hear; all of it 404, 409 or 412."""


@pytest.fixture
async def gated(url: str) -> AsyncIterator[GatedStore]:  # noqa: F811 - the fixture
    opened = await open_store(url)
    yield GatedStore(opened)
    await opened.close()


def outcome(answer: Any) -> str:
    """Returns `done`, or the code of a refusal that may be."""
    if answer.is_success:
        return "done"
    assert answer.status_code in (404, 409, 412), answer.text
    assert answer.json()["code"] in MAY_LOSE, answer.text
    return answer.json()["code"]


# What is decided first, what comes in between before it is written, and what the first hears then.
BETWEEN = [
    ("merge", "publish_main", {"stale_sequence"}),
    ("merge", "publish_b", {"stale_confirmation"}),
    ("merge", "merge", {"stale_sequence"}),
    ("merge", "merge_back", {"done", "nothing_to_merge", "stale_confirmation"}),
    ("merge", "delete_b", {"environment_deleted"}),
    ("merge", "roll_b_back", {"nothing_to_merge", "stale_confirmation"}),
    ("merge", "rename_b", {"done"}),
    ("merge", "delete_main", {"environment_deleted"}),
    ("merge_and_delete", "publish_b", {"stale_confirmation", "merge_conflicts"}),
    ("merge_and_delete", "rename_b", {"done"}),
    ("merge_and_delete", "delete_b", {"environment_deleted"}),
    ("merge_and_delete", "clone_b", {"done"}),
    ("merge_and_delete_quietly", "edit_b", {"warnings_unacknowledged"}),
    ("merge_and_delete", "rename_project", {"done"}),
    ("publish_main", "merge", {"stale_sequence"}),
    ("publish_b", "merge_and_delete", {"environment_deleted"}),
    ("publish_b", "delete_b", {"environment_deleted"}),
    ("clone_b", "delete_b", {"environment_deleted"}),
    ("clone_b", "publish_b", {"done"}),
    ("clone_b", "clone_b", {"name_taken"}),
    ("promote", "delete_stage", {"environment_deleted"}),
    ("roll_b_back", "delete_b", {"environment_deleted"}),
    ("roll_b_back", "merge_and_delete", {"environment_deleted"}),
    ("rename_b", "delete_b", {"environment_deleted"}),
    ("edit_b", "delete_b", {"environment_deleted"}),
    ("delete_b", "publish_b", {"stale_sequence"}),
    ("delete_b", "merge_back", {"stale_sequence"}),
    ("delete_b", "rename_b", {"done"}),
    ("delete_main", "publish_main", {"stale_sequence"}),
    ("delete_main", "publish_b", {"stale_confirmation"}),
    ("delete_stage", "promote", {"stale_sequence"}),
]


@pytest.mark.parametrize("first, second, hears", BETWEEN, ids=lambda part: part if isinstance(part, str) else "")
async def test_what_comes_in_between_is_noticed(gated: GatedStore, first: str, second: str, hears: set[str]) -> None:
    async with open_house(store=gated) as house:
        await set_the_scene(house)
        hands = Hands(house)
        one, other = await hands.ready(first), await hands.ready(second)
        between: list[str] = []

        async def come_in_between() -> None:
            between.append(outcome(await other()))

        gated.do_before_next_write(come_in_between)
        heard = outcome(await one())
        assert between == ["done"], f"{second} should come first"
        assert heard in hears
        await check_sound(house)


CROWD = (
    "merge",
    "merge_back",
    "merge_and_delete",
    "publish_main",
    "publish_b",
    "edit_b",
    "delete_b",
    "clone_b",
    "promote",
    "roll_b_back",
    "rename_b",
    "delete_stage",
    "delete_main",
)


@pytest.mark.parametrize("seed", range(4))
async def test_a_crowd_at_once_leaves_a_whole_project(gated: GatedStore, seed: int) -> None:
    dice = random.Random(seed)
    async with open_house(store=gated) as house:
        await set_the_scene(house)
        hands, heard = Hands(house), Counter[str]()
        names = [*CROWD, "merge", "clone_b", "delete_b"]
        dice.shuffle(names)
        ready = [await hands.ready(name) for name in names]
        answers = await asyncio.gather(*(act() for act in ready))
        for name, answer in zip(names, answers, strict=True):
            told = outcome(answer)
            heard["won" if told == "done" else told] += 1
            heard[f"{name} {told}"] += told == "done"
        actions = await check_sound(house)
        assert heard["merge done"] + heard["merge_and_delete done"] <= 1, "two merges of one preview"
        assert heard["delete_b done"] + heard["merge_and_delete done"] + heard["delete_main done"] <= 2
        assert actions["environment.deleted"] == sum(heard[f"{name} done"] for name in CROWD if "delete" in name)
        assert heard["won"] >= 2
        note_fact(f"a crowd of {len(names)}: {', '.join(f'{n} {k}' for k, n in sorted(heard.items()) if ' ' not in k)}")


async def test_two_merges_at_once_make_one_version(gated: GatedStore) -> None:
    async with open_house(store=gated) as house:
        await set_the_scene(house)
        hands = Hands(house)
        ready = [await hands.ready("merge") for _ in range(6)]
        heard = Counter(outcome(answer) for answer in await asyncio.gather(*(act() for act in ready)))
        assert heard["done"] == 1, heard
        assert (await house.environment("main"))["seq"] == 3
        await check_sound(house)


async def test_clones_at_once_stop_at_the_most(gated: GatedStore) -> None:
    async with open_house(store=gated) as house:
        house_full = await asyncio.gather(*(clone(house, n) for n in range(14)))
        assert Counter(house_full) == {201: 9, 409: 5}
        await check_sound(house)


async def clone(house: House, number: int) -> int:
    sent = {"name": f"Clone {number}", "clone_from": "main"}
    return (await insist(lambda: house.client.post(f"{P}/environments", json=sent))).status_code
