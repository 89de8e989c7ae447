"""Test runs: what an attempt, a case and a whole run come to. What looked at nothing has not passed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from greenroom.domain.canonical import MAX_DEPTH, MAX_SAFE_INTEGER, Digest, Json
from greenroom.domain.ids import EnvironmentId, PrincipalId, ProjectId, TestRunId

Verdict = Literal["passed", "failed", "error"]
CaseStatus = Literal["passed", "failed", "error", "skipped"]
Outcome = Literal["passed", "failed", "error"]
RunState = Literal["running", "finished", "cancelled", "interrupted"]

LEASE = timedelta(seconds=60)
"""A running run is heard of at least this often; one that is not was interrupted."""
KEPT_WHOLE = 3
"""So many attempts of each verdict are kept with their transcripts; of the others only what was not met."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one expectation came to. `pointer` leads to it in the test set's body."""

    expectation: str
    status: Verdict
    wanted: Json
    got: Json
    pointer: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something could not be tested: an error, never a pass."""

    code: str
    message: str
    pointer: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript; personal data is masked."""

    role: Literal["caller", "agent"]
    text: str
    event: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A case played once."""

    status: Verdict
    results: tuple[Result, ...] = ()
    problems: tuple[Problem, ...] = ()
    transcript: tuple[Line, ...] = ()
    ms: float = 0.0
    brains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What a case came to. `rate` is the share of attempts that passed, which had to be `at_least`."""

    test_set: str
    case: str
    name: str
    status: CaseStatus
    channel: str = ""
    tags: tuple[str, ...] = ()
    pointer: str = ""
    skip: str = ""
    passed: int = 0
    failed: int = 0
    errors: int = 0
    at_least: float = 1.0
    ms: float = 0.0
    attempts: tuple[Attempt, ...] = ()

    @property
    def repeats(self) -> int:
        """Returns how often the case was played."""
        return self.passed + self.failed + self.errors

    @property
    def rate(self) -> float:
        """Returns the share of attempts that passed."""
        return self.passed / self.repeats if self.repeats else 0.0

    @property
    def is_flaky(self) -> bool:
        """Says whether the case neither always passes nor never does."""
        return 0 < self.passed < self.repeats


@dataclass(frozen=True, slots=True)
class SetUse:
    """A test set as it was used: its body's digest says which."""

    slug: str
    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for: a ref, some of its test sets and tags (none: all), how often each case is played.

    `sets_from` is the ref whose test sets are used, where it is not the tested one.
    """

    ref: str
    test_sets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    repeat: int | None = None
    sets_from: str = ""
    judge: str = ""
    connection: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What results are bound to (R26): they hold for this and nothing else."""

    digest: Digest
    version: int | None
    environment: EnvironmentId
    alias: str
    sets: tuple[SetUse, ...]
    brain: Mapping[str, str]
    """Agent → what answers for it."""
    judge: str = ""
    knowledge: Mapping[str, str] = field(default_factory=dict[str, str])
    """Document → digest of its content."""
    matcher: str = ""
    """What ranked topics, with the vectors it had beside the words; '' in runs of before this was kept."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in numbers."""

    cases: int = 0
    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    attempts: int = 0
    flaky: int = 0
    flaky_rate: float = 0.0
    outcome: Outcome = "error"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Test sets played against one state of a project."""

    id: TestRunId
    project: ProjectId
    actor: PrincipalId
    selection: Selection
    subject: Subject
    state: RunState
    started_at: datetime
    changed_at: datetime
    finished_at: datetime | None = None
    total: int = 0
    done: int = 0
    cancelled_by: str = ""
    summary: Summary = Summary()

    @property
    def outcome(self) -> Outcome | None:
        """Returns how it ended, None while it runs. A run that did not come to its end is an error."""
        if self.state == "running":
            return None
        return self.summary.outcome if self.state == "finished" else "error"


def decide_attempt(results: Iterable[Result], problems: Iterable[Problem]) -> Verdict:
    """Returns what an attempt comes to; one in which nothing was looked at is an error."""
    found = {result.status for result in results}
    if tuple(problems) or "error" in found or not found:
        return "error"
    return "failed" if "failed" in found else "passed"


def no_expectation(pointer: str) -> Problem:
    """Returns the problem of a case that cannot fail."""
    return Problem(
        "no_expectation",
        "the case expects nothing, so it can neither pass nor fail",
        pointer,
        "add `expect` to a turn or to the case, or `judged` statements",
    )


def decide_case(case: CaseResult, attempts: Sequence[Attempt]) -> CaseResult:
    """Returns the case with its attempts counted, judged and thinned out.

    It passes when enough attempts did, and at least one; else it is an error if any attempt was, else failed.
    """
    counts = {verdict: sum(one.status == verdict for one in attempts) for verdict in ("passed", "failed", "error")}
    enough = counts["passed"] > 0 and counts["passed"] + 1e-9 >= case.at_least * len(attempts)
    status: CaseStatus = "passed" if enough else "error" if counts["error"] or not attempts else "failed"
    return replace(
        case,
        status=status,
        passed=counts["passed"],
        failed=counts["failed"],
        errors=counts["error"],
        ms=round(sum(one.ms for one in attempts), 3),
        attempts=_thin(attempts),
    )


def _thin(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    kept: list[Attempt] = []
    seen: dict[str, int] = {}
    for one in attempts:
        seen[one.status] = seen.get(one.status, 0) + 1
        if seen[one.status] <= KEPT_WHOLE:
            kept.append(one)
        else:
            unmet = tuple(result for result in one.results if result.status != "passed")
            kept.append(replace(one, results=unmet, transcript=()))
    return tuple(kept)


def summarise(cases: Sequence[CaseResult]) -> Summary:
    """Returns a run in numbers, with its outcome. A run in which no case was played is an error.

    A case that failed says more than one that could not be played, so that a run with both has failed.
    """
    played = [case for case in cases if case.status != "skipped"]
    counts = {status: sum(case.status == status for case in cases) for status in ("passed", "failed", "error")}
    flaky = sum(case.is_flaky for case in played)
    reason = ""
    if not cases:
        reason = "no case was chosen: no test set has one, or none has the tags that were asked for"
    elif not played:
        reason = "every case was skipped, so nothing was tested"
    outcome: Outcome = "failed" if counts["failed"] else "error" if counts["error"] or reason else "passed"
    return Summary(
        cases=len(cases),
        passed=counts["passed"],
        failed=counts["failed"],
        errors=counts["error"],
        skipped=len(cases) - len(played),
        attempts=sum(case.repeats for case in played),
        flaky=flaky,
        flaky_rate=round(flaky / len(played), 6) if played else 0.0,
        outcome=outcome,
        reason=reason,
    )


def see_state(run: Run, now: datetime) -> Run:
    """Returns the run as it stands now: one that says it runs, and was not heard of for long, was interrupted."""
    if run.state == "running" and now - run.changed_at > LEASE:
        return replace(run, state="interrupted", finished_at=run.changed_at)
    return run


@dataclass(frozen=True, slots=True)
class Standing:
    """What is looked at of a run to say whether it is kept."""

    id: TestRunId
    version: int | None
    state: RunState


def standing_of(run: Run) -> Standing:
    """Returns what is looked at of a run; a whole project's are held at once."""
    return Standing(run.id, run.subject.version, run.state)


