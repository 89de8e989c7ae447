"""One turn as a pure step: state and input in, effects and the next state out.

    begun = start(program, context)                       # the greeting
    next  = step(program, begun.state, Heard("hello"), context, answers)

Both return a Step: `said`, `effects`, `state`, `trace`, `speech`, `ended`, `ended_by`; all plain JSON. The
same arguments give the same step in every process. `stages` is `step` that stops after each stage, so that
the driver can time it. `recorded` is what may be kept: personal data masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from greenroom.domain.asks import Answer, Ask, failed
from greenroom.kinds.variant import plain_number
from greenroom.runtime.answering import answer_turn, choose_rules, repeat_question
from greenroom.runtime.asking import Working
from greenroom.runtime.controls import control_output, correct, speech_of
from greenroom.runtime.guardrails import guard_output
from greenroom.runtime.masking import ALL, ALWAYS, MASK, SHORTEST, masking_of
from greenroom.runtime.program import Program
from greenroom.runtime.texts import say_value
from greenroom.runtime.turn import Context, Effect, Heard, State, Turn, fresh_state

__all__ = ["Context", "Effect", "Heard", "Recorded", "State", "Step", "recorded", "stages", "start", "step"]

TOP_TOPICS = 5
NOT_RECORDED = failed("not_recorded", "the outside was not asked: this is a replay, or a moment without it")
T = TypeVar("T")
_UNSHOWN = frozenset({"code", "modules", "conv", "secrets", "sources"})
_UNCOMPARED = frozenset({"vars", "turn", "history"})


@dataclass(frozen=True, slots=True)
class Step:
    """What a turn does. `speech` are the parameters of the voice, None outside calls."""

    effects: tuple[Effect, ...]
    state: State
    trace: Mapping[str, Any]
    speech: Mapping[str, Any] | None = None
    asks: tuple[Mapping[str, Any], ...] = ()
    """What was asked of the outside: {to, facts, answer}, in order; personal values are in clear."""

    @property
    def said(self) -> str:
        """Returns the reply as text."""
        return " ".join(effect["text"] for effect in self.effects if effect["type"] == "said")

    @property
    def ended(self) -> bool:
        return bool(self.state["ended_by"])

    @property
    def ended_by(self) -> str | None:
        """Returns caller, agent, handoff or silence; None while the conversation goes on."""
        return self.state["ended_by"] or None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A turn as it may be stored and shown: values of personal variables are masked everywhere (R36)."""

    heard: str
    said: str
    effects: tuple[Effect, ...]
    trace: Mapping[str, Any]
    asks: tuple[Mapping[str, Any], ...] = ()


def start(program: Program, context: Context) -> Step:
    """Begins a conversation: sets its variables and site, and greets. Never raises for what bodies hold."""
    turn = Turn(program, fresh_state(), "", context)
    _begin(turn)
    turn.decision = "greeting"
    choose_rules(turn)
    turn.say(_greeting(turn) or turn.built_in("greeting"), "greeting")
    control = _unasked(control_output(turn, stop_phrases=False))
    turn.remember()
    return _finish(turn, {"raw": "", "text": "", "corrections": []}, control, ("begin", "control"))


def step(program: Program, state: State, heard: Heard, context: Context, answers: Iterable[Answer] = ()) -> Step:
    """Answers one input, with what the outside answered to its asks, in order. A missing answer is a failed one.

    This is how a recorded turn is replayed. Never raises for what bodies, state, input or answers hold.
    """
    work, left = stages(program, state, heard, context), iter(answers)
    sent: Answer | None = None
    while True:
        try:
            item = work.send(sent)
        except StopIteration as done:
            return done.value
        sent = next(left, NOT_RECORDED) if isinstance(item, Ask) else None


