"""Compiled versions in memory: each snapshot once per digest, before anything is switched to it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address, Body, parse_body
from greenroom.domain.ids import WorkspaceId
from greenroom.domain.kind import Registry
from greenroom.ports import Reading, Store
from greenroom.runtime.matcher_vectors import Embedder
from greenroom.runtime.program import Program, compile_program
from greenroom.services.states import load_snapshot

KEPT = 64
KEPT_ALWAYS = 4
TOPIC_BUDGET = 5_000
"""At most KEPT programs stay in memory, with so many topics together (about 60 KB each), but never fewer than
KEPT_ALWAYS: what is served and what is running must not push each other out. The least recently used goes first."""


class Programs:
    """Programs by workspace and snapshot digest."""

    def __init__(self, store: Store, kinds: Registry, embedder: Embedder | None = None) -> None:
        self._store = store
        self._embedder = embedder
        self._kinds = kinds
        self._ready: OrderedDict[tuple[WorkspaceId, Digest], Program] = OrderedDict()
        self._making: dict[tuple[WorkspaceId, Digest], asyncio.Task[Program]] = {}
        self.compiled = 0

    def find(self, workspace: WorkspaceId, digest: Digest) -> Program | None:
        """Returns a program that is ready."""
        program = self._ready.get((workspace, digest))
        if program is not None:
            self._ready.move_to_end((workspace, digest))
        return program

    def forget(self, workspace: WorkspaceId, digest: Digest) -> None:
        """Drops a program from memory; the next use compiles it again."""
        self._ready.pop((workspace, digest), None)

    async def load(self, workspace: WorkspaceId, digest: Digest) -> Program:
        """Returns the program of a stored snapshot, compiling it when it is not ready. Raises NotFound."""
        ready = self.find(workspace, digest)
        if ready is not None:
            return ready

        def read(tx: Reading) -> Mapping[Address, bytes]:
            snapshot = load_snapshot(tx, digest)
            stored = tx.load_bodies(set(snapshot.values()))
            return {address: stored[body] for address, body in snapshot.items()}

        async def make() -> Program:
            raw = await self._store.read(workspace, read)
            return await asyncio.to_thread(self._compile_raw, raw)

        return await self._once(workspace, digest, make)

    async def prepare(self, workspace: WorkspaceId, digest: Digest, entities: Mapping[Address, Body]) -> Program:
        """Compiles a snapshot that is not stored yet, so that it is ready before the switch."""
        ready = self.find(workspace, digest)
        if ready is not None:
            return ready
        return await self._once(workspace, digest, lambda: asyncio.to_thread(self._compile, entities))

    async def _once(
        self, workspace: WorkspaceId, digest: Digest, making: Callable[[], Coroutine[Any, Any, Program]]
    ) -> Program:
        key = (workspace, digest)
        task = self._making.get(key)
        if task is None:
            task = asyncio.ensure_future(making())
            self._making[key] = task
            task.add_done_callback(lambda _: self._making.pop(key, None))
        program = await asyncio.shield(task)
        self._ready[key] = program
        self._make_room()
        return program

    def _make_room(self) -> None:
        topics = sum(len(program.topics) for program in self._ready.values())
        while len(self._ready) > KEPT or (len(self._ready) > KEPT_ALWAYS and topics > TOPIC_BUDGET):
            _, oldest = self._ready.popitem(last=False)
            topics -= len(oldest.topics)

    def _compile_raw(self, raw: Mapping[Address, bytes]) -> Program:
        return self._compile({address: parse_body(data) for address, data in raw.items()})

    def _compile(self, entities: Mapping[Address, Body]) -> Program:
        self.compiled += 1
        upgraded = {
            address: self._kinds[address.kind].upgrade(body)
            for address, body in entities.items()
            if address.kind in self._kinds
        }
        return compile_program(upgraded, self._embedder)
