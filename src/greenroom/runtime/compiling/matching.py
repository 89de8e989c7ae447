"""What a text may be about, compiled: the topics, and the workflows that have phrases to start them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenroom.runtime.flow_plans import WorkflowPlan
from greenroom.runtime.matcher import Candidate, Matcher
from greenroom.runtime.matcher_text import words
from greenroom.runtime.matcher_vectors import Embedder
from greenroom.runtime.phrases import content_stems
from greenroom.runtime.plans import TopicPlan

WORKFLOW = "workflow/"
"""In front of a workflow's slug where a topic's stands alone."""


@dataclass(frozen=True, slots=True)
class Matching:
    """The matcher, and what is known without it. Keys are slugs of topics, or `workflow/slug`."""

    matcher: Matcher
    questions: Mapping[tuple[str, ...], str]
    """Sample questions as words → key: what needs no guessing."""
    vocabulary: frozenset[str]
    """Stems of the words that sample questions and names use."""


def compile_matching(
    topics: Mapping[str, TopicPlan],
    samples: Mapping[str, Sequence[str]],
    workflows: Mapping[str, WorkflowPlan],
    embedder: Embedder | None = None,
) -> Matching:
    """Returns the matching of all topics that can be on anywhere and all workflows with phrases."""
    on = [topic for topic in topics.values() if topic.enabled or any(topic.enabled_in.values())]
    candidates = [Candidate(each.slug, tuple(samples.get(each.slug, ())), each.content, each.name) for each in on]
    candidates += [
        Candidate(WORKFLOW + each.slug, each.phrases, each.description, each.name)
        for each in workflows.values()
        if each.phrases
    ]
    questions: dict[tuple[str, ...], str] = {}
    for candidate in candidates:
        for question in candidate.questions:
            questions.setdefault(words(question), candidate.key)
    questions.pop((), None)
    texts = (text for candidate in candidates for text in (candidate.name, *candidate.questions))
    vocabulary = frozenset[str]().union(*map(content_stems, texts))
    return Matching(Matcher.compile(candidates, embedder), questions, vocabulary)
