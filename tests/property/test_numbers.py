"""A Sandbox number never reaches Live (R34): whatever numbers, rules and assignments there are, and were."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.domain import numbers
from greenroom.domain.environments import Environment
from greenroom.domain.errors import GreenroomError
from greenroom.domain.ids import EnvironmentId, ProjectId
from greenroom.domain.numbers import Number, SipRule, check_number, decide_entry, find_e164
from greenroom.services.conversations import Beginning
from greenroom.services.numbers import NumberChange, WantedRule
from greenroom.services.plans import PromoteRequest, PublishRequest
from tests.unit.services.story import CHECKOUT, Story, begin, topic

HEADERS = ("X-Test", "X-Line")
VALUES = ("a", "ab", "b")
IDS = ("one", "two", "three", "four")
PHONES = ("+442079460000", "+442079460001")
ALIASES = ("sandbox", "pre-release", "live")


def environment(id_: str, internal: bool) -> Environment:
    return Environment(EnvironmentId(id_), ProjectId("p"), id_, id_, 0, False, internal, None, "private", "s")


places = st.tuples(*[st.booleans()] * len(IDS)).map(
    lambda flags: {id_: environment(id_, flag) for id_, flag in zip(IDS, flags, strict=True)}
)
matched = st.sampled_from(["exact", "prefix", "one_of"])
texts = st.sampled_from(VALUES)
sent = st.dictionaries(st.sampled_from([*HEADERS, "x-test"]), texts, max_size=3)


@st.composite
def rules(draw: st.DrawFn) -> SipRule:
    match = draw(matched)
    values = tuple(draw(st.lists(texts, min_size=1, max_size=2 if match == "one_of" else 1)))
    target = draw(st.sampled_from([*IDS, "gone"]))
    version = draw(st.sampled_from([None, 1]))
    return SipRule(draw(st.sampled_from(HEADERS)), match, values, "" if version else target, version)


known = st.builds(
    Number,
    st.sampled_from(PHONES),
    environment=st.sampled_from(["", *IDS]),
    rules=st.lists(rules(), max_size=4).map(tuple),
)


def reached(number: Number, headers: Mapping[str, str], there: Mapping[str, Environment]) -> Environment | None:
    """Returns where a call ends, None where it is refused or follows the default entry."""
    try:
        way = decide_entry(number, headers, there)
    except GreenroomError:
        return None
    return there.get(way.environment)


def stays_inside(number: Number, headers: Mapping[str, str], there: Mapping[str, Environment]) -> None:
    own, end = there.get(number.environment), reached(number, headers, there)
    if own is not None and own.internal:
        assert end is None or end.internal, f"{number} reached {end}"
        try:
            way = decide_entry(number, headers, there)
        except GreenroomError:
            return
        assert way.environment in there, "an internal number may not follow the default entry"


@settings(max_examples=300)
@given(known, sent, places)
def test_no_call_of_an_internal_number_ends_outside_however_the_rule_came_to_be(
    number: Number, headers: dict[str, str], there: dict[str, Environment]
) -> None:
    stays_inside(number, headers, there)


@settings(max_examples=300)
@given(known, sent, places)
def test_what_may_be_written_is_never_refused_for_that_at_a_call(
    number: Number, headers: dict[str, str], there: dict[str, Environment]
) -> None:
    try:
        check_number(number, there)
    except GreenroomError:
        return
    end = decide_entry(number, headers, there)
    assert end.environment in {"", *there}


@given(st.text(max_size=30))
def test_a_number_is_one_of_e164_or_none_and_reads_back_as_itself(text: str) -> None:
    found = find_e164(text)
    assert found is None or (numbers.E164.fullmatch(found) and find_e164(found) == found)


def test_a_rule_that_is_let_through_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: without the question whether a rule stays inside, the property above fails."""
    monkeypatch.setattr(numbers, "stays_inside", lambda *_: True)
    number = Number(PHONES[0], "", "one", (SipRule("X-Test", "exact", ("a",), "two"),))
    there = {"one": environment("one", True), "two": environment("two", False)}
    with pytest.raises(AssertionError, match="reached"):
        stays_inside(number, {"X-Test": "a"}, there)


