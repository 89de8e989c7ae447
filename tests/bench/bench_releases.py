"""Publish, compare, promote, roll back and a turn, on SQLite, as ratios of the same work where it is small.

Every figure is a median of one run on one machine; the ratios are what counts.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from greenroom.domain.canonical import digest_of
from greenroom.domain.diffs import diff_snapshots
from greenroom.domain.entities import Address
from greenroom.domain.versions import snapshot_of
from greenroom.kinds import KINDS
from greenroom.providers.clock import SystemClock
from greenroom.runtime.turn import Heard
from greenroom.services.conversations import Beginning
from greenroom.services.desk import Desk
from greenroom.services.plans import PromoteRequest, PublishRequest, RollbackRequest
from greenroom.services.work import Call
from greenroom.storage.sql import migrate, open_store
from greenroom.wire.archives import pack
from greenroom.wire.folder import to_files
from tests.bench.table import Table

EDITS = 20
ROUNDS = 5
TOPICS = 50
SLUG = "bench"


def entities(count: int) -> dict[Address, dict[str, Any]]:
    """An agent of `count` entities: 50 topics, the rest components, as large projects have many small parts."""
    made: dict[Address, dict[str, Any]] = {}
    for number in range(min(TOPICS, count)):
        questions = [f"What about subject {number} {word}?" for word in ("today", "tomorrow", "please", "now", "again")]
        made[Address("topic", f"topic-{number}")] = {
            "schema": 1,
            "name": f"Topic {number}",
            "sample_questions": questions,
            "content": f"Subject {number} is explained here. " * 8,
        }
    for number in range(len(made), count):
        body = {"schema": 1, "name": f"Part {number}", "text": f"Part {number}: " + "some words to weigh. " * 20}
        made[Address("component", f"part-{number}")] = body
    return made


def timed(times: list[float]) -> Callable[[Awaitable[Any]], Awaitable[Any]]:
    async def run(work: Awaitable[Any]) -> Any:
        begun = time.perf_counter()
        result = await work
        times.append((time.perf_counter() - begun) * 1000)
        return result

    return run


class Bench:
    """One project of a given size on SQLite."""

    def __init__(self, desk: Desk, call: Call, count: int) -> None:
        self.desk = desk
        self.call = call
        self.count = count
        self.edit = 0

    async def fill(self) -> None:
        await self.desk.projects.create(self.call, SLUG, SLUG, "pipeline")
        archive = pack(to_files(entities(self.count), KINDS))
        await self.desk.imports.import_folder(self.call, SLUG, archive, "greenroom")
        await self.desk.publishing.publish(self.call, SLUG, "sandbox", PublishRequest("All of the bench's entities"))

    async def change(self) -> None:
        """Edits 20 entities in the draft."""
        self.edit += 1
        draft = (await self.desk.drafts.load(self.call, SLUG, "sandbox")).snapshot
        for number in range(EDITS):
            place = self.count - 1 - number if self.count > TOPICS + EDITS else number
            address = Address("component", f"part-{place}")
            body = {"name": f"Part {place}", "text": f"Edit {self.edit} of part {place}"}
            await self.desk.drafts.save(self.call, SLUG, "sandbox", address, body, draft[address])

    async def publish(self) -> int:
        done = await self.desk.publishing.publish(
            self.call, SLUG, "sandbox", PublishRequest(f"Twenty edits, {self.edit}")
        )
        return done.version.version.number

    async def promote(self, version: int, alias: str) -> None:
        seq = (await self.desk.environments.load(self.call, SLUG, alias)).environment.seq
        await self.desk.releases.promote(self.call, SLUG, alias, PromoteRequest(version, seq, version))


async def measure(count: int, folder: Path) -> dict[str, float]:
    url = f"sqlite:///{folder / f'{count}.db'}"
    await migrate(url)
    store = await open_store(url)
    try:
        desk = Desk(store, SystemClock(), KINDS, {})
        owner = await desk.access.found_workspace(None)
        bench = Bench(desk, Call(owner, "bench"), count)
        await bench.fill()
        return await _rounds(bench)
    finally:
        await store.close()


async def _rounds(bench: Bench) -> dict[str, float]:
    desk, call = bench.desk, bench.call
    names = ("publish", "compile", "compare", "promote", "rollback", "turn")
    times: dict[str, list[float]] = {name: [] for name in names}
    last = 1
    for _ in range(ROUNDS):
        await bench.change()
        # The compile is counted apart: it follows the size of the agent, and may be done before publishing.
        plan = await desk.publishing.plan(call, SLUG, "sandbox", PublishRequest("Twenty edits of the bench"))
        begun = await desk.conversations.start(call, SLUG, Beginning(ref="draft:sandbox"))
        assert begun[0].conversation.started_digest == plan.digest
        version = await timed(times["publish"])(bench.publish())
        desk.programs.forget(call.workspace, plan.digest)
        await timed(times["compile"])(desk.programs.load(call.workspace, plan.digest))
        await timed(times["compare"])(desk.comparisons.compare(call, SLUG, f"v{last}", f"v{version}"))
        await timed(times["promote"])(bench.promote(version, "pre-release"))
        last = version
    await bench.promote(last - 1, "live")
    for _ in range(ROUNDS):
        await bench.promote(last, "live")
        request = RollbackRequest("measured", to=last - 1)
        await timed(times["rollback"])(desk.releases.roll_back(call, SLUG, "live", request))
    view, _ = await desk.conversations.start(call, SLUG, Beginning())
    for number in range(40):
        heard = Heard(f"What about subject {number} tomorrow?")
        await timed(times["turn"])(desk.conversations.take_turn(call, view.conversation.id, heard))
    return {name: statistics.median(values) for name, values in times.items()}


def in_memory_compare() -> float:
    """Milliseconds to find 20 edits between two 10,000-entity snapshots."""
    base = snapshot_of({Address("component", f"part-{n}"): digest_of(n) for n in range(10_000)})
    head = base.with_changes({Address("component", f"part-{n}"): digest_of([n]) for n in range(EDITS)})
    times: list[float] = []
    for _ in range(50):
        begun = time.perf_counter()
        assert len(diff_snapshots(base, head, KINDS)) == EDITS
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def run() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        small = asyncio.run(measure(100, Path(folder)))
        large = asyncio.run(measure(10_000, Path(folder)))
    table = Table("on SQLite, synchronous=FULL", ("work", "100 entities", "10,000 entities", "ratio", "bar"))
    bars = {"publish": "ratio ≤ 2", "compare": "≤ 10 ms through the service", "turn": "≤ 5 ms p50"}
    labels = {"publish": "publish 20 changes, program ready", "compile": "compile the version (50 topics)"}
    for name in small:
        ratio = f"{large[name] / small[name]:.2f}"
        table.row(labels.get(name, name), f"{small[name]:.2f} ms", f"{large[name]:.2f} ms", ratio, bars.get(name, "–"))
    whole = [side["publish"] + side["compile"] for side in (small, large)]
    table.row(
        "publish + compile", f"{whole[0]:.2f} ms", f"{whole[1]:.2f} ms", f"{whole[1] / whole[0]:.2f}", "honest sum"
    )
    table.row("diff of two snapshots in memory", "–", f"{in_memory_compare():.2f} ms", "–", "≤ 2 ms")
    table.print()
