"""Racing promotions (check 1): two server processes, eight clients, one explanation or none."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from greenroom.services.keys import make_key
from greenroom.services.plans import PromoteRequest
from greenroom.storage.sql import open_store
from tests.fault.children import Child, Server, children
from tests.fault.consistency import find_inconsistencies
from tests.fault.linearizability import Operation, Refutation, find_refutation
from tests.fault.profile import LONG
from tests.fault.racer import PLACES
from tests.fault.registers import Register, step
from tests.fault.staging import SLUG, Stage, build, new_desk

CALLS = 2_500 if LONG else 160
SEEDS = 20 if LONG else 1
VERSIONS = 6
KEY = make_key("racers")
SERVERS = (("a", "b", "c", "d"), ("e", "f", "g", "h"))
INITIAL = {
    "pre-release": Register(VERSIONS, tuple(range(1, VERSIONS + 1)), frozenset(range(1, VERSIONS + 1))),
    "live": Register(1, (1,), frozenset({1})),
}


History = dict[str, list[dict[str, Any]]]
"""By environment: each call, with its times and its answer."""


async def set_the_stage(url: str) -> Stage:
    """Makes versions that may all go to both environments, and serves v1 on Live."""
    store = await open_store(url)
    try:
        desk = new_desk(store)
        stage = await build(desk, url, VERSIONS)
        await desk.releases.promote(stage.call(), SLUG, "live", PromoteRequest(1, 0, 1))
        return stage
    finally:
        await store.close()


def race(stage: Stage, seed: int, *, stale: bool = False) -> History:
    """Returns what each environment's callers saw in two processes with a desk each."""
    calls = CALLS // sum(map(len, SERVERS))
    config = {"stage": stage.to_json(), "seed": seed, "calls": calls, "versions": VERSIONS, "stale": stale}
    with children(*(Child("racer", config | {"clients": clients}) for clients in SERVERS)) as servers:
        return run(servers)


def race_over_http(stage: Stage, seed: int, folder: Path) -> History:
    """Returns what callers saw of two servers."""
    clients = [name for names in SERVERS for name in names]
    with children(*(Server(stage.url, folder / f"server{n}", KEY) for n in range(2))) as servers:
        config = {"stage": stage.to_json(), "seed": seed, "calls": CALLS // len(clients), "versions": VERSIONS}
        web = {"urls": [server.url for server in servers], "key": KEY, "clients": clients}
        with children(Child("racer", config | web)) as callers:
            return run(callers)


def run(racers: Sequence[Child]) -> History:
    assert [racer.hear() for racer in racers] == ["ready"] * len(racers)
    for racer in racers:
        racer.say("go")
    rows = [row for racer in racers for row in racer.hear()]
    return {place: [row for row in rows if row["place"] == place] for place in PLACES}


def refute(place: str, rows: list[dict[str, Any]]) -> Refutation | None:
    def tuple_or_none(answer: Any) -> tuple[Any, ...] | None:
        return None if answer is None else tuple(answer)

    history = [
        Operation(r["called"], r["answered"], tuple(r["asked"]), tuple_or_none(r["answer"]), r["by"])
        for r in rows
        if r["answer"] != ["lost"]
    ]
    return find_refutation(history, INITIAL[place], step)


async def stored_releases(stage: Stage, place: str, delivering: bool) -> list[tuple[int, int]]:
    store = await open_store(stage.url)
    try:
        assert await find_inconsistencies(store, stage, delivering=delivering) == []
        desk = new_desk(store)
        found = await desk.environments.list_releases(stage.call(), SLUG, place, None, 100_000)
        return sorted((view.release.seq, view.release.version) for view in found)
    finally:
        await store.close()


@pytest.mark.parametrize("number", range(SEEDS))
def test_racing_releases_have_one_order_and_one_winner_each(url: str, seed: int, number: int) -> None:
    stage = asyncio.run(set_the_stage(url))
    check(stage, race(stage, seed + number), seed + number)


@pytest.mark.parametrize("number", range(SEEDS))
def test_racing_requests_to_two_servers_have_one_order(url: str, seed: int, number: int, tmp_path: Path) -> None:
    stage = asyncio.run(set_the_stage(url))
    rows = race_over_http(stage, seed + number, tmp_path)
    assert sum(row["answer"] is None for place in PLACES for row in rows[place]) <= CALLS // 20
    check(stage, rows, seed + number, delivering=True)


def check(stage: Stage, rows: History, seed: int, *, delivering: bool = False) -> None:
    """Checks one order for each environment, dense sequences, one winner for each."""
    for place in PLACES:
        assert refute(place, rows[place]) is None
        releases = asyncio.run(stored_releases(stage, place, delivering))
        assert [seq for seq, _ in releases] == list(range(1, len(releases) + 1)), "dense"
        first = INITIAL[place].seq + 1
        won = [
            tuple(r["answer"][1:]) for r in rows[place] if r["asked"][0] != "read" and (r["answer"] or [""])[0] == "ok"
        ]
        assert max(Counter(seq for seq, _ in won).values(), default=1) == 1, "one winner for each sequence"
        unanswered = sum(r["answer"] is None for r in rows[place])
        missing = set(releases[first - 1 :]) - set(won)
        assert set(won) <= set(releases)
        assert len(missing) <= unanswered
        words = Counter((r["answer"] or ["no answer"])[0] for r in rows[place])
        print(f"seed {seed} {place}: {len(rows[place])} calls, {len(releases)} releases, {dict(words)}")


@pytest.mark.parametrize("number", range(SEEDS))
def test_a_build_that_reads_stale_pointers_is_refuted(url: str, seed: int, number: int) -> None:
    # A short race may happen to show nothing; a long one shows it each time.
    for attempt in range(1 if LONG else 4):
        stage = asyncio.run(set_the_stage(url))
        rows = race(stage, seed + number + attempt, stale=True)
        if any(refute(place, rows[place]) for place in PLACES):
            return
    pytest.fail("the stale reads were explained")