def stages(program: Program, state: State, heard: Heard, context: Context) -> Working[Step]:
    """Does one turn, yielding the name of each stage when it is done and what it asks; returns the step."""
    if not state:
        begun = Turn(program, fresh_state(), "", context)
        _begin(begun)
        state = begun.state
    turn = Turn(program, state, heard.text, context)
    if turn.ended:
        return _after_end(turn)
    turn.state["turn"] += 1
    raw = turn.text
    turn.text, corrections = correct(turn)
    record = {"raw": raw, "text": turn.text, "corrections": corrections}
    if heard.event:
        record["event"] = heard.event
    if len(heard.text) > len(raw):
        turn.note(f"only the first {len(raw):,} of {len(heard.text):,} characters were read")
    yield "hear"
    if heard.event == "hang_up":
        choose_rules(turn)
        turn.decision = "hang_up"
        turn.end("caller")
    elif heard.event == "silence" or not turn.text.strip():
        choose_rules(turn)
        _stay_silent(turn)
    else:
        turn.state["silences"] = 0
        yield from answer_turn(turn)
    if turn.program.leads.guardrails:
        guard_output(turn)
        yield "guardrails"
    control = yield from control_output(turn)
    turn.remember()
    return _finish(turn, record, control, ())


def _unasked(work: Working[T]) -> T:
    """Runs work that may not ask the outside."""
    sent: Answer | None = None
    while True:
        try:
            sent = NOT_RECORDED if isinstance(work.send(sent), Ask) else None
        except StopIteration as done:
            return done.value


def _greeting(turn: Turn) -> str:
    widgets = turn.program.leads.widgets
    widget = widgets.get("default") or next(iter(widgets.values()), None)
    if turn.context.channel == "widget" and widget is not None and widget.greeting:
        return widget.greeting
    return turn.agent.greeting


def recorded(program: Program, step: Step) -> Recorded:
    """Returns the step as it may be kept: personal data is masked (see `masking` for what counts as such)."""
    values = {
        say_value(step.state["vars"][slug])
        for slug, plan in program.variables.items()
        if plan.pii and slug in step.state["vars"]
    }
    personal = [value for value in values if len(value) >= SHORTEST]
    sorts = ALL if any(plan.category == "personal_data" for plan in program.leads.guardrails) else ALWAYS

    hidden = masking_of(personal, sorts)
    effects = tuple(hidden(_without_values(program, effect)) for effect in step.effects)
    asks = tuple(hidden(_shown(ask)) for ask in step.asks)
    trace = hidden({**step.trace, "changes": _mask_changes(program, step.trace.get("changes", []))})
    return Recorded(hidden(step.trace["heard"]["text"]), hidden(step.said), effects, trace, asks)


def name_ask(to: str, facts: Mapping[str, Any]) -> str:
    """Returns what an ask is known by in a record: `function:find-room`."""
    return f"{to}:{facts.get(to) or facts.get('provider') or ''}"


