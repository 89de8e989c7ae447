"""Compiled versions: once per digest, also when many ask at once, and never more than memory should hold."""

from __future__ import annotations

import asyncio

import pytest

from greenroom.domain.canonical import Digest
from greenroom.services import programs
from greenroom.services.plans import PublishRequest
from tests.unit.services.story import CHECKOUT, Story, begin, topic


async def publish(story: Story, hour: int) -> Digest:
    await story.save(CHECKOUT, topic(f"Until {hour}."))
    done = await story.desk.publishing.publish(
        story.call(), "hotel", "sandbox", PublishRequest(f"Late check-out until {hour} o'clock")
    )
    return done.version.version.digest


async def test_a_version_is_compiled_once_however_many_ask() -> None:
    story = await begin()
    await story.make_project()
    digest = await publish(story, 12)
    store = programs.Programs(story.desk.store, story.desk.kinds)
    found = await asyncio.gather(*(store.load(story.owner.workspace, digest) for _ in range(20)))
    assert store.compiled == 1
    assert len({id(program) for program in found}) == 1


async def test_the_least_used_goes_first_and_a_few_always_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "TOPIC_BUDGET", 0)
    story = await begin()
    await story.make_project()
    workspace = story.owner.workspace
    digests = [await publish(story, hour) for hour in range(6)]
    store = programs.Programs(story.desk.store, story.desk.kinds)
    for digest in digests[:4]:
        await store.load(workspace, digest)
    assert store.find(workspace, digests[0])
    for digest in digests[4:]:
        await store.load(workspace, digest)
    kept = [store.find(workspace, digest) is not None for digest in digests]
    assert kept == [True, False, False, True, True, True]
