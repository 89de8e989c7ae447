"""Conversations with a known truth, put straight into a store."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from greenroom.domain.conversations import Conversation, Turn
from greenroom.domain.ids import ConversationId, EnvironmentId
from greenroom.domain.projects import Project
from greenroom.domain.versions import EMPTY_SNAPSHOT
from greenroom.ports import Writing
from tests.unit.services.story import Story

SEALED = {"sealed": "x" * 2_000}
"""As much as the engine's state takes, sealed."""


async def open_hotel(story: Story) -> Project:
    """Makes a project with a further public environment `b`."""
    await story.make_project()

    def work(tx: Writing) -> Project:
        project = tx.find_project("hotel")
        assert project is not None
        live = tx.find_environment(project.id, "live")
        assert live is not None
        tx.insert_environment(replace(live, id=EnvironmentId("env_b"), alias="b", name="B", position=9))
        return project

    return await story.desk.store.write(story.owner.workspace, work)


async def environment_id(story: Story, alias: str) -> EnvironmentId:
    def work(tx: Any) -> EnvironmentId:
        return tx.find_environment(tx.find_project("hotel").id, alias).id

    return await story.desk.store.read(story.owner.workspace, work)


def talk(project: Project, environment: EnvironmentId, number: int, **changes: Any) -> Conversation:
    """Returns a contained conversation that ended."""
    id_ = ConversationId(f"cnv_{environment}_{changes.get('origin', '')}_{number:06d}")
    at: datetime = changes.pop("at")
    made = Conversation(
        id=id_,
        project=project.id,
        origin="public",
        channel="chat",
        environment=environment,
        ref=None,
        started_seq=1,
        started_version=1,
        started_digest=EMPTY_SNAPSHOT.digest,
        slot=number % 10_000,
        sticky_key=id_,
        started_at=at,
        last_at=at,
        turns=4,
        ended_at=at,
        ended_by="caller",
        state=SEALED,
        outcome="contained",
    )
    return replace(made, **changes)


def talks(
    project: Project, environment: EnvironmentId, count: int, rate: float, before: datetime, seed: int, **changes: Any
) -> list[Conversation]:
    """Returns conversations over the last ten days, of which about that share is contained."""
    dice = random.Random(seed)
    return [
        talk(
            project,
            environment,
            number,
            at=before - timedelta(minutes=1) - timedelta(days=10) * dice.random(),
            **{"outcome": "contained" if dice.random() < rate else "handed_off", **changes},
        )
        for number in range(count)
    ]


async def keep(story: Story, found: Iterable[Conversation], turns: Iterable[Turn] = ()) -> None:
    """Puts conversations and turns into the store."""

    def work(tx: Writing) -> None:
        for each in found:
            tx.insert_conversation(each)
        for turn in turns:
            tx.insert_turn(turn)

    await story.desk.store.write(story.owner.workspace, work)


def line(conversation: Conversation, index: int, heard: str = "", said: str = "", **changes: Any) -> Turn:
    """Returns one turn of a conversation."""
    made = Turn(
        conversation.id,
        index,
        conversation.started_at,
        heard,
        said,
        conversation.started_version,
        conversation.started_digest,
        (),
        {"latency_ms": {"total": 100.0}},
    )
    return replace(made, **changes)
