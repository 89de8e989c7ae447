"""Real agents, asked their own sample questions, each left out of the compiled version that is asked.

The whole way is taken: import, compile, one turn; what counts is the topic that the turn cites. `make bench` asks
every question; here it is every eighth, so that a run stays short.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from greenroom.domain.entities import Address, Body
from greenroom.importers.polyai import read_project
from greenroom.kinds import KINDS
from greenroom.runtime.engine import Context, Heard, start, step
from greenroom.runtime.program import compile_program
from tests.support.data import has_shared_data, polyai_exports, shared_data
from tests.support.gaps import note_fact

STRIDE = 8
FLOOR = 0.5
"""Far below what is measured (about 0.75): it fails when answering breaks, not when a question is hard."""


def agents() -> list[Path]:
    if not has_shared_data():
        return list(polyai_exports())
    root = shared_data()
    return [*polyai_exports(), root / "polyai-field-service"]


def load(folder: Path) -> dict[Address, Body]:
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return {address: KINDS[address.kind].complete(body) for address, body in read_project(files).entities.items()}


def questions(entities: dict[Address, Body]) -> Iterator[tuple[Address, str]]:
    for address in sorted(entities):
        if address.kind == "topic":
            yield from ((address, text) for text in entities[address].get("sample_questions", []))


def cited_without(entities: dict[Address, Body], topic: Address, question: str) -> str:
    """Returns the topic cited when the version does not have the question."""
    body = entities[topic]
    rest = [text for text in body["sample_questions"] if text != question]
    program = compile_program({**entities, topic: {**body, "sample_questions": rest}})
    context = Context(environment="live")
    done = step(program, start(program, context).state, Heard(question), context)
    return done.trace["topics"][0]["topic"] if done.trace.get("topics") else ""


@pytest.mark.parametrize("folder", agents(), ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_question_that_was_left_out_still_finds_its_topic(folder: Path) -> None:
    entities = load(folder)
    asked = list(questions(entities))[::STRIDE]
    right = sum(cited_without(entities, topic, question) == topic.slug for topic, question in asked)
    note_fact(
        f"own questions, one left out at a time: {folder.name}: top-1 {right}/{len(asked)} = {right / len(asked):.1%}"
    )
    assert right / len(asked) >= FLOOR