def choose_forgotten(standings: Iterable[Standing], kept: int) -> tuple[TestRunId, ...]:
    """Returns the runs that nobody needs any more, of a project's as they stand now, latest first.

    Kept are the latest `kept`, what still runs, and each version's latest that came to its end.
    """
    versions: set[int] = set()
    forgotten: list[TestRunId] = []
    for place, one in enumerate(standings):
        is_last = one.state == "finished" and one.version is not None and one.version not in versions
        if is_last and one.version is not None:
            versions.add(one.version)
        if place >= kept and one.state != "running" and not is_last:
            forgotten.append(one.id)
    return tuple(forgotten)


def run_to_json(run: Run) -> dict[str, Any]:
    """Returns a run as plain JSON, without what its record says of itself."""
    facts = asdict(run)
    for name in ("id", "project", "started_at", "changed_at"):
        del facts[name]
    facts["finished_at"] = run.finished_at.isoformat() if run.finished_at else None
    return facts


def read_run(
    id_: TestRunId, project: ProjectId, started_at: datetime, changed_at: datetime, facts: Mapping[str, Any]
) -> Run:
    """Returns the run that `run_to_json` wrote."""
    subject = dict(facts["subject"])
    subject["sets"] = tuple(SetUse(**one) for one in subject["sets"])
    selection = dict(facts["selection"])
    finished = facts["finished_at"]
    own: dict[str, Any] = {
        **facts,
        "selection": Selection(**_tuples(selection, "test_sets", "tags")),
        "subject": Subject(**subject),
        "summary": Summary(**facts["summary"]),
        "finished_at": datetime.fromisoformat(finished) if finished else None,
    }
    return Run(id=id_, project=project, started_at=started_at, changed_at=changed_at, **own)


def case_to_json(case: CaseResult) -> dict[str, Any]:
    """Returns a case's result as JSON that can be kept, whatever an agent said or called with."""
    return _keepable(asdict(case), MAX_DEPTH - 4)


def _keepable(value: Any, deep: int) -> Any:
    """Returns a value without what canonical JSON refuses: half characters, large numbers, endless nesting."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) < MAX_SAFE_INTEGER else str(value)
    if deep < 1:
        return "…"
    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value).items()
        return {_keepable(str(key), 1): _keepable(item, deep - 1) for key, item in pairs}
    if isinstance(value, list | tuple):
        return [_keepable(item, deep - 1) for item in cast("list[Any]", value)]
    return str(value)


def read_case(facts: Mapping[str, Any]) -> CaseResult:
    """Returns the case's result that `case_to_json` wrote."""
    own = _tuples(facts, "tags")
    own["attempts"] = tuple(_read_attempt(one) for one in facts["attempts"])
    return CaseResult(**own)


def _read_attempt(facts: Mapping[str, Any]) -> Attempt:
    own = _tuples(facts, "brains")
    own["results"] = tuple(Result(**one) for one in facts["results"])
    own["problems"] = tuple(Problem(**one) for one in facts["problems"])
    own["transcript"] = tuple(Line(**one) for one in facts["transcript"])
    return Attempt(**own)


def _tuples(facts: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {**facts, **{name: tuple(facts[name]) for name in names}}
