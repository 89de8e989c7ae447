"""What changing one entity of each kind changes for the caller: one row a kind, and no kind without a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from greenroom.services.conversations import TurnView
from tests.contract.effects.house import SHELF, House

Bodies = Mapping[str, Mapping[str, Any]]
Seeing = Callable[[Sequence[TurnView]], Any]
NOTHING: Mapping[str, Any] = {}


def _reply(turns: Sequence[TurnView]) -> str:
    return turns[-1].turn.said


def _facts(kind: str, *names: str) -> Seeing:
    """Returns how to see facts of the last turn's one event of a type."""

    def see(turns: Sequence[TurnView]) -> Any:
        (event,) = [each for each in turns[-1].turn.events if each["type"] == kind]
        return event[names[0]] if len(names) == 1 else tuple(event[name] for name in names)

    return see


@dataclass(frozen=True, slots=True)
class Row:
    """One entity changed, and how a conversation shows it. `looks` takes the place of a conversation."""

    address: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    shows: tuple[Any, Any]
    """What is seen before and after."""
    says: tuple[str, ...] = ()
    sees: Seeing = _reply
    beside: Bodies = field(default_factory=dict[str, Mapping[str, Any]])
    begin: Mapping[str, Any] = field(default_factory=dict[str, Any])
    looks: Callable[[House, str], Awaitable[Any]] | None = None

    @property
    def kind(self) -> str:
        return self.address.partition("/")[0]

    async def look(self, house: House, alias: str) -> Any:
        """Returns what somebody in an environment sees now."""
        if self.looks is not None:
            return await self.looks(house, alias)
        return self.sees(await house.talk(alias, self.says, self.begin))


def find_gaps(rows: Sequence[Row], kinds: Collection[str]) -> list[str]:
    """Returns what keeps the rows from being one for each kind."""
    count = Counter(row.kind for row in rows)
    gaps = [f"no row shows what a change of '{kind}' does" for kind in kinds if not count[kind]]
    gaps += [f"'{kind}' has {times} rows" for kind, times in count.items() if times > 1]
    return gaps + [f"there is no kind '{kind}'" for kind in count if kind not in kinds]


LATE = "Can I check out late?"
AGENT = {"greeting": "Harbour Hotel.", "languages": ["en-GB"]}
MODEL = {**AGENT, "model": {"provider": "openai:gpt-4.1-mini", "connection": "house"}}
TOPIC = {
    "content": "You can stay until noon. It is free of charge.",
    "sample_questions": [LATE, "Until when can I keep the room?"],
}


def _topic(content: str = "", *actions: Mapping[str, Any]) -> Bodies:
    body = {**TOPIC, "content": content or TOPIC["content"]}
    return {"topic/late-checkout": {**body, "actions": [{"id": f"a{n}", **each} for n, each in enumerate(actions)]}}


def _calling(kind: str, slug: str) -> Bodies:
    return _topic("Let me see.", {"type": kind, "target": slug})


def _tool(**more: Any) -> Mapping[str, Any]:
    return {"description": "Finds a room.", "method": "GET", **more}


def _starting(flow: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"trigger": {"phrases": ["I want to book a boat"]}, "start": "a", **flow}


async def _outcome(house: House, alias: str) -> str | None:
    return await house.play_tests(alias)


