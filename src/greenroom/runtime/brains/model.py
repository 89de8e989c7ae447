"""The brain that asks a model. The loop of its calls runs here, so that each can be recorded and replayed.

A model that fails, is too slow or says nothing is answered for by the agent's fallback model, which goes on where
the first stopped, and else by the local brain; with a visible mark.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from greenroom.domain.asks import Answer, failed
from greenroom.runtime.asking import Working
from greenroom.runtime.bodies import mapping
from greenroom.runtime.brains.local import LocalBrain, offer_sms, settle_offer
from greenroom.runtime.calls import ask, list_mcp_tools, retrieve
from greenroom.runtime.deeds import begin_playbook, begin_workflow, send_sms
from greenroom.runtime.intents import choose_intent, find_intents
from greenroom.runtime.offers import Offer, deeds_of_version, find_takers, offers_of_version
from greenroom.runtime.plans import ALWAYS, ActionPlan, TopicPlan
from greenroom.runtime.prompts import write_instructions, write_messages
from greenroom.runtime.turn import Turn
from greenroom.runtime.workflows import find_playbook

MAX_ROUNDS = 8
MAX_RESULT = 8_000
FIRST_MS = 12_000
"""So long the first model has where there is another one: a turn asks nothing more after 20 s."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DEEDS = frozenset({"function", "tool", "mcp"})
_LOCAL = LocalBrain()
Deed = Callable[[Mapping[str, Any]], Answer]


class ModelBrain:
    """Answers by a model, and by the local brain where the model cannot."""

    @property
    def name(self) -> str:
        return "model"

    def answer(self, turn: Turn) -> Working[None]:
        """Answers one turn, in the stages consent, match, and what it asks."""
        if turn.state["pending"]:
            rest = settle_offer(turn)
            yield "consent"
            if not rest:
                return
            turn.state["pending"] = None
        playbook = find_playbook(turn)
        intents = find_intents(turn, turn.text)
        sure = choose_intent(turn, turn.text, intents)
        yield "match"
        passages = [] if sure is not None or playbook is not None else (yield from retrieve(turn, turn.text))
        servers = (yield from list_mcp_tools(turn)) if turn.program.callables.mcp else []
        talk = _Talk(turn)
        offers = [
            *deeds_of_version(turn, len(passages), talk.deeds(passages)),
            *offers_of_version(turn, playbook, servers),
        ]
        instructions = write_instructions(turn, intents, passages, playbook)
        problem = yield from talk.run(instructions, offers)
        if problem:
            yield from _fall_back(turn, problem, talk.cut_short)
        elif talk.moved and not (turn.state["flow"] or turn.state["pending"]):
            yield from self._answer_as_taker(turn)

    def _answer_as_taker(self, turn: Turn) -> Working[None]:
        """Lets the agent that took over answer, by its own brain. Nobody takes over twice, so this ends."""
        turn.brain = turn.agent.brain
        yield from (_LOCAL if turn.brain == _LOCAL.name else self).answer(turn)


def _fall_back(turn: Turn, problem: str, cut_short: bool) -> Working[None]:
    """Lets the local brain answer, and says so in the record.

    Not where the model's own words are out, nor where it called something: that would be done twice.
    """
    turn.fallback_of = turn.agent.brain
    turn.brain = _LOCAL.name
    failed = str(turn.agent.fallback.get("provider", "")) or turn.agent.brain
    turn.add("brain_fallback", model=failed, reason=problem)
    turn.note(f"{failed} did not answer ({problem}); the local brain did")
    if cut_short or turn.ended or turn.state["flow"]:
        return
    if any(ask["to"] in _DEEDS and ask["facts"].get("op") != "list" for ask in turn.asks):
        turn.say(turn.program.settings.fallback, "fallback")
    else:
        yield from _LOCAL.answer(turn)


