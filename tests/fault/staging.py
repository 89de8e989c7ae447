"""A project with versions that say who they are, on a real store, and a desk for any process that works on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from greenroom.domain.access import Principal
from greenroom.domain.entities import Address
from greenroom.domain.ids import PrincipalId, WorkspaceId
from greenroom.kinds import KINDS
from greenroom.ports import Store
from greenroom.providers.clock import SystemClock
from greenroom.services.desk import Desk
from greenroom.services.plans import PromoteRequest, PublishRequest
from greenroom.services.work import Call
from tests.fault.houses import found

SLUG = "hotel"
QUESTION = "What is said about number {}?"


@dataclass(frozen=True)
class Stage:
    """Where a project is: all that another process needs to know, as JSON."""

    url: str
    workspace: str
    owner: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def call(self, name: str = "") -> Call:
        id_ = f"mem_{name}" if name else self.owner
        return Call(Principal(PrincipalId(id_), WorkspaceId(self.workspace), name or "owner", "owner"), "req_test")


def new_desk(store: Store, clock: Any = None) -> Desk:
    return Desk(store, clock or SystemClock(), KINDS, {})


async def build(desk: Desk, url: str, versions: int, entities: int = 1) -> Stage:
    """Makes a pipeline project; versions 1 to n are served in the sandbox and, one after the other, before Live."""
    stage = Stage(url, desk.clock.new_id("workspace"), desk.clock.new_id("member"))
    await found(desk, WorkspaceId(stage.workspace), PrincipalId(stage.owner))
    await desk.projects.create(stage.call(), "Hotel", SLUG, "pipeline")
    for number in range(1, versions + 1):
        await publish(desk, stage.call(), number, entities)
        await desk.releases.promote(stage.call(), SLUG, "pre-release", PromoteRequest(number, number - 1, number))
    return stage


async def publish(desk: Desk, call: Call, number: int, entities: int) -> None:
    """Publishes a version all of whose texts carry its number."""
    for index in range(entities):
        await save(desk, call, index, f"Answer {index} of release {number}.")
    done = await desk.publishing.publish(call, SLUG, "sandbox", PublishRequest(f"All answers of release {number}"))
    assert done.version.version.number == number


async def save(desk: Desk, call: Call, index: int, text: str, alias: str = "sandbox") -> None:
    address = Address("topic", f"t{index}")
    view = await desk.drafts.load(call, SLUG, alias)
    body = {"name": f"Number {index}", "sample_questions": [QUESTION.format(index)], "content": text}
    await desk.drafts.save(call, SLUG, alias, address, body, view.snapshot.get(address) or "*")
