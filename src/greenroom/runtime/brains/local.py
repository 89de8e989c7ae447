"""The brain that needs no model: it says what the version's texts say and does what its typed actions say.

In order: an open offer is settled; thanks, goodbye and "a person, please" are understood; the best topic is
answered when the matcher is sure; else the fallback (unsure) or the refusal (about something else). What is
written for a model (instructions, soft rules, persona) is not spoken and makes nothing happen here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.runtime.asking import Working
from greenroom.runtime.calls import call_function, call_tool, known_arguments, retrieve
from greenroom.runtime.deeds import begin_playbook, begin_workflow, send_sms
from greenroom.runtime.intents import Intent, choose_intent, find_intents, is_known
from greenroom.runtime.matcher_text import words
from greenroom.runtime.phrases import read_consent, read_small_talk
from greenroom.runtime.plans import ActionPlan, SmsPlan, TopicPlan
from greenroom.runtime.texts import shorten, split_sentences
from greenroom.runtime.turn import Turn

MISSES_BEFORE_OFFER = 2
"""So many fallbacks in a row, and the default hand-off is offered."""
MAX_PASSAGE = 600
"""So many characters of a passage are read out."""


class LocalBrain:
    """Deterministic: the same program, state and words give the same answer."""

    @property
    def name(self) -> str:
        return "local"

    def answer(self, turn: Turn) -> Working[None]:
        """Answers one turn, in the stages consent, match and answer."""
        text = turn.text
        if turn.state["pending"]:
            text = settle_offer(turn)
            yield "consent"
            if not text:
                return
        rest_of_consent = text != turn.text
        intents = find_intents(turn, text)
        yield "match"
        intent = choose_intent(turn, text, intents)
        if rest_of_consent:
            yield from _answer_rest(turn, intent)
        elif not small_talk(turn, intent):
            yield from _answer(turn, intent, intents)
        yield "answer"

    def digress(self, turn: Turn, sure: bool) -> Working[bool]:
        """Answers what was asked beside a workflow's question, if that is what the text is; says whether it did.

        With `sure` only what cannot be an answer counts: a sample question word for word, a goodbye, a wish
        for a person.
        """
        talk = read_small_talk(turn.text)
        if talk in {"goodbye", "person"}:
            return small_talk(turn, None)
        intents = find_intents(turn, turn.text)
        intent = choose_intent(turn, turn.text, intents)
        if intent is None or intent.topic is None or (sure and not intent.exact):
            return False
        flow = turn.state["flow"]
        yield from _answer_topic(turn, intent.topic)
        turn.add("digression", workflow=flow["workflow"], step=flow["step"], topic=intent.topic.slug)
        return True


def _answer(turn: Turn, intent: Intent | None, intents: tuple[Intent, ...]) -> Working[None]:
    if intent is not None:
        lapse_offer(turn)
        yield from _answer_intent(turn, intent)
        return
    unclear = _is_unclear(turn)
    passages = yield from retrieve(turn, turn.text)
    if passages:
        lapse_offer(turn)
        _answer_passage(turn, passages[0])
        return
    if not unclear:
        lapse_offer(turn)
    if _repeat_offer(turn):
        return
    if unclear or not turn.program.topics:
        _fall_back(turn, "unsure" if intents else "not understood")
    else:
        turn.decision = "out_of_scope"
        turn.state["misses"] = 0
        turn.add("out_of_scope", best=intents[0].score if intents else 0.0)
        turn.say(turn.program.settings.out_of_scope, "out_of_scope")


def _answer_passage(turn: Turn, passage: Mapping[str, Any]) -> None:
    """Reads the best passage out."""
    turn.decision = "knowledge"
    turn.state["misses"] = 0
    facts = {key: passage.get(key, "") for key in ("knowledge", "document", "title", "uri", "digest", "score")}
    turn.add("knowledge_cited", **facts)
    turn.say_plain(shorten(str(passage.get("text", "")).replace("{{", "").strip(), MAX_PASSAGE), "answer")


def _is_unclear(turn: Turn) -> bool:
    """Says whether a question that no topic answers may still be about one: its words are theirs, or few."""
    return len(words(turn.text)) < 2 or is_known(turn, turn.text)


def _answer_rest(turn: Turn, intent: Intent | None) -> Working[None]:
    """Answers what was said after yes or no, if it is a question about something else."""
    if intent is not None and intent.key != turn.state["topic"] and not turn.ended:
        yield from _answer_intent(turn, intent)


def _answer_intent(turn: Turn, intent: Intent) -> Working[None]:
    if intent.topic is not None:
        yield from _answer_topic(turn, intent.topic)
        return
    turn.decision = "workflow"
    turn.state["misses"] = 0
    begin_workflow(turn, intent.workflow, "its phrases")


def small_talk(turn: Turn, intent: Intent | None) -> bool:
    """Answers thanks, greetings, goodbyes and wishes for a person; an exact sample question goes first."""
    talk = read_small_talk(turn.text)
    if talk is None:
        return False
    if talk == "person":
        return _ask_for_person(turn, intent.topic if intent else None)
    if intent is not None and intent.exact:
        return False
    lapse_offer(turn)
    turn.decision = talk
    turn.state["misses"] = 0
    turn.add("small_talk", about=talk)
    if talk == "goodbye":
        turn.say(turn.goodbye(), "goodbye")
        turn.end("caller")
    else:
        turn.say(turn.built_in(talk), "small_talk")
    return True


def _ask_for_person(turn: Turn, topic: TopicPlan | None) -> bool:
    """Hands off to the default, unless a matched topic does it itself or nobody is there."""
    own = topic is not None and any(action.type == "handoff" for action in topic.actions)
    handoff = turn.program.default_handoff
    if own or (handoff is None and topic is not None):
        return False
    lapse_offer(turn)
    turn.decision = "person"
    if handoff is None:
        turn.add("fallback", reason="nobody to hand off to", count=turn.state["misses"])
        turn.say(turn.built_in("no_person"), "fallback")
    else:
        turn.actions.append({"type": "handoff", "target": handoff.slug, "outcome": "handed_off"})
        turn.hand_off(handoff, "the caller asked for a person")
    return True


def _answer_topic(turn: Turn, topic: TopicPlan) -> Working[None]:
    turn.decision = "answer"
    turn.topic = turn.state["topic"] = topic.slug
    turn.add("topic_cited", topic=topic.slug, name=topic.name)
    said = turn.say(topic.content, "answer")
    for action in topic.actions:
        holds, problem = action.when.holds(turn.activation)
        if problem:
            outcome = "condition_failed"
        elif not holds:
            outcome = "condition_false"
        elif turn.ended:
            outcome = "skipped"
        else:
            outcome, spoke = yield from act(turn, topic, action)
            said = said or spoke
        record = {"topic": topic.slug, "action": action.id, "type": action.type, "target": action.target}
        turn.actions.append({**record, "outcome": outcome, **({"problem": problem} if problem else {})})
    if said:
        turn.state["misses"] = 0
    else:
        _fall_back(turn, f"topic/{topic.slug} has nothing that this brain can say")


def act(turn: Turn, topic: TopicPlan, action: ActionPlan) -> Working[tuple[str, bool]]:
    """Carries one action out; returns the outcome and whether something was said."""
    program, because = turn.program, f"topic/{topic.slug}"
    if action.type == "sms" and (sms := program.sms.get(action.target)):
        if not sms.consent_required:
            spoke = turn.say(action.message, "sms")
            send_sms(turn, sms)
            return "sent", spoke
        return offer_sms(turn, topic, action, sms)
    if action.type == "handoff" and (handoff := program.handoffs.get(action.target)):
        turn.hand_off(handoff, because, action.message)
        return "handed_off", True
    if action.type in {"call", "tool"}:
        return (yield from _call(turn, action, because))
    if action.type == "workflow":
        spoke = turn.say(action.message, "action")
        return ("started", True) if begin_workflow(turn, action.target, because) else ("missing_target", spoke)
    if action.type == "playbook":
        spoke = turn.say(action.message, "action")
        return ("started", spoke) if begin_playbook(turn, action.target, because) else ("missing_target", spoke)
    if action.type == "agent":
        return ("transferred", True) if turn.change_agent(action.target, because, action.message) else ("here", False)
    turn.note(f"{because}: its action {action.id} names {action.type}/{action.target}, which is not there")
    return "missing_target", False


def _call(turn: Turn, action: ActionPlan, because: str) -> Working[tuple[str, bool]]:
    """Calls a function or tool; a text that a tool gives, or a function that said nothing itself, is said."""
    before = turn.answers_said()
    turn.say(action.message, "action")
    if action.type == "tool":
        answer = yield from call_tool(turn, action.target, known_arguments(turn, "tool", action.target), because)
    else:
        given = known_arguments(turn, "function", action.target)
        answer = yield from call_function(turn, action.target, given, because)
    result = answer.get("result")
    spoken = turn.answers_said() > before + bool(action.message)
    if isinstance(result, str) and not spoken and "error" not in answer:
        turn.say_plain(result[:MAX_PASSAGE], "function")
    said = turn.answers_said() > before
    return "failed" if "error" in answer else "called", said or bool(turn.state["flow"])


def offer_sms(turn: Turn, topic: TopicPlan, action: ActionPlan, sms: SmsPlan) -> tuple[str, bool]:
    if turn.state["pending"]:
        return "skipped", False
    question = turn.render(action.message)
    if not question:
        # A content that ends with a question of its own is the offer.
        last = split_sentences(turn.render(topic.content))[-1:]
        asked = bool(last) and last[0].rstrip().endswith("?")
        question = last[0].strip() if asked else turn.built_in("sms_offer")
        turn.say_plain("" if asked else question, "sms_offer")
    else:
        turn.say_plain(question, "sms_offer")
    turn.add("sms_offered", sms=sms.slug, name=sms.name, topic=topic.slug, action=action.id)
    turn.state["pending"] = {
        "type": "sms",
        "target": sms.slug,
        "topic": topic.slug,
        "action": action.id,
        "question": question,
        "repeats": 0,
    }
    return "offered", True


def settle_offer(turn: Turn) -> str:
    """Takes the text as the answer to the open offer; returns what is still to be answered."""
    pending: Mapping[str, Any] = turn.state["pending"]
    consent = read_consent(turn.text)
    if consent.answer == "other":
        return turn.text
    turn.state["pending"] = None
    turn.state["misses"] = 0
    record = {key: pending.get(key, "") for key in ("topic", "action", "type", "target")}
    if pending.get("type") == "handoff":
        outcome = _settle_handoff(turn, consent.answer == "yes", str(pending.get("target", "")))
    else:
        outcome = _settle_sms(turn, consent.answer == "yes", str(pending.get("target", "")))
    turn.decision = "consent"
    turn.actions.append({**record, "consent": consent.answer, "outcome": outcome})
    return "" if turn.ended or len(consent.rest.split()) < 2 else consent.rest


def _settle_sms(turn: Turn, agreed: bool, target: str) -> str:
    sms = turn.program.sms.get(target)
    if not agreed:
        turn.add("sms_declined", sms=target)
        turn.say(turn.built_in("sms_declined"), "consent")
        return "declined"
    if sms is None:
        turn.note(f"sms/{target} was offered, but this version does not have it")
        turn.say(turn.program.settings.fallback, "fallback")
        return "missing_target"
    send_sms(turn, sms)
    turn.say(turn.built_in("sms_sent"), "consent")
    return "sent"


def _settle_handoff(turn: Turn, agreed: bool, target: str) -> str:
    handoff = turn.program.handoffs.get(target)
    if not agreed:
        turn.say(turn.built_in("handoff_declined"), "consent")
        return "declined"
    if handoff is None:
        turn.note(f"handoff/{target} was offered, but this version does not have it")
        turn.say(turn.built_in("no_person"), "fallback")
        return "missing_target"
    turn.hand_off(handoff, "the caller agreed to be connected")
    return "handed_off"


def _repeat_offer(turn: Turn) -> bool:
    """Asks an open offer once more when the answer was not understood; then it lapses."""
    pending = turn.state["pending"]
    if not pending or pending.get("repeats") != 0 or not pending.get("question"):
        lapse_offer(turn)
        return False
    turn.decision = "offer_repeated"
    turn.state["pending"] = {**pending, "repeats": 1}
    record = {key: pending.get(key, "") for key in ("topic", "action", "type", "target")}
    turn.actions.append({**record, "outcome": "repeated"})
    turn.say(turn.program.settings.fallback, "fallback")
    turn.say_plain(str(pending["question"]), f"{pending.get('type')}_offer")
    return True


def lapse_offer(turn: Turn) -> None:
    """Drops an offer that was answered with something else."""
    pending = turn.state["pending"]
    if pending:
        turn.state["pending"] = None
        record = {key: pending.get(key, "") for key in ("topic", "action", "type", "target")}
        turn.actions.append({**record, "outcome": "lapsed"})


def _fall_back(turn: Turn, reason: str) -> None:
    """Asks to say it another way, and offers a person after some misses in a row."""
    turn.decision = "fallback"
    turn.state["misses"] += 1
    turn.add("fallback", reason=reason, count=turn.state["misses"])
    turn.say(turn.program.settings.fallback, "fallback")
    handoff = turn.program.default_handoff
    if turn.state["misses"] < MISSES_BEFORE_OFFER or handoff is None or turn.state["pending"]:
        return
    question = turn.render(turn.built_in("handoff_offer", name=handoff.name))
    turn.say_plain(question, "handoff_offer")
    turn.add("handoff_offered", handoff=handoff.slug, name=handoff.name)
    turn.state["pending"] = {"type": "handoff", "target": handoff.slug, "question": question, "repeats": 0}
