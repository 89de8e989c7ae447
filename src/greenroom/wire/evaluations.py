"""Evaluations on the network."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from greenroom.wire.model import In, Moment, Out, VersionNumber


class EvaluationIn(In):
    """A question that is asked of every conversation: by `rules` (CEL), or by a model (`provider`, `question`)."""

    description: str = ""
    judge: Literal["rules", "model"]
    rules: str = ""
    provider: str = ""
    connection: str = Field("", max_length=60)
    question: str = ""
    answer: Literal["yes_no", "score"] = "yes_no"
    better: Literal["higher", "lower", ""] = "higher"


class EvaluationRunIn(In):
    """Which public conversations to judge: those that are over and were not judged yet, latest first."""

    since: AwareDatetime | None = Field(None, alias="from")
    until: AwareDatetime | None = Field(None, alias="to")
    environment: str | None = Field(None, max_length=80)
    version: VersionNumber | None = None
    limit: int = Field(500, ge=1, le=5_000)


class EvaluationRunOut(Out):
    """A run: how far it is, and what came of it. `mean` is that of the scores; null before the first."""

    id: str
    state: Literal["running", "finished", "cancelled", "interrupted"]
    total: int
    done: int
    judged: int
    failed: int
    mean: float | None
    problem: str
    note: str
    by: str
    started_at: Moment
    finished_at: Moment | None


class EvaluationOut(Out):
    """An evaluation; `revision` is its ETag, `metric` its name in results and comparisons."""

    name: str
    metric: str
    description: str
    judge: Literal["rules", "model"]
    rules: str
    provider: str
    connection: str
    question: str
    answer: Literal["yes_no", "score"]
    better: Literal["higher", "lower", ""]
    revision: int
    results: int
    run: EvaluationRunOut | None
    created_at: Moment | None
    changed_at: Moment | None
    changed_by: str


class VerdictOut(Out):
    """What came of one conversation: 1 is yes, 0 is no. The reason is gone where the conversation was erased."""

    conversation: str
    environment: str
    version: VersionNumber | None
    score: float
    reason: str
    judge: str
    at: Moment