ROWS: tuple[Row, ...] = (
    Row(
        "agent/main",
        AGENT,
        {**AGENT, "greeting": "Harbour Hotel, Robin speaking."},
        ("Harbour Hotel.", "Harbour Hotel, Robin speaking."),
    ),
    Row(
        "squad/main",
        {"members": ["main", "spa"], "entry": "main"},
        {
            "members": ["main", "spa"],
            "entry": "main",
            "transfers": [
                {"id": "t", "target": "spa", "condition": "text.contains('massage')", "message": "To the spa!"}
            ],
        },
        ("main", "spa"),
        says=("I would like a massage",),
        sees=lambda turns: turns[-1].turn.trace["agent"],
        beside={"agent/spa": {"greeting": "The spa."}},
    ),
    Row(
        "topic/late-checkout",
        TOPIC,
        {**TOPIC, "content": "You can stay until two."},
        (TOPIC["content"], "You can stay until two."),
        says=(LATE,),
    ),
    Row(
        "knowledge/house-rules",
        {"documents": [{"document": "pool", "title": "Pool"}]},
        {"documents": [{"document": "pool-2027", "title": "Pool"}]},
        (SHELF["pool"], SHELF["pool-2027"]),
        says=("Is there a pool on the roof?",),
        beside=_topic(),
    ),
    Row(
        "function/price",
        {"description": "Says a price.", "code": "def price(conv):\n    return 'It costs 20.'\n"},
        {"description": "Says a price.", "code": "def price(conv):\n    return f'It costs {20 + 5}.'\n"},
        ("It costs 20.", "It costs 25."),
        says=(LATE,),
        sees=_facts("function_called", "result"),
        beside=_calling("call", "price"),
    ),
    Row(
        "tool/find-room",
        _tool(url="http://WEB/rooms/sea", result={"path": "at"}),
        _tool(url="http://WEB/rooms/garden", result={"path": "at"}),
        ("Let me see. /rooms/sea", "Let me see. /rooms/garden"),
        says=(LATE,),
        beside=_calling("tool", "find-room"),
    ),
    Row(
        "integration/booking",
        {"base_url": "http://WEB/harbour"},
        {"base_url": "http://WEB/park", "auth": {"type": "bearer", "secret": "BOOKING_KEY"}},
        ({"at": "/harbour/rooms", "as": "a stranger"}, {"at": "/park/rooms", "as": "a known guest"}),
        says=(LATE,),
        sees=_facts("tool_called", "result"),
        beside={**_calling("tool", "find-room"), "tool/find-room": _tool(url="/rooms", integration="booking")},
    ),
    Row(
        "mcp/housekeeping",
        {"url": "http://MCP", "prefix": "house_", "allowed_tools": ["bring"]},
        {"url": "http://MCP", "prefix": "house_", "allowed_tools": ["count"]},
        ("bring", "count"),
        says=("Towels, please",),
        sees=_facts("mcp_called", "tool"),
        beside={"agent/main": MODEL},
    ),
    Row(
        "voice/reception",
        {"provider": "somebody", "voice_id": "anna"},
        {"provider": "somebody", "voice_id": "bert", "speed": 0.9},
        (("anna", None), ("bert", 0.9)),
        sees=lambda turns: tuple(turns[-1].turn.trace["speech"].get(name) for name in ("voice_id", "speed")),
        begin={"channel": "voice"},
    ),
    Row(
        "component/hours",
        {"text": "The desk is open until eight."},
        {"text": "The desk is open until ten."},
        ("Certainly. The desk is open until eight.", "Certainly. The desk is open until ten."),
        says=(LATE,),
        beside=_topic("Certainly. {{component.hours}}"),
    ),
    Row(
        "conditional_prompt/chat",
        {"condition": "channel == 'chat'", "text": "SAY Welcome to the chat."},
        {"condition": "channel == 'chat'", "text": "SAY Welcome to our chat."},
        ("Welcome to the chat.", "Welcome to our chat."),
        says=("hello there my friend",),
        beside={"agent/main": MODEL},
        begin={"channel": "chat"},
    ),
    Row(
        "rule/no-promises",
        {"text": 'Never say "refund".', "severity": "hard"},
        {"text": 'Never say "free of charge".', "severity": "hard"},
        (TOPIC["content"], "You can stay until noon."),
        says=(LATE,),
        beside=_topic(),
    ),
    Row(
        "response_control/speech",
        {"pronunciations": [{"id": "p", "pattern": "noon", "replacement": "twelve"}]},
        {"pronunciations": [{"id": "p", "pattern": "noon", "replacement": "midday"}]},
        ("You can stay until twelve.", "You can stay until midday."),
        says=(LATE,),
        sees=_facts("said", "speech"),
        beside=_topic("You can stay until noon."),
        begin={"channel": "voice"},
    ),
    Row(
        "guardrail/no-rivals",
        {"patterns": ["grand palace"], "message": "Let us speak of our hotel."},
        {"patterns": ["check out late"], "message": "Let us speak of our hotel."},
        (TOPIC["content"], "Let us speak of our hotel."),
        says=(LATE,),
        beside=_topic(),
    ),
    Row(
        "routing_rule/night",
        {"condition": "text.contains('porter')", "target": {"type": "queue", "value": "night-porter"}},
        {"condition": "text.contains('late')", "target": {"type": "queue", "value": "night-porter"}},
        (False, True),
        says=(LATE,),
        sees=lambda turns: turns[-1].ended,
        beside=_topic(),
    ),
    Row(
        "handoff/front-desk",
        {"destination": {"type": "sip", "value": "sip:desk@harbour.example"}, "default": True},
        {
            "destination": {"type": "sip", "value": "sip:night@harbour.example"},
            "default": True,
            "sip_headers": [{"name": "X-Why", "value": "asked"}],
        },
        (
            ({"type": "sip", "value": "sip:desk@harbour.example"}, []),
            ({"type": "sip", "value": "sip:night@harbour.example"}, [{"name": "X-Why", "value": "asked"}]),
        ),
        says=("I want to speak to a person",),
        sees=_facts("handed_off", "destination", "sip_headers"),
        beside=_topic(),
    ),
    Row(
        "sms/link",
        {"text": "Book here: harbour.example/late", "consent_required": False},
        {"text": "Book at harbour.example/late", "consent_required": False},
        ("Book here: harbour.example/late", "Book at harbour.example/late"),
        says=(LATE,),
        sees=_facts("sms_sent", "text"),
        beside=_topic("", {"type": "sms", "target": "link"}),
        begin={"caller": "+442079460001"},
    ),
    Row(
        "workflow/boat",
        _starting({"steps": [{"id": "a", "type": "ask", "text": "For how many?", "slot": "people"}]}),
        _starting({"steps": [{"id": "a", "type": "ask", "text": "On which day?", "slot": "people"}]}),
        ("For how many?", "On which day?"),
        says=("I want to book a boat",),
        beside={**_topic(), "variable/people": {"type": "text"}},
    ),
    Row(
        "playbook/win-back",
        {"goal": "Keep the guest.", "instructions": "SAY Stay with us!"},
        {"goal": "Keep the guest.", "instructions": "SAY Come back soon!"},
        ("Stay with us!", "Come back soon!"),
        says=("I want to cancel my stay",),
        beside={
            "agent/main": MODEL,
            "routing_rule/leaving": {
                "condition": "text.contains('cancel')",
                "target": {"type": "workflow", "value": "keep"},
            },
            "workflow/keep": {"start": "a", "steps": [{"id": "a", "type": "playbook", "playbook": "win-back"}]},
        },
    ),
    Row(
        "variable/hour",
        {"type": "text", "default": "noon"},
        {"type": "text", "default": "two"},
        ("You can stay until noon.", "You can stay until two."),
        says=(LATE,),
        beside=_topic("You can stay until {{variable.hour}}."),
    ),
    Row(
        "variant/default",
        {
            "attributes": ["fee"],
            "rows": [{"id": "quay", "name": "Quay", "default": True, "values": {"fee": "20 euros"}}],
        },
        {
            "attributes": ["fee"],
            "rows": [{"id": "quay", "name": "Quay", "default": True, "values": {"fee": "25 euros"}}],
        },
        ("It costs 20 euros.", "It costs 25 euros."),
        says=(LATE,),
        beside=_topic("It costs {{variant.fee}}."),
    ),
    Row(
        "widget/default",
        {"title": "Harbour", "greeting": "Ask me anything."},
        {"title": "Harbour", "greeting": "Ask me about your stay."},
        ("Ask me anything.", "Ask me about your stay."),
        begin={"channel": "widget"},
    ),
    Row(
        "test_set/smoke",
        {"cases": [{"id": "late", "turns": [{"say": LATE, "expect": {"contains": ["until noon"]}}]}]},
        {"cases": [{"id": "late", "turns": [{"say": LATE, "expect": {"contains": ["until two"]}}]}]},
        ("passed", "failed"),
        beside=_topic(),
        looks=_outcome,
    ),
    Row(
        "settings/default",
        {"out_of_scope": "I can only help with your stay."},
        {"out_of_scope": "That is not my trade."},
        ("I can only help with your stay.", "That is not my trade."),
        says=("Who won the football match yesterday evening?",),
        beside=_topic(),
    ),
)