wanted_rules = st.lists(
    st.builds(
        lambda header, value, then: WantedRule(
            header, "exact", (value,), None if then == 1 else then, 1 if then == 1 else None
        ),
        st.sampled_from(HEADERS),
        texts,
        st.sampled_from([*ALIASES, 1]),
    ),
    max_size=3,
).map(tuple)
changes = st.builds(
    NumberChange,
    environment=st.sampled_from([None, "", *ALIASES]),
    rules=st.none() | wanted_rules,
)
steps = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(PHONES), changes),
    st.tuples(st.just("change"), st.sampled_from(PHONES), changes),
    st.tuples(st.just("remove"), st.sampled_from(PHONES), st.none()),
    # What another feature may do one day: an environment becomes internal, or is no longer.
    st.tuples(st.just("turn"), st.sampled_from(ALIASES), st.booleans()),
    st.tuples(st.just("call"), st.sampled_from(PHONES), sent),
)


class House:
    """A project that is live, and whatever its numbers have become."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.calls = 0

    async def do(self, doing: str, name: str, given: Any) -> None:
        verbs, call = self.story.desk.numbers, self.story.call()
        try:
            if doing == "add":
                await verbs.add(call, "hotel", name, replace(given, environment=given.environment or ""))
            elif doing == "change":
                seen = (await verbs.load(call, "hotel", name)).revision
                await verbs.change(call, "hotel", name, given, str(seen))
            elif doing == "remove":
                seen = (await verbs.load(call, "hotel", name)).revision
                await verbs.remove(call, "hotel", name, str(seen))
            elif doing == "turn":
                await self.turn(name, given)
            else:
                await self.ring(name, given)
        except GreenroomError:
            return

    async def turn(self, alias: str, internal: bool) -> None:
        def work(tx: Any) -> None:
            project = tx.find_project("hotel")
            found = tx.find_environment(project.id, alias)
            if project.default_environment != found.id:
                tx.update_environment(replace(found, internal=internal))

        await self.story.desk.store.write(self.story.owner.workspace, work)

    async def ring(self, phone: str, headers: Mapping[str, str]) -> None:
        desk, call = self.story.desk, self.story.call()
        held = await desk.numbers.load(call, "hotel", phone)
        view, _ = await desk.conversations.start(call, "hotel", Beginning(called=phone, sip_headers=headers))
        await desk.traffic.refresh()
        resolved = desk.traffic.decide(call.workspace, "hotel", "ada", None, phone)
        listed = {each.environment.alias: each for each in await desk.environments.list(call, "hotel")}
        self.calls += 1
        if held.number.environment and listed[held.alias].environment.internal:
            assert not held.public
            assert listed[view.alias].environment.internal, f"{held} reached {view.alias}"
            assert resolved.environment == held.alias
        elif listed[held.alias or "live"].environment.internal is False:
            assert listed[held.alias or "live"].public, "the public comes in where its number leads"


async def open_house() -> House:
    story = await begin()
    await story.make_project()
    desk, call = story.desk, story.call()
    await story.save(CHECKOUT, topic("Until noon."))
    await desk.publishing.publish(call, "hotel", "sandbox", PublishRequest("Late check-out until noon"))
    for alias in ("pre-release", "live"):
        await desk.releases.promote(call, "hotel", alias, PromoteRequest(1, 0, 1))
    return House(story)


@settings(max_examples=40)
@given(st.lists(steps, min_size=3, max_size=14))
def test_whatever_is_assigned_ruled_and_turned_a_call_of_an_internal_number_stays_inside(done: list[Any]) -> None:
    async def play() -> None:
        house = await open_house()
        for step in done:
            await house.do(*step)
        for phone in PHONES:
            for headers in ({}, {"X-Test": "a"}, {"X-Line": "b", "X-Test": "ab"}):
                await house.do("call", phone, headers)

    asyncio.run(play())
