"""A server process that does what it is told at the time it is told, one line of JSON after the other.

    python -m tests.fault.chatter '{"stage": …, "prefix": "p1", "plant": false}'

`{"now": seconds, "do": "start" | "turn" | "promote" | "roll_back" | "running", …}`; answers with what came of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from greenroom.domain.errors import GreenroomError
from greenroom.runtime.turn import Heard
from greenroom.services import states
from greenroom.services.conversations import Beginning
from greenroom.services.desk import Desk
from greenroom.services.plans import PolicyChoice, PromoteRequest, RollbackRequest
from greenroom.services.work import Call
from greenroom.storage.sql import open_store
from tests.fault.houses import START, FakeClock
from tests.fault.staging import QUESTION, SLUG, Stage, new_desk


def policy_of(order: dict[str, Any]) -> PolicyChoice:
    until = order.get("until")
    return PolicyChoice(order.get("policy"), None if until is None else START + timedelta(seconds=until))


async def obey(desk: Desk, call: Call, order: dict[str, Any]) -> dict[str, Any]:
    match order["do"]:
        case "start":
            begin = Beginning(order.get("environment"), order.get("ref"), channel=order["channel"])
            begun = (await desk.conversations.start(call, SLUG, begin))[0].conversation
            return {"id": begun.id, "version": begun.started_version}
        case "turn":
            done = await desk.conversations.take_turn(call, order["id"], Heard(QUESTION.format(0)))
            return {"version": done.turn.version, "said": done.turn.said, "ended": done.ended}
        case "promote":
            version, seq = order["version"], order["seq"]
            promotion = PromoteRequest(version, seq, version, in_flight=policy_of(order))
            return {"seq": (await desk.releases.promote(call, SLUG, "live", promotion)).release.seq}
        case "roll_back":
            back = RollbackRequest("back", order.get("to"), order["seq"], policy_of(order))
            return {"seq": (await desk.releases.roll_back(call, SLUG, "live", back)).release.seq}
        case _:
            running = (await desk.environments.load(call, SLUG, "live")).running
            return {"running": {str(version): count for version, count in running.items()}}


def plant_the_newest_for_everybody() -> None:
    """Plants a bug: every conversation is answered by what is served at the moment, as some systems do it."""

    def answering(version: int, slot: int, later: Sequence[Any], now: Any) -> int:
        return later[-1].version if later else version

    states.choose_answering = answering


async def main(config: dict[str, Any]) -> None:
    if config["plant"]:
        plant_the_newest_for_everybody()
    store = await open_store(config["stage"]["url"])
    clock = FakeClock(config["prefix"])
    desk, call = new_desk(store, clock), Stage(**config["stage"]).call()
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        clock.moment = START + timedelta(seconds=order["now"])
        try:
            answer = await obey(desk, call, order)
        except GreenroomError as wrong:
            answer = {"refused": wrong.code, "detail": wrong.detail}
        print(json.dumps(answer))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
