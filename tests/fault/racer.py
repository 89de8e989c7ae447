"""A server process with some clients in it, who read, promote and roll back at once and write down what they saw.

    python -m tests.fault.racer '{"stage": …, "seed": 1, "clients": ["a"], "calls": 9, "versions": 6, "stale": false}'

Says `ready`, waits for a line, races, and says what happened. With `urls` (two servers) and `key` it calls those.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx2

from greenroom.domain.environments import Environment, choose_stable
from greenroom.domain.errors import GreenroomError, Unavailable
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


class Refused(Exception):
    """An answer that is a refusal, with the sequence that it names, if any."""

    def __init__(self, code: str, seq: int | None) -> None:
        super().__init__(code)
        self.code = code
        self.seq = seq


class NoAnswer(Exception):
    """It may have happened or not."""


class DeskDoor:
    """Calls the desk in this process."""

    def __init__(self, desk: Desk, stage: Stage, name: str) -> None:
        self._desk = desk
        self._call = stage.call(name)

    async def ask(self, place: str, what: str, version: int | None, expected: int | None) -> tuple[int, int | None]:
        """Returns the sequence and version read or made. Raises Refused, NoAnswer."""
        try:
            if what == "read":
                found = (await self._desk.environments.load(self._call, SLUG, place)).environment
                return found.seq, choose_stable(found.arms)
            if what == "promote":
                assert version is not None
                promotion = PromoteRequest(version, expected, version)
                release = (await self._desk.releases.promote(self._call, SLUG, place, promotion)).release
            else:
                back = RollbackRequest("raced", version, expected)
                release = (await self._desk.releases.roll_back(self._call, SLUG, place, back)).release
            return release.seq, release.version
        except Unavailable as wrong:
            raise NoAnswer from wrong
        except GreenroomError as wrong:
            raise Refused(wrong.code, wrong.extra.get("seq")) from wrong


class HttpDoor:
    """Calls a server."""

    def __init__(self, url: str, key: str) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        # A bare client: one that repeats by itself would hide calls that happened twice.
        self._client = httpx2.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=20)

    async def ask(self, place: str, what: str, version: int | None, expected: int | None) -> tuple[int, int | None]:
        """Returns the sequence and version read or made. Raises Refused, NoAnswer."""
        path = f"/projects/{SLUG}/environments/{place}"
        try:
            if what == "read":
                response = await self._client.get(path)
            elif what == "promote":
                body = {"version": version, "expected_seq": expected, "confirm": {"version": version}}
                response = await self._client.post(f"{path}/promote", json=body)
            else:
                body = {"to": version, "expected_seq": expected, "reason": "raced"}
                response = await self._client.post(f"{path}/rollback", json=body)
        except httpx2.HTTPError as wrong:
            raise NoAnswer from wrong
        answer = response.json()
        if response.status_code >= 500:
            raise NoAnswer
        if response.status_code >= 400:
            raise Refused(answer["code"], answer.get("seq"))
        if what == "read":
            return answer["seq"], answer["serves"]["version"]
        return answer["seq"], answer["version"]

    async def close(self) -> None:
        await self._client.aclose()


class Client:
    """One caller. It expects the sequence it saw last, which is often an old one."""

    def __init__(self, door: DeskDoor | HttpDoor, name: str, seed: int, versions: int) -> None:
        self._door = door
        self._name = name
        self._dice = random.Random(f"{seed} {name}")
        self._versions = versions
        self._seen: dict[str, int] = dict.fromkeys(PLACES, 0)
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
            seq, served = await self._door.ask(place, what, version, expected)
        except NoAnswer:
            return None
        except Refused as refused:
            if refused.seq is None:
                return (refused.code,)
            self._seen[place] = refused.seq
            # Without a sequence the server looks and decides again; after three lost races it gives up.
            return (refused.code, refused.seq) if expected is not None else ("lost",)
        self._seen[place] = seq
        return ("ok", seq, served)


async def main(config: dict[str, Any]) -> None:
    stage, seed, versions = Stage(**config["stage"]), config["seed"], config["versions"]
    if "urls" in config:
        doors = [HttpDoor(config["urls"][n % 2], config["key"]) for n in range(len(config["clients"]))]
        await race(
            [Client(d, n, seed, versions) for d, n in zip(doors, config["clients"], strict=True)], config["calls"]
        )
        for door in doors:
            await door.close()
        return
    store: Any = await open_store(stage.url)
    desk = new_desk(StaleStore(store) if config["stale"] else store)  # type: ignore[arg-type]
    for number in range(1, versions + 1):
        version = (await desk.versions.load(stage.call(), SLUG, number)).version
        await desk.programs.load(stage.call().workspace, version.digest)
    await race([Client(DeskDoor(desk, stage, n), n, seed, versions) for n in config["clients"]], config["calls"])
    await store.close()


async def race(clients: list[Client], calls: int) -> None:
    print(json.dumps("ready"))
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(*(client.race(calls) for client in clients))
    print(json.dumps([row for client in clients for row in client.history]))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
