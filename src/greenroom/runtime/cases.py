"""Test sets of a version as they are played: cases with their turns, expectations and pointers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greenroom.domain.entities import Address, Body
from greenroom.runtime import bodies

TEST_SETS = "test_set"
KNOWLEDGE = "knowledge"
MAX_REPEAT = 50


@dataclass(frozen=True, slots=True)
class CaseTurn:
    """What the caller says, or an event of the channel; with neither, what is expected of the greeting."""

    say: str
    event: str
    expect: Mapping[str, Any]
    pointer: str


@dataclass(frozen=True, slots=True)
class Case:
    """One conversation to play. With turns it is played as written; else its scenario is acted by a model."""

    test_set: str
    id: str
    name: str
    channel: str
    language: str
    tags: tuple[str, ...]
    scenario: str
    turns: tuple[CaseTurn, ...]
    expect: Mapping[str, Any]
    judged: tuple[str, ...]
    mocks: Mapping[str, Any]
    repeat: int
    at_least: float
    skip: str
    pointer: str

    @property
    def expects(self) -> bool:
        """Says whether the case can fail."""
        return bool(self.expect or self.judged or any(turn.expect for turn in self.turns))


def find_test_sets(addresses: Iterable[Address]) -> list[Address]:
    """Returns the test sets among a snapshot's addresses, by slug."""
    return sorted(address for address in addresses if address.kind == TEST_SETS)


def find_knowledge(addresses: Iterable[Address]) -> list[Address]:
    """Returns the knowledge of a snapshot."""
    return sorted(address for address in addresses if address.kind == KNOWLEDGE)


def name_of_set(slug: str, body: Body) -> str:
    """Returns what a test set is called."""
    return bodies.text(body, "name") or slug


def read_cases(slug: str, body: Body) -> tuple[Case, ...]:
    """Returns the cases of a test set, in their order. Takes bodies as their kind's `upgrade` returns them."""
    return tuple(_case(slug, each, f"/cases/{index}") for index, each in enumerate(bodies.objects(body, "cases")))


def choose_cases(cases: Sequence[Case], tags: Sequence[str]) -> list[Case]:
    """Returns the cases that have one of the tags; all of them without tags."""
    wanted = {tag.casefold() for tag in tags}
    return [case for case in cases if not wanted or wanted & {tag.casefold() for tag in case.tags}]


def _case(slug: str, facts: Mapping[str, Any], pointer: str) -> Case:
    at_least = bodies.number(facts, "at_least")
    repeat = bodies.whole(facts, "repeat") or 1
    return Case(
        test_set=slug,
        id=bodies.text(facts, "id"),
        name=bodies.text(facts, "name") or bodies.text(facts, "id"),
        channel=bodies.text(facts, "channel") or "chat",
        language=bodies.text(facts, "language"),
        tags=bodies.texts(facts, "tags"),
        scenario=bodies.text(facts, "scenario").strip(),
        turns=tuple(
            _turn(each, f"{pointer}/turns/{index}") for index, each in enumerate(bodies.objects(facts, "turns"))
        ),
        expect=bodies.mapping(facts.get("expect")),
        judged=bodies.texts(facts, "judged"),
        mocks=bodies.mapping(facts.get("mocks")),
        repeat=max(1, min(repeat, MAX_REPEAT)),
        at_least=1.0 if at_least is None else max(0.0, min(at_least, 1.0)),
        skip=bodies.text(facts, "skip").strip(),
        pointer=pointer,
    )


def _turn(facts: Mapping[str, Any], pointer: str) -> CaseTurn:
    expect = bodies.mapping(facts.get("expect"))
    return CaseTurn(bodies.text(facts, "say"), bodies.text(facts, "event"), expect, pointer)
