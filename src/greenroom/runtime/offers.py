"""What a model may call in one turn: the version's own deeds, its functions and tools, and those of MCP servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from greenroom.domain.asks import Answer
from greenroom.runtime.asking import Working
from greenroom.runtime.calls import call_function, call_mcp, call_tool
from greenroom.runtime.flow_plans import PlaybookPlan
from greenroom.runtime.turn import Turn

Call = Callable[[Mapping[str, Any]], Working[Answer]]


@dataclass(frozen=True, slots=True)
class Offer:
    """One tool as a model sees it, and what is done when it is called. Arguments that do not fit never get there."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    call: Call

    def facts(self) -> dict[str, Any]:
        """Returns what a model is told."""
        return {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}

    def find_fault(self, arguments: Any) -> str:
        """Returns what is wrong with a model's arguments, '' when they fit."""
        if not isinstance(arguments, Mapping):
            return "the arguments must be a JSON object"
        try:
            wrong = next(Draft202012Validator(dict(self.parameters)).iter_errors(dict(arguments)), None)
        except SchemaError:
            return ""
        return (
            "" if wrong is None else f"{'/'.join(map(str, wrong.absolute_path)) or 'arguments'}: {wrong.message[:200]}"
        )


def offers_of_version(turn: Turn, playbook: PlaybookPlan | None, servers: Sequence[Mapping[str, Any]]) -> list[Offer]:
    """Returns the functions, tools and MCP tools that the agent, or the playbook, may call."""
    program, because = turn.program, f"agent/{turn.agent.slug}"

    def may(kind: str, slug: str) -> bool:
        if playbook is not None and playbook.tools:
            return (kind, slug) in playbook.tools
        return turn.agent.may_call(kind, slug)

    offers = [
        Offer(
            slug.replace("-", "_"),
            plan.description or plan.name,
            _schema(plan.parameters),
            _function(turn, slug, because),
        )
        for slug, plan in program.callables.functions.items()
        if plan.role != "helper" and (plan.role != "step" or playbook is not None) and may("function", slug)
    ]
    offers += [
        Offer(
            slug.replace("-", "_"),
            (plan.description or plan.name) + (" Ask the user before you call it." if plan.confirm else ""),
            _schema(plan.parameters),
            _tool(turn, slug, because),
        )
        for slug, plan in program.callables.tools.items()
        if may("tool", slug)
    ]
    offers += [
        Offer(
            f"{each.get('prefix', '')}{each['name']}",
            str(each.get("description") or ""),
            _schema(each.get("parameters") or {}),
            _mcp(turn, str(each["mcp"]), str(each["name"]), because),
        )
        for each in servers
        if may("mcp", str(each["mcp"]))
    ]
    return list({offer.name: offer for offer in reversed(offers)}.values())[::-1]


def _schema(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return parameters if parameters.get("type") == "object" else {"type": "object", "properties": {}, **parameters}


def _function(turn: Turn, slug: str, because: str) -> Call:
    return lambda arguments: call_function(turn, slug, arguments, because)


def _tool(turn: Turn, slug: str, because: str) -> Call:
    return lambda arguments: call_tool(turn, slug, arguments, because)


def _mcp(turn: Turn, server: str, tool: str, because: str) -> Call:
    return lambda arguments: call_mcp(turn, server, tool, arguments, because)


def deeds_of_version(
    turn: Turn, passages: int, deeds: Mapping[str, Callable[[Mapping[str, Any]], Answer]]
) -> list[Offer]:
    """Returns the version's own deeds as offers; those that the version has nothing for are left out."""
    program = turn.program
    choices = {
        "cite_topic": ("topic", [slug for slug in program.topics if turn.agent.answers(slug)]),
        "cite_passage": ("id", [str(number) for number in range(1, passages + 1)]),
        "offer_sms": ("sms", list(program.sms)),
        "hand_off": ("handoff", list(program.handoffs)),
        "start_workflow": ("workflow", list(program.leads.workflows)),
        "start_playbook": ("playbook", list(program.leads.playbooks)),
        "transfer_to": ("agent", list(find_takers(turn))),
    }
    offers = [
        Offer(name, _SAYS[name], _choice(argument, slugs), _plainly(deeds[name]))
        for name, (argument, slugs) in choices.items()
        if slugs
    ]
    if program.variables:
        properties = {"name": {"enum": sorted(program.variables)}, "value": {}}
        schema = {"type": "object", "properties": properties, "required": ["name", "value"]}
        offers.append(Offer("set_variable", _SAYS["set_variable"], schema, _plainly(deeds["set_variable"])))
    for name in ("out_of_scope", "end_conversation"):
        offers.append(Offer(name, _SAYS[name], {"type": "object", "properties": {}}, _plainly(deeds[name])))
    return offers


def find_takers(turn: Turn) -> dict[str, str]:
    """Returns the agents that may take over now, with what is said then; none twice in a turn.

    The squad says who; without one it is every agent. What a topic in question does by itself is allowed as well.
    """
    program, agent = turn.program, turn.agent
    squad = program.leads.squad
    found = dict.fromkeys(program.agents, "") if squad is None else squad.takers(agent.slug)
    for each in turn.topics:
        topic = program.topics.get(each.get("topic", ""))
        for action in topic.actions if topic is not None else ():
            if action.type == "agent" and action.when.holds(turn.activation)[0]:
                found.setdefault(action.target, action.message)
    been = {agent.slug, *(effect["before"] for effect in turn.effects if effect["type"] == "agent_changed")}
    return {slug: message for slug, message in found.items() if slug in program.agents and slug not in been}


_SAYS = {
    "cite_topic": "Says which topic answers.",
    "cite_passage": "Says which passage answers.",
    "offer_sms": "Offers or sends a text message; the user's consent is asked for you.",
    "hand_off": "Passes the conversation on to a person. Say nothing after it.",
    "start_workflow": "Starts a workflow, which asks its own questions.",
    "start_playbook": "Starts working towards a goal.",
    "transfer_to": "Hands over to another agent.",
    "set_variable": "Keeps what the user told.",
    "out_of_scope": "Declines what is not your business.",
    "end_conversation": "Ends it when the user is done.",
}


def _choice(name: str, choices: Sequence[str]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"enum": sorted(choices)}}, "required": [name]}


def _plainly(deed: Callable[[Mapping[str, Any]], Answer]) -> Call:
    """Returns a deed that asks nobody as a call."""

    def call(arguments: Mapping[str, Any]) -> Working[Answer]:
        yield "deed"
        return deed(arguments)

    return call
