"""Clones, merges and publishing beside each other, on SQLite: at 100 and 10,000 entities, and after 10,000 versions.

What a merge costs must follow what changed. Compiling follows the size of the agent and is counted apart: a merge
into what has not moved on serves the source's own content, whose program is ready; any other has to be compiled.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from greenroom.domain.entities import Address
from greenroom.domain.environments import full_arm
from greenroom.kinds import KINDS
from greenroom.ports import Writing
from greenroom.providers.clock import SystemClock
from greenroom.services.desk import Desk
from greenroom.services.environment_changes import NewEnvironment
from greenroom.services.merges import MergeRequest
from greenroom.services.plans import PublishRequest
from greenroom.services.work import Call
from greenroom.storage.sql import migrate, open_store
from greenroom.wire.archives import pack
from greenroom.wire.folder import to_files
from tests.bench.bench_releases import EDITS, TOPICS, entities, timed
from tests.bench.table import Table

ROUNDS = 7
SLUG = "bench"
VERSIONS = 10_000


class Bench:
    """One project of Main and a clone, of a given size."""

    def __init__(self, desk: Desk, call: Call, count: int) -> None:
        self.desk = desk
        self.call = call
        self.count = count
        self.edit = 0
        self.times: dict[str, list[float]] = {}
        self.compiling = 0.0
        self._count_compiles()

    def _count_compiles(self) -> None:
        """Measures what the desk spends on compiling, to be told apart from the rest."""
        programs: Any = self.desk.programs
        prepare = programs.prepare

        async def measured(*given: Any) -> Any:
            begun = time.perf_counter()
            made = await prepare(*given)
            self.compiling += (time.perf_counter() - begun) * 1000
            return made

        programs.prepare = measured

    async def fill(self) -> None:
        await self.desk.projects.create(self.call, SLUG, SLUG, "parallel")
        archive = pack(to_files(entities(self.count), KINDS))
        await self.desk.imports.import_folder(self.call, SLUG, archive, "greenroom")
        await self._publish("main", "All of the bench's entities")

    async def _seq(self, alias: str) -> int:
        return (await self.desk.environments.load(self.call, SLUG, alias)).environment.seq

    async def _publish(self, alias: str, note: str) -> None:
        digest = (await self.desk.publishing.plan(self.call, SLUG, alias, PublishRequest(note))).digest
        request = PublishRequest(note, expected_seq=await self._seq(alias), confirm_digest=digest)
        await self.desk.publishing.publish(self.call, SLUG, alias, request)

    async def change(self, alias: str, first: int) -> None:
        """Edits and publishes 20 entities of an environment."""
        self.edit += 1
        draft = (await self.desk.drafts.load(self.call, SLUG, alias)).snapshot
        for number in range(first, first + EDITS):
            place = self.count - 1 - number if self.count > TOPICS + 2 * EDITS else TOPICS + number
            address = Address("component", f"part-{place}")
            body = {"name": f"Part {place}", "text": f"Edit {self.edit} of part {place}"}
            await self.desk.drafts.save(self.call, SLUG, alias, address, body, draft[address])
        await self._publish(alias, f"Twenty edits in {alias}, {self.edit}")

    async def clone(self, name: str) -> None:
        made = NewEnvironment(name, alias=name, clone_from="main")
        await self.measure("clone", self.desk.environment_changes.create(self.call, SLUG, made))

    async def merge(self, source: str, label: str) -> None:
        asked = MergeRequest(source, "main", f"The work of {source} comes in", acknowledged=["drafts_discarded"])
        asked = replace(asked, expected_seq=await self._seq("main"), delete_source=True)
        plan = await self.measure(f"{label}: preview", self.desk.merges.plan(self.call, SLUG, asked))
        confirmed = replace(asked, confirm_digest=plan.plan.digest)
        before = self.compiling
        done = self.times.setdefault(label, [])
        await timed(done)(self.desk.merges.make(self.call, SLUG, confirmed))
        compiling = self.compiling - before
        if compiling:
            done[-1] -= compiling
            self.times.setdefault(f"{label}: compiling", []).append(compiling)

    async def measure(self, name: str, work: Any) -> Any:
        return await timed(self.times.setdefault(name, []))(work)

    async def rounds(self) -> Mapping[str, float]:
        for number in range(ROUNDS):
            await self.clone(f"one-{number}")
            await self.change(f"one-{number}", 0)
            await self.merge(f"one-{number}", "merge of 20 changes, program ready")
            await self.clone(f"two-{number}")
            await self.change(f"two-{number}", 0)
            await self.change("main", EDITS)
            await self.merge(f"two-{number}", "merge of 20 changes and 20 others")
        return {name: statistics.median(values) for name, values in self.times.items()}


async def measure(count: int, folder: Path, versions: int = 0) -> Mapping[str, float]:
    url = f"sqlite:///{folder / f'{count}-{versions}.db'}"
    await migrate(url)
    store = await open_store(url)
    try:
        desk = Desk(store, SystemClock(), KINDS, {})
        owner = await desk.access.found_workspace(None)
        bench = Bench(desk, Call(owner, "bench"), count)
        await bench.fill()
        if versions:
            await _grow(bench, versions)
        return await bench.rounds()
    finally:
        await store.close()


async def _grow(bench: Bench, versions: int) -> None:
    """Gives the project a long past: versions one after the other, as publishing for years would leave them."""
    store, workspace = bench.desk.store, bench.call.workspace
    project = await store.read(workspace, lambda tx: tx.find_project(SLUG))
    assert project is not None
    for _ in range(0, versions, 500):

        def work(tx: Writing) -> None:
            first = tx.find_version(project.id, 1)
            main = tx.find_environment(project.id, "main")
            assert first is not None
            assert main is not None
            release = tx.find_release(main.id, main.seq)
            assert release is not None
            for _ in range(500):
                number = tx.take_version_number(project.id)
                tx.insert_version(project.id, replace(first, number=number, parents=(number - 1,)))
                seq = number
                tx.swap_served(main.id, seq - 1, full_arm(number))
                arms = {"from_arms": full_arm(number - 1), "to_arms": full_arm(number)}
                id_ = bench.desk.clock.new_id("release")
                tx.insert_release(replace(release, id=id_, seq=seq, beneath=seq - 1, **arms))

        await store.write(workspace, work)


def run() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        small = asyncio.run(measure(100, Path(folder)))
        large = asyncio.run(measure(10_000, Path(folder)))
        long = asyncio.run(measure(100, Path(folder), VERSIONS))
    columns = (
        "work, p50",
        "100 entities",
        "10,000 entities",
        "ratio",
        f"100, after {VERSIONS:,} versions",
        "ratio",
        "bar",
    )
    table = Table("on SQLite, synchronous=FULL", columns)
    for name in small:
        bar = "ratio ≤ 2"
        if name.startswith("merge of 20 changes and 20 others") and "preview" not in name:
            # A result that is neither side's has no program yet: every entity is read and compiled.
            bar = "reads the whole agent"
        cells = (f"{side[name]:.2f} ms" for side in (small, large, long))
        one, two, three = cells
        table.row(name, one, two, f"{large[name] / small[name]:.2f}", three, f"{long[name] / small[name]:.2f}", bar)
    table.print()