def _shown(ask: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a call as it is shown: without the code and the state that were sent with it."""
    facts: Mapping[str, Any] = ask["facts"]
    kept = {key: value for key, value in facts.items() if key not in _UNSHOWN}
    if ask["to"] == "model":
        kept["tools"] = [tool.get("name", "") for tool in facts.get("tools", [])]
        kept["messages"] = len(facts.get("messages", []))
        kept["instructions"] = len(facts.get("instructions", ""))
    return {"to": ask["to"], "facts": kept, "answer": dict(ask["answer"])}


def _without_values(program: Program, effect: Effect) -> Effect:
    plan = program.variables.get(effect.get("variable", "")) if effect["type"] == "variable_set" else None
    return {**effect, "value": MASK} if plan is not None and plan.pii else effect


def _mask_changes(program: Program, changes: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    personal = {f"vars.{slug}" for slug, plan in program.variables.items() if plan.pii}
    return [{**change, "before": MASK, "after": MASK} if change["key"] in personal else change for change in changes]


def _begin(turn: Turn) -> None:
    """Sets what the conversation was started with."""
    turn.state["agent"] = turn.program.agent.slug
    for name, value in turn.context.user_variables.items():
        plan = turn.program.variables.get(name)
        if plan is not None and plan.of_user:
            turn.set_variable(name, value, "what is kept of the user")
    variant = turn.program.variant
    wanted = turn.context.variant
    if wanted:
        by_name = {name: row for row, name in variant.names.items()}
        row = wanted if wanted in variant.rows else by_name.get(wanted, "")
        if row:
            turn.state["variant"] = row
        else:
            turn.note(f"there is no site '{wanted[:80]}'; the default one is used")
    else:
        turn.state["variant"] = variant.numbers.get(plain_number(turn.context.called), "")
    for name, value in turn.context.variables.items():
        if name not in turn.program.variables:
            turn.note(f"the version has no variable '{str(name)[:80]}'; its value is kept all the same")
        turn.set_variable(str(name), value, "the start")
    turn.forget_values()
    if not turn.state["variant"]:
        _choose_site(turn)


def _choose_site(turn: Turn) -> None:
    """Chooses the first site whose condition holds; without one the default site is used."""
    for row, guard in turn.program.variant.conditions:
        holds, problem = guard.holds(turn.activation)
        if problem:
            turn.note(f"site '{row}': its condition could not be decided ({problem})")
        if holds:
            turn.state["variant"] = row
            turn.forget_values()
            return


def _stay_silent(turn: Turn) -> None:
    settings = turn.program.settings
    turn.decision = "silence"
    turn.state["silences"] += 1
    if settings.silence_limit and turn.state["silences"] >= settings.silence_limit:
        turn.say(turn.goodbye(), "goodbye")
        turn.end("silence")
    else:
        turn.say(settings.silence_message or turn.built_in("silence"), "silence")
        repeat_question(turn)


def _after_end(turn: Turn) -> Step:
    turn.decision = "ended"
    turn.note("the conversation has ended; nothing was said")
    record = {"raw": turn.text, "text": turn.text, "corrections": []}
    return _finish(turn, record, {"stop_phrases": [], "pronunciations": [], "forbidden": []}, ())


def _finish(turn: Turn, heard: Mapping[str, Any], control: Mapping[str, Any], done: tuple[str, ...]) -> Step:
    speech = speech_of(turn)
    broken = turn.problems_of_program()
    trace: dict[str, Any] = {
        "brain": turn.brain,
        "agent": turn.agent.slug,
        "turn": turn.state["turn"],
        "now": turn.context.now,
        "environment": turn.context.environment,
        "channel": turn.context.channel,
        "heard": heard,
        "decision": turn.decision,
        "topics": turn.topics[:TOP_TOPICS],
        "topic": turn.topic or None,
        "in_scope": turn.in_scope,
        "threshold": turn.program.matcher.threshold,
        "matcher": turn.program.matcher.name,
        "rules": [
            {"rule": rule.slug, "severity": "hard" if rule.hard else "soft", "checked": bool(rule.forbidden)}
            for rule in turn.rules
        ],
        "actions": turn.actions,
        "passages": [{key: value for key, value in each.items() if key != "text"} for each in turn.passages],
        "prompts": turn.prompts,
        "guardrails": turn.guardrails,
        "workflow": dict(flow) if (flow := turn.state["flow"]) else None,
        "playbook": dict(turn.state["playbook"]) if turn.state["playbook"] else None,
        "models": turn.models,
        "asked": [name_ask(each["to"], each["facts"]) for each in turn.asks],
        **({"fallback_of": turn.fallback_of} if turn.fallback_of else {}),
        **control,
        "changes": _changes(turn),
        "problems": turn.problems,
    }
    if broken:
        trace["left_out"] = broken
    if speech is not None:
        trace["speech"] = speech
        trace["keyphrases"] = [dict(phrase) for phrase in turn.program.keyphrases]
    if done:
        trace["stages"] = list(done)
    return Step(tuple(turn.effects), turn.state, trace, speech, tuple(turn.asks))


def _changes(turn: Turn) -> list[dict[str, Any]]:
    """Returns what the turn changed in the state, save the count of turns."""
    before = {key: value for key, value in turn.before.items() if key not in _UNCOMPARED}
    after = {key: value for key, value in turn.state.items() if key not in _UNCOMPARED}
    for name in dict.fromkeys((*turn.before["vars"], *turn.state["vars"])):
        before[f"vars.{name}"] = turn.before["vars"].get(name)
        after[f"vars.{name}"] = turn.state["vars"].get(name)
    return [
        {"key": key, "before": before.get(key), "after": value}
        for key, value in after.items()
        if before.get(key) != value
    ]
