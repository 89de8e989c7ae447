"""A turn's trace as people read it: what was decided and why, in a few facts; the whole of it beneath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from greenroom.domain.canonical import canonical_json
from greenroom.domain.conversations import Turn
from greenroom.services.conversations import TurnView
from greenroom.web.editing import pretty

_CALLED: Final = ("function", "tool", "mcp")
_SHOWN: Final = ("topic", "workflow", "playbook", "agent", "handoff", "sms", "function", "tool", "knowledge")
MAX_WHOLE: Final = 20_000


@dataclass(frozen=True)
class TracedTurn:
    """A turn with what is worth reading of its trace."""

    turn: Turn
    ended: bool
    events: Sequence[tuple[str, str]]
    scores: Sequence[tuple[str, float]]
    changes: Sequence[tuple[str, str, str]]
    problems: Sequence[str]
    facts: Sequence[tuple[str, str]]
    whole: str

    @property
    def latency(self) -> str:
        """Returns how long the turn took."""
        total = cast(Mapping[str, Any], self.turn.trace.get("latency_ms") or {}).get("total")
        return f"{total:.1f} ms" if isinstance(total, int | float) else ""


def trace(view: TurnView) -> TracedTurn:
    """Returns a turn as the chat and the review show it."""
    turn = view.turn
    found = turn.trace
    return TracedTurn(
        turn,
        view.ended,
        [_event(event) for event in turn.events if event.get("type") != "said"],
        [(str(t.get("topic")), float(t.get("score") or 0)) for t in _list(found.get("topics"))[:5]],
        [_change(change) for change in _list(found.get("changes"))],
        [str(problem) for problem in cast(Sequence[Any], found.get("problems") or ())],
        _facts(found),
        pretty(dict(found))[:MAX_WHOLE],
    )


def _event(event: Mapping[str, Any]) -> tuple[str, str]:
    name = str(event.get("type", "")).replace("_", " ")
    about = next((str(event[key]) for key in ("name", *_SHOWN, "by") if event.get(key)), "")
    error = cast(Mapping[str, Any], event.get("error") or {}).get("message", "")
    return name, f"{about} {error}".strip()


def _change(change: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(change.get("key")), _flat(change.get("before")), _flat(change.get("after"))


def _facts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = (("decision", "Decision"), ("agent", "Agent"), ("brain", "Brain"), ("workflow", "Workflow"))
    facts = [(label, _flat(found.get(key))) for key, label in names if found.get(key)]
    if found.get("playbook"):
        facts.append(("Playbook", _flat(found["playbook"])))
    asked = cast(Sequence[Any], found.get("asked") or ())
    return [*facts, *(("Asked", str(name)) for name in asked)]


def _flat(value: Any) -> str:
    if value is None or value == "":
        return "–"
    text = value if isinstance(value, str) else canonical_json(value).decode()
    return text if len(text) <= 200 else text[:199] + "…"


def _list(value: Any) -> Sequence[Mapping[str, Any]]:
    items = cast(Sequence[Any], value) if isinstance(value, list | tuple) else ()
    return [cast(Mapping[str, Any], item) for item in items if isinstance(item, Mapping)]
