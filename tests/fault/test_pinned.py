"""Pinned conversations (check 8): every turn is answered by the version that R14 says, in any process, after any crash.

What the rule says is worked out by the model of the release machine, which moves conversations eagerly.
"""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from greenroom.storage.sql import open_store
from tests.fault.children import Child
from tests.fault.houses import START, FakeClock, new_sqlite
from tests.fault.profile import LONG, say_seed
from tests.fault.staging import Stage, build, new_desk
from tests.property.release_model import Model, Talk, Version

VERSIONS = 5
CHATS = 500 if LONG else 40
ROUNDS = 60 if LONG else 12
TURNS = 100 if LONG else 20
PROCESSES = 2


class Hall:
    """Processes that share a database, and the model beside them."""

    def __init__(self, url: str, seed: int, *, plant: bool = False) -> None:
        self._plant = plant
        self.dice: random.Random = say_seed("conversations", seed)
        self.stage = asyncio.run(self._build(url))
        self.now = 1_000.0
        self.model = Model("pipeline", self.moment)
        for number in range(1, VERSIONS + 1):
            version = Version(number, {"t0": f"Answer 0 of release {number}."}, "", "", (), "sandbox")
            self.model.versions.append(version)
            self.model.release("pre-release", "promote", number, None, None, "", "")
        self._born = 0
        self._begun: dict[str, int | None] = {}
        self.processes = [self._new() for _ in range(PROCESSES)]
        self.turns = self.moved = self.kills = 0

    @staticmethod
    async def _build(url: str) -> Stage:
        store = await open_store(url)
        try:
            return await build(new_desk(store, FakeClock("b")), url, VERSIONS)
        finally:
            await store.close()

    def _new(self) -> Child:
        self._born += 1
        return Child("chatter", {"stage": self.stage.to_json(), "prefix": f"p{self._born}x", "plant": self._plant})

    @property
    def moment(self) -> Any:
        return START + timedelta(seconds=self.now)

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Has any of the processes do something, a second later."""
        self.wait(1)
        return self.dice.choice(self.processes).ask({"now": self.now, "do": do, **more})

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.model.pass_time(self.moment)

    def kill_one(self) -> None:
        """Ends a process without warning; another takes its place and knows nothing but the database."""
        index = self.dice.randrange(PROCESSES)
        self.processes[index].kill()
        self.processes[index] = self._new()
        self.kills += 1

    def start(self) -> None:
        here = self.model.environments["live"]
        ref = self.dice.choice([None, None, None, None, f"v{self.dice.randint(1, VERSIONS)}", "live"])
        channel = "api" if ref else self.dice.choice(["api", "voice"])
        begun = self.ask("start", ref=ref, channel=channel)
        version = int(ref[1:]) if ref is not None and ref != "live" else here.served
        assert begun["version"] == version
        place = "sandbox" if ref is not None and ref != "live" else "live"
        content = self.model.content_of(version)
        self._begun[begun["id"]] = version
        self.model.talks[begun["id"]] = Talk(
            begun["id"], place, version, content, ref is not None, channel, self.moment
        )

    def turn(self) -> None:
        talk = self.dice.choice(list(self.model.talks.values()))
        answer = self.ask("turn", id=talk.id)
        assert answer["version"] == talk.version, f"{talk.id}: answered by {answer}, the rule says v{talk.version}"
        assert answer["said"] == talk.content["t0"]
        talk.last_at, self.turns = self.moment, self.turns + 1
        self.moved += talk.version != self._begun[talk.id]

    def release(self) -> None:
        here = self.model.environments["live"]
        policy = self.dice.choice([None, None, "finish", "switch", "drain", "drain"])
        until = self.now + self.dice.choice([5.5, 20.5, 60.5]) if policy == "drain" else None
        version = self.dice.choice([n for n in range(1, VERSIONS + 1) if n != here.served])
        how = self.dice.choice(["promote", "back", "back to"])
        if how == "back" and len(here.stack) > 1:
            version, order = here.stack[-2], {"do": "roll_back", "to": None}
        elif how == "back to" and version in here.ever:
            order = {"do": "roll_back", "to": version}
        else:
            order = {"do": "promote", "version": version}
        operation = "rollback" if version in here.ever else "promote"
        answer = self.ask(**order, seq=here.seq, policy=policy, until=until)
        deadline = None if until is None else START + timedelta(seconds=until)
        expected = self.model.release("live", operation, version, policy, deadline, "", "")
        assert answer == {"seq": expected.seq}

    def check_running(self) -> None:
        answer = self.ask("running")
        assert answer["running"] == {str(v): count for v, count in self.model.running("live").items()}

    def close(self) -> None:
        for process in self.processes:
            process.close()


def test_every_turn_is_answered_by_the_version_the_rule_says(url: str, seed: int) -> None:
    converse(Hall(url, seed))


def test_a_build_that_answers_with_what_is_served_now_is_caught(tmp_path: Path, seed: int) -> None:
    with pytest.raises(AssertionError, match="the rule says"):
        converse(Hall(new_sqlite(tmp_path), seed, plant=True))


def converse(hall: Hall) -> None:
    try:
        hall.release()
        for _ in range(CHATS // 2):
            hall.start()
        for number in range(ROUNDS):
            hall.release()
            for _ in range(CHATS // 2 // ROUNDS):
                hall.start()
            if number % 4 == 1:
                hall.kill_one()
            for _ in range(TURNS):
                hall.turn()
            hall.check_running()
            hall.wait(hall.dice.choice([0, 10, 700]))
        talks = f"{len(hall.model.talks)} conversations, {hall.turns} turns"
        print(f"{talks}, {hall.moved} by another version than at the start, {hall.kills} processes killed")
    finally:
        hall.close()
