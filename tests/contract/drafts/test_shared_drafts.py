"""One draft, many editors, two processes: a save of what nobody else touched is accepted, on any database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from greenroom.domain.access import Principal
from greenroom.domain.entities import Address
from greenroom.domain.errors import GreenroomError
from greenroom.domain.ids import PrincipalId
from greenroom.kinds import KINDS
from greenroom.services.desk import Desk
from greenroom.services.work import Call
from greenroom.storage.sql import migrate, open_store
from tests.fault.houses import House, new_sqlite

EDITORS, SAVES = 4, 3


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_editors_of_one_draft_do_not_get_in_each_others_way(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if database == "sqlite":
        url = new_sqlite(tmp_path)
    else:
        url = request.getfixturevalue("postgres_url")
        asyncio.run(migrate(url))
    house = House(url)
    room = house.open()
    house.run(room.desk.projects.create(room.call(), "Hotel", "hotel", "parallel"))

    async def edit(desk: Desk, who: int) -> list[str]:
        principal = Principal(PrincipalId(f"mem_{who}"), room.workspace, str(who), "editor")
        saved: list[str] = []
        for number in range(SAVES):
            address = Address("topic", f"t{who}-{number}")
            body: dict[str, Any] = {"name": "T", "content": f"{who} {number}"}
            await desk.drafts.save(Call(principal, "req"), "hotel", "main", address, body, "*")
            saved.append(str(address))
        return saved

    async def contest(desk: Desk, who: int) -> bool:
        principal = Principal(PrincipalId(f"mem_{who}"), room.workspace, str(who), "editor")
        body: dict[str, Any] = {"name": "T", "content": f"mine, says {who}"}
        try:
            await desk.drafts.save(Call(principal, "req"), "hotel", "main", Address("topic", "same"), body, "*")
        except GreenroomError as refused:
            assert refused.code == "stale_revision"  # noqa: PT017 the refusals of all but one are the point
            return False
        return True

    async def all_at_once() -> None:
        other = Desk(await open_store(url), room.clock, KINDS, {})
        desks = [room.desk, other]
        saved = await asyncio.gather(*(edit(desks[who % 2], who) for who in range(EDITORS)))
        won = await asyncio.gather(*(contest(desks[who % 2], who) for who in range(EDITORS)))
        view = await other.drafts.load(room.call(), "hotel", "main")
        addresses = {address for each in saved for address in each}
        assert {str(change.address) for change in view.changes} == addresses | {"topic/same"}
        assert {change.address.slug[:2]: change.by for change in view.changes if change.address.slug != "same"} == {
            f"t{who}": f"mem_{who}" for who in range(EDITORS)
        }
        assert view.revision == EDITORS * SAVES + 1
        assert won.count(True) == 1
        await other.store.close()

    house.run(all_at_once())
    house.close()
