"""What a text is about: the topics and workflows of the present agent that match it, and whether one is certain."""

from __future__ import annotations

from dataclasses import dataclass

from greenroom.runtime.compiling.matching import WORKFLOW
from greenroom.runtime.matcher import Match
from greenroom.runtime.matcher_text import words
from greenroom.runtime.phrases import content_stems
from greenroom.runtime.plans import TopicPlan
from greenroom.runtime.turn import Turn

MOST = 5
KNOWN_SHARE = 0.5
"""A question at most half of whose words any topic uses is about something else, unless the match is sure."""
SURE = 0.4
"""A first score from which on the words need not be known.

Both were picked on two imported agents with CLINC150's out-of-scope questions. On what played no part in that
(the hotel of examples/, BANKING77's test questions) strangers answered fall from 36 to 10 %; of the hotel's own
questions, each left out once, right answers fall from 61 to 54 of 87 and wrong ones from 16 to 7.
"""


@dataclass(frozen=True, slots=True)
class Intent:
    """One topic, or one workflow, that a text may be about; `exact` when it is a sample question word for word."""

    key: str
    score: float
    topic: TopicPlan | None
    workflow: str
    exact: bool = False


def find_intents(turn: Turn, text: str) -> tuple[Intent, ...]:
    """Returns what is on here and belongs to the present agent, best first, and records it."""
    program = turn.program
    off = sum(not _is_on(turn, slug) for slug in program.topics)
    ranked = program.matcher.match(text, MOST + off)
    found = tuple(match for match in ranked if _is_on(turn, match.key))[:MOST]
    turn.topics = [_recorded(match) for match in found]
    turn.intent = found[0].key if found else ""
    exact = program.questions.get(words(text), "")
    return tuple(
        Intent(
            match.key,
            match.score,
            program.topics.get(match.key),
            match.key.removeprefix(WORKFLOW) if match.key.startswith(WORKFLOW) else "",
            match.key == exact,
        )
        for match in found
    )


def choose_intent(turn: Turn, text: str, intents: tuple[Intent, ...]) -> Intent | None:
    """Returns the one that is certain enough to answer from."""
    matches = [Match(intent.key, intent.score) for intent in intents]
    sure = turn.program.matcher.in_scope(matches)
    turn.in_scope = sure and (intents[0].score >= SURE or is_known(turn, text))
    return intents[0] if turn.in_scope else None


def is_known(turn: Turn, text: str) -> bool:
    """Says whether topics use more than half of the words that carry meaning."""
    said = content_stems(text)
    return len(said & turn.program.vocabulary) > KNOWN_SHARE * len(said) or not said


def _is_on(turn: Turn, key: str) -> bool:
    topic = turn.program.topics.get(key)
    if topic is None:
        return key.startswith(WORKFLOW)
    return topic.is_on(turn.context.environment) and turn.agent.answers(key)


def _recorded(match: Match) -> dict[str, object]:
    if match.key.startswith(WORKFLOW):
        return {"workflow": match.key.removeprefix(WORKFLOW), "score": match.score}
    return {"topic": match.key, "score": match.score}