class _Talk:
    """One turn's exchange with a model."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.refused = False
        self.moved = False
        self.cut_short = False
        self.seen: set[str] = set()

    def run(self, instructions: str, offers: Sequence[Offer]) -> Working[str]:
        """Asks until the model calls nothing more; returns why it could not answer, '' when it did."""
        turn, known = self.turn, _by_name(offers)
        messages = write_messages(turn)
        first, fallback = _models_of(turn)
        problem = yield from self._exchange(first, instructions, messages, known, spare=bool(fallback))
        if problem and fallback and not self.cut_short:
            turn.fallback_of, turn.brain = turn.agent.brain, str(fallback["provider"])
            turn.add("model_fallback", model=turn.agent.brain, fallback=turn.brain, reason=problem)
            turn.note(f"{turn.agent.brain} did not answer ({problem}); {turn.brain} was asked")
            problem = yield from self._exchange(fallback, instructions, messages, known, spare=False)
        return problem

    def _exchange(
        self,
        model: Mapping[str, Any],
        instructions: str,
        messages: list[dict[str, Any]],
        known: Mapping[str, Offer],
        *,
        spare: bool,
    ) -> Working[str]:
        """Asks one model until it calls nothing more, adding to the messages; returns why it could not answer.

        With `spare` there is another model to ask.
        """
        turn = self.turn
        for _ in range(MAX_ROUNDS):
            answer = yield from ask(turn, "model", _facts(model, instructions, messages, list(known.values())))
            self._record(model, answer)
            text, streamed = str(answer.get("text") or ""), int(answer.get("streamed") or 0)
            if "error" in answer:
                # Half an answer that nobody heard yet is another model's to give whole.
                self.cut_short = bool(streamed or not spare) and turn.say_streamed(text, streamed)
                return str(mapping(answer["error"]).get("message") or "it failed")
            turn.say_streamed(text, streamed)
            calls = [mapping(call) for call in answer.get("calls") or ()]
            if not calls:
                break
            messages.append({"role": "assistant", "text": text, "calls": [dict(call) for call in calls]})
            for call in calls:
                result = yield from self._call(call, known)
                messages.append(_result(call, result))
                if turn.ended or self.moved:
                    break
            if turn.ended or turn.state["flow"] or self.refused or turn.state["pending"] or self.moved:
                break
        else:
            turn.note(f"{model['provider']} made calls in {MAX_ROUNDS} rounds and was stopped")
        if self.moved:
            return ""
        turn.decision = turn.decision or "answer"
        return "" if turn.answers_said() or turn.state["flow"] or turn.ended else "it said nothing"

    def _record(self, model: Mapping[str, Any], answer: Answer) -> None:
        keys = ("model", "tokens", "cost_usd", "first_ms", "ms", "error")
        asked = str(model["provider"])
        self.turn.models.append({"provider": asked, **{key: answer[key] for key in keys if key in answer}})

    def _call(self, call: Mapping[str, Any], known: Mapping[str, Offer]) -> Working[Answer]:
        """Carries one call out; what is wrong with it is told to the model."""
        offer = known.get(str(call.get("name")))
        if offer is None:
            return failed("unknown_tool", f"there is no tool '{str(call.get('name'))[:80]}'")
        fault = offer.find_fault(call.get("arguments"))
        if fault:
            return failed("wrong_arguments", fault)
        same = f"{offer.name} {json.dumps(call.get('arguments'), sort_keys=True, default=str)}"
        if same in self.seen:
            return failed("repeated", "this call was made already; use its result")
        self.seen.add(same)
        return (yield from offer.call(mapping(call.get("arguments"))))

    def deeds(self, passages: Sequence[Mapping[str, Any]]) -> dict[str, Deed]:
        """Returns what the version itself can do, by the name of the tool."""
        turn, because = self.turn, f"agent/{self.turn.agent.slug}"
        return {
            "cite_topic": self._cite_topic,
            "cite_passage": lambda given: self._cite_passage(passages[int(given["id"]) - 1]),
            "offer_sms": self._offer_sms,
            "hand_off": self._hand_off,
            "start_workflow": lambda given: _done(str(begin_workflow(turn, given["workflow"], because))),
            "start_playbook": lambda given: _done(str(begin_playbook(turn, given["playbook"], because))),
            "transfer_to": self._transfer,
            "set_variable": lambda given: _done(str(turn.set_variable(given["name"], given["value"], because))),
            "out_of_scope": self._decline,
            "end_conversation": self._end,
        }

    def _cite_topic(self, given: Mapping[str, Any]) -> Answer:
        turn, topic = self.turn, self.turn.program.topics[given["topic"]]
        turn.topic = turn.state["topic"] = topic.slug
        turn.state["misses"] = 0
        turn.add("topic_cited", topic=topic.slug, name=topic.name)
        return _done(turn.render(topic.content))

    def _cite_passage(self, passage: Mapping[str, Any]) -> Answer:
        self.turn.decision = "knowledge"
        self.turn.add("knowledge_cited", **{key: value for key, value in passage.items() if key != "text"})
        return _done("cited")

    def _offer_sms(self, given: Mapping[str, Any]) -> Answer:
        turn, sms = self.turn, self.turn.program.sms[given["sms"]]
        if not sms.consent_required:
            send_sms(turn, sms)
            return _done("sent")
        topic = turn.program.topics.get(turn.topic) or TopicPlan("", "", "", (), True, {})
        offer_sms(turn, topic, ActionPlan("model", "sms", sms.slug, ALWAYS, turn.built_in("sms_offer")), sms)
        return _done("the user is asked for consent; say nothing more")

    def _hand_off(self, given: Mapping[str, Any]) -> Answer:
        self.turn.hand_off(self.turn.program.handoffs[given["handoff"]], f"agent/{self.turn.agent.slug}")
        return _done("handed off")

    def _transfer(self, given: Mapping[str, Any]) -> Answer:
        turn, target = self.turn, given["agent"]
        self.moved = turn.change_agent(target, f"agent/{turn.agent.slug}", find_takers(turn).get(target, ""))
        return _done("the other agent takes over")

    def _decline(self, _: Mapping[str, Any]) -> Answer:
        turn = self.turn
        self.refused = True
        turn.decision = "out_of_scope"
        turn.add("out_of_scope", best=turn.topics[0]["score"] if turn.topics else 0.0)
        turn.say(turn.program.settings.out_of_scope, "out_of_scope")
        return _done("declined")

    def _end(self, _: Mapping[str, Any]) -> Answer:
        self.turn.say(self.turn.goodbye(), "goodbye")
        self.turn.end("caller")
        return _done("ended")


def _models_of(turn: Turn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns how the agent's model is asked, and its fallback; both write alike, and share the turn's time."""
    agent = turn.agent
    first = {**{key: value for key, value in agent.model.items() if value is not None}, "provider": agent.brain}
    if not agent.fallback:
        return first, {}
    return {**first, "timeout_ms": min(first.get("timeout_ms", FIRST_MS), FIRST_MS)}, {**first, **agent.fallback}


def _facts(
    model: Mapping[str, Any], instructions: str, messages: Sequence[Any], offers: Sequence[Offer]
) -> dict[str, Any]:
    return {
        **model,
        "instructions": instructions,
        "messages": [dict(message) for message in messages],
        "tools": [offer.facts() for offer in offers],
        "purpose": "reply",
    }


def _done(what: str) -> Answer:
    return {"result": what, "ms": 0.0}


def _by_name(offers: Sequence[Offer]) -> dict[str, Offer]:
    """Returns the offers that a provider takes, each name once; one bad name would refuse the whole request."""
    known: dict[str, Offer] = {}
    for offer in offers:
        if _NAME.fullmatch(offer.name):
            known.setdefault(offer.name, offer)
    return known


def _result(call: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """Returns the message that tells the model what a call gave."""
    shown = {key: answer[key] for key in ("result", "status", "error", "prints") if answer.get(key) not in (None, [])}
    text = json.dumps(shown, ensure_ascii=False, default=str)[:MAX_RESULT]
    return {"role": "tool", "name": str(call.get("name", "")), "call": str(call.get("id", "")), "text": text}
