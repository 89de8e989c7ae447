"""Results of 100,000 conversations on SQLite: tables and comparisons, against one plain GROUP BY over the same rows."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from greenroom.domain.conversations import Conversation
from greenroom.domain.records import Record
from greenroom.domain.results import read_arms
from greenroom.ports import Writing
from greenroom.services.evaluations import EVALUATION, RESULT, Evaluation, evaluation_to_body
from greenroom.services.result_rows import Question
from greenroom.services.results import Contest
from greenroom.storage.sql import migrate, open_store
from greenroom.storage.sql.opening import sqlite_path
from greenroom.storage.sql.sqlite import connect
from tests.contract.results.talks import environment_id, line, open_hotel, talk
from tests.unit.services.story import Story, begin

CONVERSATIONS = 100_000
WITH_TURNS = 20_000
ROUNDS = 3
BARS = {
    "arms, every": 10.0,
    "counts": 2.5,
    "every": 7.0,
    "one evaluation": 6.0,
    "latency": 6.0,
    "containment": 3.5,
    "evaluation": 8.0,
}
"""So many times the peer, by what the question's name ends with; a ratio holds on a busy machine too."""
PEER = (
    "SELECT environment, started_version, outcome, count(*), sum(turns) FROM conversations"
    " WHERE origin = 'public' GROUP BY environment, started_version, outcome"
)


def run() -> None:
    asyncio.run(_run())


async def _run() -> None:
    with tempfile.TemporaryDirectory(prefix="greenroom-bench-") as folder:
        url = f"sqlite:///{folder}/bench.db"
        await migrate(url)
        store = await open_store(url)
        story = await begin(store)
        began = time.perf_counter()
        await _fill(story)
        print(f"{CONVERSATIONS:,} conversations, {WITH_TURNS * 2:,} turns put in {time.perf_counter() - began:.0f} s")
        path = sqlite_path(url)
        assert path is not None
        driver = connect(path)
        peer = statistics.median([_time_peer(driver) for _ in range(ROUNDS)])
        driver.close()
        print(f"{'':<44}{'ours ms':>9}{'peer ms':>9}{'ratio':>8}{'bar':>7}")
        for name, ask in _questions(story).items():
            ours = statistics.median([await _time(ask) for _ in range(ROUNDS)])
            bar = next(each for ending, each in BARS.items() if name.endswith(ending))
            verdict = "" if ours / peer <= bar else "  BELOW THE BAR"
            print(f"{name:<44}{ours:>9,.0f}{peer:>9,.0f}{ours / peer:>8.1f}{bar:>7.1f}{verdict}", flush=True)
        await store.close()


def _questions(story: Story) -> dict[str, Callable[[], Awaitable[Any]]]:
    results, call = story.desk.results, story.call()
    counted = ("containment", "hand_off", "no_match", "error", "abandoned", "turns")

    contest = Contest(read_arms(("live", "b")), weights=(1, 1))

    def table(**asked: Any) -> Callable[[], Awaitable[Any]]:
        return lambda: results.load(call, "hotel", Question(**asked))

    def compare(metric: str) -> Callable[[], Awaitable[Any]]:
        return lambda: results.compare(call, "hotel", Contest(read_arms(("live", "b")), metric, weights=(1, 1)))

    return {
        "table by environment and version, counts": table(metrics=counted),
        "table by day, counts": table(metrics=counted, step="day"),
        "table, every": table(),
        "table, one evaluation": table(metrics=("evaluation:kind",)),
        "table, latency": table(metrics=("latency",)),
        "two arms, containment": compare("containment"),
        "two arms, evaluation": compare("evaluation:kind"),
        "two arms, latency": compare("latency"),
        "two arms, every": lambda: results.compare_all(call, "hotel", contest),
    }


async def _fill(story: Story) -> None:
    project, now = await open_hotel(story), story.desk.clock.now()
    places = [await environment_id(story, alias) for alias in ("live", "b")]
    dice = random.Random(1)
    written = Evaluation("kind", rules="turns > 2")

    def work(tx: Writing, portion: list[Conversation]) -> None:
        for each in portion:
            tx.insert_conversation(each)
            body = {"score": dice.randrange(2), "reason": "", "judge": "rules", "environment": "", "version": 1}
            tx.put_record(Record(project.id, RESULT, f"kind/{each.id}", now, now, body, "kind"))

    await story.desk.store.write(
        story.owner.workspace,
        lambda tx: tx.put_record(Record(project.id, EVALUATION, "kind", now, now, evaluation_to_body(written))),
    )
    for start in range(0, CONVERSATIONS, 1_000):
        portion = [
            talk(
                project,
                places[number % 2],
                number,
                at=now - timedelta(minutes=1) - timedelta(days=20) * (number / CONVERSATIONS),
                started_version=number % 5 + 1,
                outcome=dice.choice(["contained", "contained", "handed_off", "no_match", "abandoned"]),
            )
            for number in range(start, start + 1_000)
        ]
        await story.desk.store.write(story.owner.workspace, lambda tx, p=portion: work(tx, p))
        if start < WITH_TURNS:
            await _speak(story, portion)


async def _speak(story: Story, portion: list[Conversation]) -> None:
    trace = {"latency_ms": {"total": 120.5}, "decision": "topic", "filler": "x" * 1_000}
    turns = [replace(line(each, index, "Can I?", "Yes."), trace=trace) for each in portion for index in (1, 2)]

    def work(tx: Writing) -> None:
        for turn in turns:
            tx.insert_turn(turn)

    await story.desk.store.write(story.owner.workspace, work)


async def _time(ask: Callable[[], Awaitable[Any]]) -> float:
    began = time.perf_counter()
    await ask()
    return (time.perf_counter() - began) * 1_000


def _time_peer(driver: Any) -> float:
    began = time.perf_counter()
    driver.execute(PEER).fetchall()
    return (time.perf_counter() - began) * 1_000
