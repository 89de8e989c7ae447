"""A server process that reads a project over and over while its releases change, and looks for mixtures.

    python -m tests.fault.reader '{"stage": …, "seed": 1, "entities": 40, "digests": {"1": "sha256:…"}, "mix": false}'

Says `ready`, reads until it is told to stop, and says how many entities it compared and which reads were mixed.
`mix` plants a bug: bodies come from what was read last, by address.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import sys
from collections.abc import Iterable
from typing import Any

from greenroom.domain.canonical import parse_json
from greenroom.domain.entities import Address
from greenroom.domain.errors import GreenroomError
from greenroom.domain.versions import snapshot_of
from greenroom.runtime.turn import Heard
from greenroom.services.conversations import Beginning
from greenroom.services.desk import Desk
from greenroom.storage.sql import open_store
from tests.fault.staging import QUESTION, SLUG, Stage, new_desk

TEXT = re.compile(r"Answer (\d+) of release (\d+)\.")


class Reader:
    """Reads in each way that the desk offers."""

    def __init__(self, desk: Desk, stage: Stage, config: dict[str, Any]) -> None:
        self._desk = desk
        self._call = stage.call("reader")
        self._dice = random.Random(config["seed"])
        self._entities: int = config["entities"]
        self._digests = {int(number): digest for number, digest in config["digests"].items()}
        self._mix: bool = config["mix"]
        self._last: dict[Address, bytes] = {}
        self._talk: str | None = None
        self.compared = 0
        self.reads = 0
        self.mixed: list[str] = []

    async def read_once(self) -> None:
        self.reads += 1
        ways = [self.read_bundle, self.read_resolved, self.read_list, self.read_entity, self.talk, self.talk]
        await self._dice.choice(ways)()

    async def read_bundle(self) -> None:
        """What `live` is, then its bundle."""
        view = await self._desk.environments.load(self._call, SLUG, "live")
        assert view.release is not None
        assert view.digest is not None
        await self._compare_bundle(view.release.version, view.digest)

    async def read_resolved(self) -> None:
        """What a key resolves to, then its bundle."""
        found = await self._desk.traffic.resolve(self._call, SLUG, str(self._dice.random()), None)
        await self._compare_bundle(found.version, found.digest)

    async def _compare_bundle(self, version: int, digest: str) -> None:
        bundle = await self._desk.content.load_bundle(self._call, SLUG, digest)  # type: ignore[arg-type]
        if self._mix:
            # Some bodies are taken from the bundle before.
            bundle.bodies.update({a: d for a, d in self._last.items() if self._dice.random() < 0.1})
            self._last = dict(bundle.bodies)
        self._check("digest", version, digest == self._digests[version] == bundle.snapshot.digest)
        hashes = {a: f"sha256:{hashlib.sha256(data).hexdigest()}" for a, data in bundle.bodies.items()}
        self._check("manifest", version, hashes == dict(bundle.snapshot) and len(hashes) == self._entities)
        self._check("manifest's digest", version, snapshot_of(hashes).digest == digest)  # type: ignore[arg-type]
        self._compare("bundle", version, (parse_json(data)["content"] for data in bundle.bodies.values()))

    async def read_list(self) -> None:
        """A whole list: its state, and the revision of each line."""
        state, lines, _ = await self._desk.content.list(self._call, SLUG, "live", None, "", self._entities)
        assert state.version is not None
        self._check("list", state.version, snapshot_of({x.address: x.revision for x in lines}).digest == state.digest)
        self._check("list's digest", state.version, state.digest == self._digests[state.version])
        self.compared += len(lines)

    async def read_entity(self) -> None:
        """One entity, whose text and revision belong together."""
        address = Address("topic", f"t{self._dice.randrange(self._entities)}")
        view = await self._desk.content.load(self._call, SLUG, address, "live")
        self._check("entity", 0, TEXT.fullmatch(view.body["content"]) is not None)
        self.compared += 1

    async def talk(self) -> None:
        """A turn of a conversation: the text is that of the version that the turn names."""
        if self._talk is None or self._dice.random() < 0.2:
            self._talk = (await self._desk.conversations.start(self._call, SLUG, Beginning()))[0].conversation.id
        index = self._dice.randrange(self._entities)
        done = await self._desk.conversations.take_turn(self._call, self._talk, Heard(QUESTION.format(index)))
        turn = done.turn
        assert turn.version is not None
        self._check("turn's digest", turn.version, turn.digest == self._digests[turn.version])
        self._compare("turn", turn.version, [turn.said])
        self._talk = None if done.ended else self._talk

    def _compare(self, what: str, version: int, texts: Iterable[str]) -> None:
        for text in texts:
            match = TEXT.fullmatch(text)
            self._check(what, version, match is not None and int(match.group(2)) == version)
            self.compared += 1

    def _check(self, what: str, version: int, right: bool) -> None:
        if not right and len(self.mixed) < 20:
            self.mixed.append(f"{what} of v{version}")


async def main(config: dict[str, Any]) -> None:
    store = await open_store(config["stage"]["url"])
    reader = Reader(new_desk(store), Stage(**config["stage"]), config)
    print(json.dumps("ready"))
    told = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    errors: list[str] = []
    for _ in range(10_000_000):
        if told.done():
            break
        try:
            await reader.read_once()
        except GreenroomError as wrong:
            errors.append(f"{wrong.code}: {wrong.detail}")
    print(json.dumps({"reads": reader.reads, "compared": reader.compared, "mixed": reader.mixed, "errors": errors[:5]}))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
