"""A test made from a conversation: what the user said, and what came of it, as a case in a draft."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from greenroom.domain.conversations import Conversation, Turn
from greenroom.domain.entities import Address, slugify
from greenroom.domain.errors import Conflict, Fault, Invalid, NotFound
from greenroom.domain.ids import ConversationId
from greenroom.ports import Reading
from greenroom.runtime.cases import TEST_SETS, find_test_sets
from greenroom.runtime.texts import MASK
from greenroom.services.drafts import Drafts
from greenroom.services.states import load_bodies, load_project, load_state
from greenroom.services.work import Call, Work

MOST = 100
"""So many turns of one conversation become a test."""
_OUTCOMES: Mapping[str, tuple[str, str]] = {
    "topic_cited": ("topic", "topic"),
    "handed_off": ("handed_off", "handoff"),
    "sms_offered": ("sms_offered", "sms"),
    "sms_sent": ("sms_sent", "sms"),
    "function_called": ("called", "function"),
    "tool_called": ("called", "tool"),
    "workflow_started": ("workflow", "workflow"),
}
"""Event → the expectation that it comes again, and the fact that names what it was about."""


@dataclass(frozen=True, slots=True)
class SuggestedTurn:
    """One turn as a test would play it. `masked` says that personal data was taken out of what was said."""

    index: int
    say: str
    event: str
    said: str
    expect: Mapping[str, Any]
    masked: bool


@dataclass(frozen=True, slots=True)
class SuggestedTest:
    """A conversation as a test, and the test sets of the draft that it may go into: (slug, name)."""

    conversation: Conversation
    turns: Sequence[SuggestedTurn]
    mocks: Mapping[str, Any]
    sets: Sequence[tuple[str, str]]
    name: str


@dataclass(frozen=True, slots=True)
class WantedTest:
    """What somebody made of a suggestion. `test_set` '' makes a new one called `set_name`."""

    alias: str
    channel: str
    test_set: str
    set_name: str
    name: str
    turns: Sequence[Mapping[str, Any]]
    """Each with `say` or `event`, and `expect`."""
    tags: Sequence[str] = ()
    mocks: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class MadeTest:
    """Where the new case is, and its place in the test set."""

    address: Address
    case: str
    index: int


class MadeTests:
    """The verbs of making tests."""

    def __init__(self, work: Work, drafts: Drafts) -> None:
        self._work = work
        self._drafts = drafts

    async def suggest(self, call: Call, id_: str, alias: str) -> SuggestedTest:
        """Returns a conversation as a test for the caller's draft of an environment. Raises NotFound, Refused."""
        call.need("conversations.read")

        def work(tx: Reading) -> SuggestedTest:
            conversation = _load(tx, id_)
            project = load_project(tx, conversation.project)
            state = load_state(tx, project, f"draft:{alias}", call.principal, self._work.clock.now())
            addresses = find_test_sets(state.snapshot)
            bodies = load_bodies(tx, state.snapshot, addresses)
            sets = [(address.slug, str(bodies[address].get("name") or address.slug)) for address in addresses]
            turns = [_suggest(turn) for turn in tx.list_turns(conversation.id, 0, MOST) if turn.index > 0]
            first = next((turn.say for turn in turns if turn.say), "")
            return SuggestedTest(conversation, turns, _mocks(tx, conversation), sets, first[:80])

        return await self._work.read(call, work)

    async def make(self, call: Call, slug: str, wanted: WantedTest) -> MadeTest:
        """Adds a case to a test set in the caller's draft. Raises Invalid with pointers, Conflict, as `Drafts.save`."""
        call.need("drafts.edit")
        _check(wanted)
        name = wanted.set_name.strip()
        address = Address(TEST_SETS, wanted.test_set or slugify(name))
        body, revision = await self._work.read(call, lambda tx: self._read(tx, call, slug, wanted.alias, address))
        if not wanted.test_set and revision != "*":
            message = f"there is a test set '{address.slug}' already: choose it above, or name the new one otherwise"
            raise Conflict("exists", message, errors=[Fault("/set_name", message)])
        cases = list(cast(Sequence[Any], body.get("cases") or ()))
        case = _case(wanted, {str(each.get("id")) for each in cases})
        whole = {**body, "name": body.get("name") or name, "cases": [*cases, case]}
        await self._drafts.save(call, slug, wanted.alias, address, whole, revision)
        return MadeTest(address, str(case["id"]), len(cases))

    def _read(self, tx: Reading, call: Call, slug: str, alias: str, address: Address) -> tuple[Mapping[str, Any], str]:
        state = load_state(tx, load_project(tx, slug), f"draft:{alias}", call.principal, self._work.clock.now())
        digest = state.snapshot.get(address)
        if digest is None:
            return {}, "*"
        body = self._work.kinds[TEST_SETS].upgrade(load_bodies(tx, state.snapshot, [address])[address])
        return body, str(digest)


