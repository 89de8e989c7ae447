"""Test runs on the network."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from greenroom.wire.model import In, Moment, Out, VersionNumber


class TestRunIn(In):
    """Play test sets against a ref; without names and tags, every case of the ref's own test sets."""

    # pytest would take the names of these shapes for classes of tests.
    __test__ = False

    ref: str | None = Field(None, max_length=200)
    test_sets: list[str] = Field([], max_length=100)
    tags: list[str] = Field([], max_length=50)
    repeat: int | None = Field(None, ge=1, le=50)
    """Plays each case so often, whatever the case says."""
    sets_from: str | None = Field(None, max_length=200)
    """A ref whose test sets are used instead of the tested one's."""
    judge: str | None = Field(None, max_length=200)
    """The model that judges and plays callers, `provider:name`; without one, the agent's own."""
    connection: str | None = Field(None, max_length=120)


class ResultOut(Out):
    """What one expectation came to. `pointer` leads to it in the test set's body."""

    expectation: str
    status: str
    wanted: Any = None
    got: Any = None
    pointer: str
    message: str = ""


class TestProblemOut(Out):
    """Why something could not be tested."""

    __test__ = False

    code: str
    message: str
    pointer: str = ""
    hint: str = ""


class LineOut(Out):
    """One line of a transcript."""

    role: str
    text: str
    event: str = ""


class AttemptOut(Out):
    """A case played once. A transcript is kept of the first three attempts of each status."""

    status: str
    results: list[ResultOut] = []
    problems: list[TestProblemOut] = []
    transcript: list[LineOut] = []
    ms: float
    brains: list[str] = []


class CaseOut(Out):
    """What a case came to: passed, failed, error or skipped. `rate` is the share of attempts that passed."""

    test_set: str
    case: str
    name: str
    status: str
    channel: str
    tags: list[str] = []
    pointer: str
    skip: str = ""
    repeats: int
    passed: int
    failed: int
    errors: int
    rate: float
    at_least: float
    flaky: bool
    ms: float
    attempts: list[AttemptOut] = []


class SetUseOut(Out):
    """A test set as it was used: the digest is its body's."""

    slug: str
    name: str
    digest: str


class SummaryOut(Out):
    """A run in numbers. `flaky_rate` is the share of played cases that neither always nor never passed."""

    cases: int
    passed: int
    failed: int
    errors: int
    skipped: int
    attempts: int
    flaky: int
    flaky_rate: float
    reason: str = ""


class TestRunOut(Out):
    """A run: what was tested (its digest), with what, and how far it is.

    `state` is running, finished, cancelled or interrupted; `outcome` is passed, failed or error, null while it
    runs. `done` of `total` conversations are held. `brain` says by agent what answers, `matcher` what ranks topics
    (`ridge-1` by words, `ridge-1+…` by vectors too), `judge` which model judges.
    """

    __test__ = False

    id: str
    ref: str
    digest: str
    version: VersionNumber | None
    environment: str
    state: str
    outcome: str | None
    done: int
    total: int
    summary: SummaryOut
    test_sets: list[SetUseOut]
    sets_from: str = ""
    tags: list[str] = []
    repeat: int | None = None
    brain: dict[str, str] = {}
    matcher: str = ""
    judge: str = ""
    knowledge: dict[str, str] = {}
    actor: str
    started_at: Moment
    finished_at: Moment | None = None


class TestRunReport(TestRunOut):
    """A run with its cases."""

    cases: list[CaseOut]
    next_cursor: str | None = None
