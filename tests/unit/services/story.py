"""A desk on a memory store, and a small agent to release."""

from __future__ import annotations

from typing import Any

from greenroom.domain.access import Principal, Role
from greenroom.domain.entities import Address
from greenroom.domain.ids import PrincipalId
from greenroom.importers.polyai import read_project
from greenroom.kinds import KINDS
from greenroom.ports import Store
from greenroom.providers.clock import SystemClock
from greenroom.services.desk import Desk
from greenroom.services.keys import NewKey
from greenroom.services.work import Call
from greenroom.storage.memory import MemoryStore

CHECKOUT = Address("topic", "late-checkout")


def topic(content: str, **more: Any) -> dict[str, Any]:
    questions = ["Can I check out late?", "Is late check-out possible?", "How late can I leave my room?"]
    return {"name": "Late check-out", "sample_questions": questions, "content": content, **more}


class Story:
    """A desk with an owner, who calls as `call()`."""

    def __init__(self, desk: Desk, owner: Principal) -> None:
        self.desk = desk
        self.owner = owner

    def call(self, role: Role | None = None, name: str = "") -> Call:
        who = self.owner
        if role is not None:
            who = Principal(PrincipalId(f"mem_{role}{name}"), who.workspace, role, role)
        return Call(who, "req_test")

    async def make_project(self, slug: str = "hotel", template: Any = "pipeline") -> None:
        await self.desk.projects.create(self.call(), slug.title(), slug, template)

    async def save(self, address: Address, body: dict[str, Any], alias: str = "sandbox", slug: str = "hotel") -> Any:
        draft = await self.desk.drafts.load(self.call(), slug, alias)
        revision = draft.snapshot.get(address)
        return await self.desk.drafts.save(self.call(), slug, alias, address, body, revision or "*")

    async def new_key(self, role: Role) -> NewKey:
        return await self.desk.keys.create(self.call(), role, role)


async def begin(store: Store | None = None) -> Story:
    desk = Desk(store or MemoryStore(), SystemClock(), KINDS, {"polyai": read_project})
    owner = await desk.access.found_workspace(None)
    return Story(desk, owner)
