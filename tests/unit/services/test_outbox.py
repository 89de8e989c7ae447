"""Events reach listeners in commit order, at least once, and one bad workspace does not hold up the others."""

from __future__ import annotations

import pytest

from greenroom.domain.events import AuditRecord
from greenroom.domain.ids import WorkspaceId
from greenroom.services.outbox import Outbox
from tests.unit.services.story import begin


async def test_events_come_in_commit_order_and_once_when_all_goes_well() -> None:
    story = await begin()
    for slug in ("one", "two", "three"):
        await story.make_project(slug)
    seen: list[int] = []

    async def listen(_: WorkspaceId, record: AuditRecord) -> None:
        seen.append(record.seq)

    outbox = Outbox(story.desk.store, [listen])
    count = await outbox.deliver()
    assert count == len(seen) >= 4
    assert seen == sorted(seen)
    assert await outbox.deliver() == 0


async def test_an_event_comes_again_until_its_listener_takes_it() -> None:
    story = await begin()
    await story.make_project("one")
    seen: list[int] = []

    async def fail_at_second(_: WorkspaceId, record: AuditRecord) -> None:
        seen.append(record.seq)
        if len(seen) == 2:
            raise RuntimeError("busy")

    outbox = Outbox(story.desk.store, [fail_at_second])
    with pytest.raises(ExceptionGroup):
        await outbox.deliver()
    assert seen == [1, 2]
    await outbox.deliver()
    assert seen == [1, 2, 2]