def _load(tx: Reading, id_: str) -> Conversation:
    found = tx.find_conversation(ConversationId(id_))
    if found is None:
        raise NotFound("conversation_not_found", f"there is no conversation '{id_[:80]}'")
    return found


def _suggest(turn: Turn) -> SuggestedTurn:
    event = "" if turn.heard else _event_of(turn)
    expect = _join(_expectations(turn))
    return SuggestedTurn(turn.index, turn.heard, event, turn.said, expect, MASK in turn.heard)


def _event_of(turn: Turn) -> str:
    hung_up = any(each.get("type") == "ended" and each.get("by") == "caller" for each in turn.events)
    return "hang_up" if hung_up else "silence"


def _expectations(turn: Turn) -> Iterator[tuple[str, Any]]:
    ended = False
    if any(event.get("type") in {"out_of_scope", "fallback"} for event in turn.events):
        yield "no_topic", True
    for event in turn.events:
        known = _OUTCOMES.get(str(event.get("type")))
        if known is not None and event.get(known[1]):
            yield known[0], str(event[known[1]])
        ended = ended or event.get("type") == "ended"
    if ended:
        yield "ended", True


def _join(pairs: Iterator[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        before = found.get(key)
        if before is None or before == value:
            found[key] = value
        else:
            several = cast(list[Any], before) if isinstance(before, list) else [before]
            found[key] = several if value in several else [*several, value]
    return found


def _mocks(tx: Reading, conversation: Conversation) -> dict[str, Any]:
    """Returns what a test must pretend to meet the same conditions: when it was. Who called is not kept in a test."""
    greeting = next(iter(tx.list_turns(conversation.id, -1, 1)), None)
    now = str(greeting.trace.get("now") or "") if greeting else ""
    return {"now": now} if now else {}


def _check(wanted: WantedTest) -> None:
    faults: list[Fault] = []
    if not wanted.name.strip():
        faults.append(Fault("/name", "say in a few words what the test is about"))
    if not wanted.test_set and not slugify(wanted.set_name):
        faults.append(Fault("/set_name", "choose a test set, or name a new one"))
    if not wanted.turns:
        faults.append(Fault("/turns", "tick at least one turn"))
    if wanted.turns and not any(turn.get("expect") for turn in wanted.turns):
        message = "tick at least one thing that must come of it: a test that expects nothing cannot fail"
        faults.append(Fault("/turns", message))
    masked = [place for place, turn in enumerate(wanted.turns) if MASK in str(turn.get("say", ""))]
    faults += [Fault(f"/turns/{place}", f"write something in the place of {MASK}") for place in masked]
    if faults:
        raise Invalid("invalid_test", faults[0].message, errors=faults)


def _case(wanted: WantedTest, taken: set[str]) -> dict[str, Any]:
    stem = slugify(wanted.name)[:60].rstrip("-_") or "case"
    id_ = stem if stem not in taken else next(f"{stem}-{n}" for n in range(2, 10_000) if f"{stem}-{n}" not in taken)
    more: dict[str, Any] = {}
    if wanted.tags:
        more["tags"] = list(wanted.tags)
    if wanted.mocks:
        more["mocks"] = dict(wanted.mocks)
    if wanted.channel:
        more["channel"] = wanted.channel
    return {"id": id_, "name": wanted.name.strip()[:400], "turns": [dict(turn) for turn in wanted.turns], **more}
