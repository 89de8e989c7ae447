"""What a function asked for, checked and in order; the host's own records stand where its calls were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from greenroom.domain.entities import SLUG, slugify

_CONTROL = frozenset({
    "utterance", "content", "handoff", "hangup", "transition", "end_turn", "listen", "end_conversation", "delay",
})  # fmt: skip
"""A returned mapping that holds nothing else steers the conversation; any other mapping is the function's result."""
_SHAPES: Mapping[str, Mapping[str, type]] = {
    "say": {"text": str},
    "set": {"variable": str, "value": object},
    "send_sms": {"sms": str, "text": str, "to": str},
    "handoff": {"handoff": str, "reason": str, "message": str, "sip_headers": dict},
    "goto": {"workflow": str, "step": str},
    "end": {},
}


def collect(effects: Any, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the effects in their order; whatever happened outside is among them, even if the code hid it."""
    waiting = list(records)
    done: list[dict[str, Any]] = []
    for effect in effects if isinstance(effects, list) else []:
        if not isinstance(effect, dict):
            continue
        if effect.get("type") == "host":
            done += [dict(waiting.pop(0))] if waiting else []
            continue
        checked = _check(effect)
        done += [checked] if checked is not None else []
    return done + [dict(each) for each in waiting]


def _check(effect: Mapping[str, Any]) -> dict[str, Any] | None:
    shape = _SHAPES.get(str(effect.get("type")))
    if shape is None:
        return None
    made: dict[str, Any] = {"type": effect["type"]}
    for name, kind in shape.items():
        value = effect.get(name)
        if not isinstance(value, kind):
            return None
        made[name] = value
    return _named(made)


def _named(effect: dict[str, Any]) -> dict[str, Any]:
    """Returns an effect whose names are slugs, where the code wrote display names as other builders do."""
    for key in ("sms", "handoff", "workflow"):
        name = effect.get(key)
        if isinstance(name, str) and name and not SLUG.fullmatch(name):
            effect[key] = slugify(name)
    return effect


def read_result(result: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Returns the result and the effects that a returned mapping of control words means."""
    if not isinstance(result, dict) or not result or not result.keys() <= _CONTROL:
        return result, []
    return result.get("content"), [each for each in map(_check, _steer(result)) if each is not None]


def _steer(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if isinstance(result.get("utterance"), str) and result["utterance"].strip():
        yield {"type": "say", "text": result["utterance"]}
    transition = result.get("transition")
    if isinstance(transition, dict):
        workflow, step = transition.get("goto_flow") or "", transition.get("goto_step") or ""
        if workflow or step or transition.get("exit_flow"):
            yield {"type": "goto", "workflow": str(workflow), "step": str(step)}
    if result.get("handoff"):
        yield _hand_off(result["handoff"])
    if result.get("hangup") or result.get("end_conversation"):
        yield {"type": "end"}


def _hand_off(asked: Any) -> dict[str, Any]:
    facts: Mapping[str, Any] = asked if isinstance(asked, dict) else {"type": asked if isinstance(asked, str) else ""}
    headers = facts.get("sip_headers")
    return {
        "type": "handoff",
        "handoff": str(facts.get("destination") or facts.get("type") or facts.get("to") or ""),
        "reason": str(facts.get("reason") or ""),
        "message": str(facts.get("utterance") or facts.get("message") or ""),
        "sip_headers": {str(k): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {},
    }
