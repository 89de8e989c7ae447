"""A server process with some clients in it, who read, promote and roll back at once and write down what they saw.

    python -m tests.fault.racer '{"stage": …, "seed": 1, "clients": ["a"], "calls": 9, "versions": 6, "stale": false}'

Says `ready`, waits for a line, races, and says what happened.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from greenroom.domain.environments import Environment, choose_stable
from greenroom.domain.errors import GreenroomError, Stale, Unavailable
from greenroom.services.desk import Desk
from greenroom.services.plans import PromoteRequest, RollbackRequest
from greenroom.storage.sql import open_store
from tests.fault.staging import SLUG, Stage, new_desk

PLACES = ("pre-release", "live")


class StaleStore:
    """A planted bug: environments are read from a memory of them that is thrown away only now and then."""

    def __init__(self, inner: Any, keep: int = 8) -> None:
        self._inner = inner
        self._keep = keep
        self._count = 0
        self._known: dict[str, Environment] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def read(self, workspace: Any, work: Callable[[Any], Any]) -> Any:
        self._count += 1
        if self._count % self._keep == 0:
            self._known.clear()
        return await self._inner.read(workspace, lambda tx: work(_Remembering(tx, self._known)))


class _Remembering:
    def __init__(self, tx: Any, known: dict[str, Environment]) -> None:
        self._tx = tx
        self._known = known

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def find_environment(self, project: Any, alias_or_id: str) -> Environment | None:
        if alias_or_id not in self._known:
            found = self._tx.find_environment(project, alias_or_id)
            if found is None:
                return None
            self._known[alias_or_id] = found
        return self._known[alias_or_id]


class Client:
    """One caller. It expects the sequence it saw last, which is often an old one."""

    def __init__(self, desk: Desk, stage: Stage, name: str, seed: int, versions: int) -> None:
        self._desk = desk
        self._call = stage.call(name)
        self._name = name
        self._dice = random.Random(f"{seed} {name}")
        self._versions = versions
        self._seen = dict.fromkeys(PLACES, 0)
        self.history: list[dict[str, Any]] = []

    async def race(self, calls: int) -> None:
        for _ in range(calls):
            place = self._dice.choice(PLACES)
            version = self._dice.randint(1, self._versions)
            expected = self._seen[place]
            asked: tuple[Any, ...] = self._dice.choices(
                [
                    ("read", None, None),
                    ("promote", version, expected),
                    ("roll_back", None, expected),
                    ("roll_back", version, None),
                    ("roll_back", version, expected),
                ],
                [4, 4, 2, 1, 1],
            )[0]
            called = time.monotonic_ns()
            answer = await self._ask(place, *asked)
            # Nothing may be concluded from the time of an answer that says nothing.
            answered = None if answer is None else time.monotonic_ns()
            row = {"place": place, "called": called, "answered": answered, "asked": asked, "answer": answer}
            self.history.append(row | {"by": self._name})

    async def _ask(self, place: str, what: str, version: int | None, expected: int | None) -> tuple[Any, ...] | None:
        try:
            if what == "read":
                found = (await self._desk.environments.load(self._call, SLUG, place)).environment
                seq, served = found.seq, choose_stable(found.arms)
            else:
                release = (await self._change(place, what, version, expected)).release
                seq, served = release.seq, release.version
        except Stale as stale:
            self._seen[place] = stale.extra["seq"]
            # Without a sequence the server looks and decides again; after three lost races it gives up.
            return (stale.code, stale.extra["seq"]) if expected is not None else ("lost",)
        except Unavailable:
            return None
        except GreenroomError as wrong:
            return (wrong.code,)
        self._seen[place] = seq
        return ("ok", seq, served)

    async def _change(self, place: str, what: str, version: int | None, expected: int | None) -> Any:
        if what == "promote":
            assert version is not None
            request = PromoteRequest(version, expected, version, note=self._name)
            return await self._desk.releases.promote(self._call, SLUG, place, request)
        return await self._desk.releases.roll_back(
            self._call, SLUG, place, RollbackRequest(self._name, version, expected)
        )


async def main(config: dict[str, Any]) -> None:
    store: Any = await open_store(config["stage"]["url"])
    desk = new_desk(StaleStore(store) if config["stale"] else store)
    stage = Stage(**config["stage"])
    clients = [Client(desk, stage, name, config["seed"], config["versions"]) for name in config["clients"]]
    for number in range(1, config["versions"] + 1):
        version = (await desk.versions.load(stage.call(), SLUG, number)).version
        await desk.programs.load(stage.call().workspace, version.digest)
    print(json.dumps("ready"))
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(*(client.race(config["calls"]) for client in clients))
    print(json.dumps([row for client in clients for row in client.history]))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
