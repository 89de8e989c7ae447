"""Evaluations: questions that are asked of every finished conversation, judged by rules or by a model (R1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.results import EVALUATION, Better, Metric

NAME = re.compile(r"[a-z][a-z0-9-]{0,59}")
PROVIDER = re.compile(r"[a-z][a-z0-9_-]{0,39}:[^\s]{1,200}")
MAX_EVALUATIONS = 50
MAX_DESCRIPTION = 2_000
MAX_QUESTION = 2_000
MAX_REASON = 1_000
MAX_RUN = 5_000
"""So many conversations are judged in one run."""
LEASE = timedelta(seconds=60)
"""A running run is heard of at least this often; one that is not was interrupted."""

JudgedBy = Literal["rules", "model"]
AnswerForm = Literal["yes_no", "score"]
RunState = Literal["running", "finished", "cancelled", "interrupted"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A question and who answers it. `better` says which way is good; '' that neither is.

    By `rules`, a condition that is true or false of a conversation; by a `model`, a question with yes or no, or with a
    score from 0 to 10 that is kept as 0 to 1.
    """

    name: str
    description: str = ""
    judge: JudgedBy = "rules"
    rules: str = ""
    provider: str = ""
    connection: str = ""
    question: str = ""
    answer: AnswerForm = "yes_no"
    better: Better = "higher"
    revision: int = 1
    created_at: datetime | None = None
    changed_at: datetime | None = None
    changed_by: str = ""

    @property
    def metric(self) -> Metric:
        """Returns what results and comparisons know it by."""
        return Metric(EVALUATION + self.name, "share", self.better, binary=self.answer == "yes_no")

    def asks_the_same(self, other: Evaluation) -> bool:
        """Says whether results of one are results of the other: only words about it differ."""
        alike = replace(other, description=self.description, better=self.better, **_kept(self))
        return alike == self


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one conversation: 1 is yes, 0 is no. Where it began stands beside, so that lists can be narrowed."""

    conversation: str
    score: float
    reason: str
    judge: str
    at: datetime
    environment: str
    version: int | None


@dataclass(frozen=True, slots=True)
class RunChoice:
    """Which conversations a run judges: public ones that are over and were not judged yet, latest first."""

    since: datetime | None = None
    until: datetime | None = None
    environment: str = ""
    version: int | None = None
    limit: int = 500


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """One run over conversations. An evaluation has at most one under way; the last one is remembered."""

    id: str
    by: str
    started_at: datetime
    state: RunState = "running"
    total: int = 0
    done: int = 0
    total_score: float = 0.0
    judged: int = 0
    failed: int = 0
    """Could not be judged; the next run tries them again."""
    problem: str = ""
    """The first thing that went wrong."""
    note: str = ""
    finished_at: datetime | None = None


def check_evaluation(wanted: Evaluation) -> None:
    """Raises Invalid `invalid_evaluation` with everything that is wrong, save what only a compiler finds."""
    by_model = wanted.judge == "model"
    looked = (
        (not NAME.fullmatch(wanted.name), "/name", "must be 1 to 60 of a-z, 0-9 and -, beginning with a letter"),
        (len(wanted.description) > MAX_DESCRIPTION, "/description", f"has at most {MAX_DESCRIPTION:,} characters"),
        (by_model == bool(wanted.rules.strip()), "/rules", "is for judge rules, which need them, and for no other"),
        (
            by_model != bool(wanted.question.strip()),
            "/question",
            "is for judge model, which needs one, and for no other",
        ),
        (len(wanted.question) > MAX_QUESTION, "/question", f"has at most {MAX_QUESTION:,} characters"),
        (
            by_model != bool(PROVIDER.fullmatch(wanted.provider)),
            "/provider",
            "is for judge model, which needs one such as openai:gpt-4.1, and for no other",
        ),
        (not by_model and bool(wanted.connection), "/connection", "is for judge model only"),
        (not by_model and wanted.answer != "yes_no", "/answer", "is yes_no where rules judge"),
    )
    faults = [Fault(pointer, message) for is_wrong, pointer, message in looked if is_wrong]
    if faults:
        detail = "; ".join(f"{fault.pointer} {fault.message}" for fault in faults)
        raise Invalid("invalid_evaluation", detail, errors=faults)


def see_run(run: EvaluationRun, changed_at: datetime, now: datetime) -> EvaluationRun:
    """Returns the run as it stands now: one that says it runs, and was not heard of for long, was interrupted."""
    if run.state == "running" and now - changed_at > LEASE:
        note = "the server stopped; run it again, what was judged is kept"
        return replace(run, state="interrupted", finished_at=changed_at, note=note)
    return run


def evaluation_to_body(evaluation: Evaluation) -> dict[str, Any]:
    """Returns an evaluation as its record holds it."""
    facts = asdict(evaluation)
    for name in ("name", "revision", "created_at", "changed_at"):
        del facts[name]
    return facts


def run_to_body(run: EvaluationRun) -> dict[str, Any]:
    """Returns a run as its record holds it."""
    times = {
        name: value.isoformat() if value else None
        for name, value in (("started_at", run.started_at), ("finished_at", run.finished_at))
    }
    return {**asdict(run), **times}


def run_from_body(body: Mapping[str, Any]) -> EvaluationRun:
    """Returns the run that `run_to_body` wrote."""
    finished = body["finished_at"]
    times: dict[str, Any] = {
        "started_at": datetime.fromisoformat(body["started_at"]),
        "finished_at": datetime.fromisoformat(finished) if finished else None,
    }
    return EvaluationRun(**{**body, **times})


def metrics_of(evaluations: Sequence[Evaluation]) -> dict[str, Metric]:
    """Returns the metrics of evaluations by name."""
    return {each.metric.name: each.metric for each in evaluations}


def _kept(of: Evaluation) -> dict[str, Any]:
    return {
        "revision": of.revision,
        "created_at": of.created_at,
        "changed_at": of.changed_at,
        "changed_by": of.changed_by,
    }
