"""The brain that needs no model: it says what the version's texts say and does what its typed actions say.

In order: an open offer is settled; thanks, goodbye and "a person, please" are understood; the best topic is
answered when the matcher is sure; else the fallback (unsure) or the refusal (about something else). What is
written for a model (instructions, soft rules, persona) is not spoken and makes nothing happen here.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from greenroom.runtime.matcher import Match
from greenroom.runtime.matcher_text import words
from greenroom.runtime.phrases import content_stems, read_consent, read_small_talk
from greenroom.runtime.plans import ActionPlan, SmsPlan, TopicPlan
from greenroom.runtime.texts import split_sentences, strip_marks
from greenroom.runtime.turn import Turn

MISSES_BEFORE_OFFER = 2
"""So many fallbacks in a row, and the default hand-off is offered."""
KNOWN_SHARE = 0.5
"""A question at most half of whose words any topic uses is about something else, unless the match is sure."""
SURE = 0.4
"""A first score from which on the words need not be known.

Both were picked on two imported agents with CLINC150's out-of-scope questions. On what played no part in that
(the hotel of examples/, BANKING77's test questions) strangers answered fall from 36 to 10 %; of the hotel's own
questions, each left out once, right answers fall from 61 to 54 of 87 and wrong ones from 16 to 7.
"""
NOT_RUN = "is stored and checked, but not run in this release"


class LocalBrain:
    """Deterministic: the same program, state and words give the same answer."""

    @property
    def name(self) -> str:
        return "local"

    def answer(self, turn: Turn) -> Generator[str, None, None]:
        """Answers one turn, in the stages consent, match and answer."""
        text = turn.text
        if turn.state["pending"]:
            text = _settle_offer(turn)
            yield "consent"
            if not text:
                return
        rest_of_consent = text != turn.text
        matches = _match(turn, text)
        yield "match"
        topic = _choose_topic(turn, text, matches)
        if rest_of_consent:
            _answer_rest(turn, topic)
        elif not _small_talk(turn, topic):
            _answer(turn, topic, matches)
        yield "answer"


def _match(turn: Turn, text: str) -> tuple[Match, ...]:
    """Returns the topics that are on in this environment, best first, and records them."""
    topics = turn.program.topics
    off = sum(not topic.is_on(turn.context.environment) for topic in topics.values())
    ranked = turn.program.matcher.match(text, 5 + off)
    matches = tuple(match for match in ranked if topics[match.key].is_on(turn.context.environment))[:5]
    turn.topics = [{"topic": match.key, "score": match.score} for match in matches]
    return matches


def _exact(turn: Turn, text: str) -> bool:
    topic = turn.program.topics.get(turn.program.questions.get(words(text), ""))
    return topic is not None and topic.is_on(turn.context.environment)


def _choose_topic(turn: Turn, text: str, matches: tuple[Match, ...]) -> TopicPlan | None:
    """Returns the topic that is certain enough to answer from."""
    sure = turn.program.matcher.in_scope(matches)
    turn.in_scope = sure and (matches[0].score >= SURE or _is_known(turn, text))
    return turn.program.topics[matches[0].key] if turn.in_scope else None


def _is_known(turn: Turn, text: str) -> bool:
    """Says whether topics use more than half of the words that carry meaning."""
    said = content_stems(text)
    return len(said & turn.program.vocabulary) > KNOWN_SHARE * len(said) or not said


def _answer(turn: Turn, topic: TopicPlan | None, matches: tuple[Match, ...]) -> None:
    if topic is not None:
        _lapse(turn)
        _answer_topic(turn, topic)
        return
    unclear = _is_unclear(turn)
    if not unclear:
        _lapse(turn)
    if _repeat_offer(turn):
        return
    if unclear or not turn.program.topics:
        _fall_back(turn, "unsure" if matches else "not understood")
    else:
        turn.decision = "out_of_scope"
        turn.state["misses"] = 0
        turn.add("out_of_scope", best=matches[0].score if matches else 0.0)
        turn.say(turn.program.settings.out_of_scope, "out_of_scope")


def _is_unclear(turn: Turn) -> bool:
    """Says whether a question that no topic answers may still be about one: its words are theirs, or few."""
    return len(words(turn.text)) < 2 or _is_known(turn, turn.text)


def _answer_rest(turn: Turn, topic: TopicPlan | None) -> None:
    """Answers what was said after yes or no, if it is a question about something else."""
    if topic is not None and topic.slug != turn.state["topic"] and not turn.ended:
        _answer_topic(turn, topic)


def _small_talk(turn: Turn, topic: TopicPlan | None) -> bool:
    """Answers thanks, greetings, goodbyes and wishes for a person; an exact sample question goes first."""
    talk = read_small_talk(turn.text)
    if talk is None:
        return False
    if talk == "person":
        return _ask_for_person(turn, topic)
    if topic is not None and _exact(turn, turn.text):
        return False
    _lapse(turn)
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
    _lapse(turn)
    turn.decision = "person"
    if handoff is None:
        turn.add("fallback", reason="nobody to hand off to", count=turn.state["misses"])
        turn.say(turn.built_in("no_person"), "fallback")
    else:
        turn.actions.append({"type": "handoff", "target": handoff.slug, "outcome": "handed_off"})
        turn.hand_off(handoff, "the caller asked for a person")
    return True


def _answer_topic(turn: Turn, topic: TopicPlan) -> None:
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
            outcome, spoke = _act(turn, topic, action)
            said = said or spoke
        record = {"topic": topic.slug, "action": action.id, "type": action.type, "target": action.target}
        turn.actions.append({**record, "outcome": outcome, **({"problem": problem} if problem else {})})
    if said:
        turn.state["misses"] = 0
    else:
        _fall_back(turn, f"topic/{topic.slug} has nothing that this brain can say")


def _act(turn: Turn, topic: TopicPlan, action: ActionPlan) -> tuple[str, bool]:
    """Carries one action out; returns the outcome and whether something was said."""
    program = turn.program
    if action.type == "sms" and (sms := program.sms.get(action.target)):
        if not sms.consent_required:
            spoke = turn.say(action.message, "sms")
            _send(turn, sms)
            return "sent", spoke
        return _offer_sms(turn, topic, action, sms)
    if action.type == "handoff" and (handoff := program.handoffs.get(action.target)):
        turn.hand_off(handoff, f"topic/{topic.slug}", action.message)
        return "handed_off", True
    # The action's message is not said: it would promise what does not happen.
    if action.type == "call":
        turn.add(
            "function_not_run",
            function=action.target,
            because=f"topic/{topic.slug}",
            reason=f"a function {NOT_RUN}",
        )
        return "not_run", False
    if action.type == "workflow":
        turn.add(
            "workflow_not_run",
            workflow=action.target,
            because=f"topic/{topic.slug}",
            reason=f"a workflow {NOT_RUN}",
        )
        return "not_run", False
    turn.note(f"topic/{topic.slug}: its action {action.id} names {action.type}/{action.target}, which is not there")
    return "missing_target", False


def _offer_sms(turn: Turn, topic: TopicPlan, action: ActionPlan, sms: SmsPlan) -> tuple[str, bool]:
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


def _send(turn: Turn, sms: SmsPlan) -> None:
    """Records the message. No provider sends it in this release, and the effect says so."""
    context = turn.context
    if not context.caller:
        turn.note(f"sms/{sms.slug}: no number of the user is known")
    turn.add(
        "sms_sent",
        sms=sms.slug,
        name=sms.name,
        text=strip_marks(turn.render(sms.text)),
        to=context.caller,
        sender=turn.render(sms.senders.get(context.environment) or sms.sender),
        delivery="recorded",
    )


def _settle_offer(turn: Turn) -> str:
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
    _send(turn, sms)
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
        _lapse(turn)
        return False
    turn.decision = "offer_repeated"
    turn.state["pending"] = {**pending, "repeats": 1}
    record = {key: pending.get(key, "") for key in ("topic", "action", "type", "target")}
    turn.actions.append({**record, "outcome": "repeated"})
    turn.say(turn.program.settings.fallback, "fallback")
    turn.say_plain(str(pending["question"]), f"{pending.get('type')}_offer")
    return True


def _lapse(turn: Turn) -> None:
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
    question = turn.built_in("handoff_offer", name=handoff.name)
    turn.say_plain(question, "handoff_offer")
    turn.add("handoff_offered", handoff=handoff.slug, name=handoff.name)
    turn.state["pending"] = {"type": "handoff", "target": handoff.slug, "question": question, "repeats": 0}
