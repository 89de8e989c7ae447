"""What attempts, cases and runs come to."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.canonical import Digest, canonical_json, parse_json
from greenroom.domain.ids import EnvironmentId, PrincipalId, ProjectId, TestRunId
from greenroom.domain.test_runs import (
    KEPT_WHOLE,
    LEASE,
    Attempt,
    CaseResult,
    Line,
    Problem,
    Result,
    Run,
    RunState,
    Selection,
    SetUse,
    Standing,
    Subject,
    Verdict,
    case_to_json,
    choose_forgotten,
    decide_attempt,
    decide_case,
    no_expectation,
    read_case,
    read_run,
    run_to_json,
    see_state,
    summarise,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MET = Result("contains", "passed", "x", "x y", "/cases/0/turns/0/expect/contains")
UNMET = replace(MET, status="failed", got="y", message="'x' was not said")
BAD = replace(MET, status="error")
PROBLEM = Problem("not_mocked", "tool/book was not called")
BLANK = CaseResult("smoke", "pets", "Pets", "skipped")

verdicts = st.lists(st.sampled_from(["passed", "failed", "error"]), max_size=12)


def attempts(*statuses: Verdict) -> list[Attempt]:
    results = {"passed": MET, "failed": UNMET, "error": BAD}
    return [Attempt(status, (results[status],), (), (Line("caller", "hi"),), 2.5, ("local",)) for status in statuses]


def played(*statuses: Verdict, at_least: float = 1.0) -> CaseResult:
    return decide_case(replace(BLANK, at_least=at_least), attempts(*statuses))


@pytest.mark.parametrize(
    "results, problems, status",
    [
        ([MET], [], "passed"),
        ([MET, UNMET], [], "failed"),
        ([MET, UNMET, BAD], [], "error"),
        ([MET], [PROBLEM], "error"),
        ([], [], "error"),
    ],
)
def test_an_attempt_passes_only_when_something_was_looked_at_and_all_of_it_came(
    results: list[Result], problems: list[Problem], status: str
) -> None:
    assert decide_attempt(iter(results), iter(problems)) == status


@pytest.mark.parametrize(
    "statuses, at_least, status, rate, flaky",
    [
        (["passed"], 1.0, "passed", 1.0, False),
        (["failed"], 1.0, "failed", 0.0, False),
        (["error"], 1.0, "error", 0.0, False),
        (["passed", "failed"], 1.0, "failed", 0.5, True),
        (["passed", "failed"], 0.5, "passed", 0.5, True),
        (["passed", "error"], 1.0, "error", 0.5, True),
        (["passed", "error"], 0.5, "passed", 0.5, True),
        (["failed", "error"], 0.0, "error", 0.0, False),
        (["failed", "failed"], 0.0, "failed", 0.0, False),
        (["passed"] * 8 + ["failed"] * 2, 0.8, "passed", 0.8, True),
        (["passed"] * 7 + ["failed"] * 3, 0.8, "failed", 0.7, True),
        ([], 0.0, "error", 0.0, False),
    ],
)
def test_a_case_passes_when_enough_attempts_did_and_at_least_one(
    statuses: list[Verdict], at_least: float, status: str, rate: float, flaky: bool
) -> None:
    found = played(*statuses, at_least=at_least)
    assert (found.status, found.rate, found.is_flaky) == (status, rate, flaky)


@given(verdicts, st.floats(0, 1))
def test_no_case_passes_without_an_attempt_that_passed(statuses: list[Verdict], at_least: float) -> None:
    found = played(*statuses, at_least=at_least)
    assert found.status != "passed" or found.passed > 0
    assert found.repeats == len(statuses)
    assert found.status != "skipped"


def test_only_the_first_attempts_of_each_verdict_are_kept_whole() -> None:
    good: list[Verdict] = ["passed"]
    bad: list[Verdict] = ["failed"]
    found = played(*good * 6, *bad * 5)
    assert sum(bool(one.transcript) for one in found.attempts) == 2 * KEPT_WHOLE
    assert [len(one.results) for one in found.attempts] == [1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1]
    assert found.ms == 27.5


SKIPPED = replace(BLANK, skip="not ready")


@pytest.mark.parametrize(
    "cases, outcome, reason",
    [
        ([played("passed")], "passed", ""),
        ([played("passed"), SKIPPED], "passed", ""),
        ([played("passed"), played("failed")], "failed", ""),
        ([played("passed"), played("error")], "error", ""),
        ([played("failed"), played("error")], "failed", ""),
        ([SKIPPED, SKIPPED], "error", "every case was skipped"),
        ([], "error", "no case was chosen"),
    ],
)
def test_a_run_that_tested_nothing_is_an_error(cases: list[CaseResult], outcome: str, reason: str) -> None:
    found = summarise(cases)
    assert found.outcome == outcome
    assert found.reason.startswith(reason)
    assert bool(found.reason) == bool(reason)


def test_the_flaky_rate_is_the_share_of_cases_that_neither_always_pass_nor_always_fail() -> None:
    cases = [played("passed", "failed"), played("passed", "passed"), played("failed", "failed"), SKIPPED]
    found = summarise(cases)
    assert (found.flaky, found.flaky_rate) == (1, round(1 / 3, 6))
    assert (found.cases, found.passed, found.failed, found.skipped, found.attempts) == (4, 1, 2, 1, 6)
    assert summarise([SKIPPED]).flaky_rate == 0.0


@given(st.lists(verdicts.filter(bool), max_size=5), st.integers(0, 3))
def test_the_counts_of_a_run_add_up(played_cases: list[list[Verdict]], skipped: int) -> None:
    found = summarise([played(*statuses) for statuses in played_cases] + [SKIPPED] * skipped)
    assert found.passed + found.failed + found.errors + found.skipped == found.cases
    assert found.outcome != "passed" or (found.passed > 0 and not found.failed and not found.errors)
    assert 0.0 <= found.flaky_rate <= 1.0


RUN = Run(
    TestRunId("run_1"),
    ProjectId("prj_1"),
    PrincipalId("key_1"),
    Selection("draft:sandbox", ("smoke",), ("quick",), 3, "live", "openai:gpt-4.1", "mine"),
    Subject(
        Digest("sha256:1"),
        None,
        EnvironmentId("env_1"),
        "sandbox",
        (SetUse("smoke", "Smoke", Digest("sha256:2")),),
        {"main": "local"},
        "openai:gpt-4.1",
        {"prices": "sha256:3"},
    ),
    "running",
    NOON,
    NOON,
    total=3,
)


def test_a_run_and_its_cases_are_read_as_they_were_written() -> None:
    over = replace(RUN, state="finished", finished_at=NOON, summary=summarise([played("passed", "failed")]))
    for run in (RUN, over):
        stored = json.loads(json.dumps(run_to_json(run)))
        assert read_run(run.id, run.project, run.started_at, run.changed_at, stored) == run
    case = replace(
        decide_case(BLANK, [*attempts("passed"), Attempt("error", problems=(no_expectation("/cases/0"),))]), tags=("a",)
    )
    assert read_case(json.loads(json.dumps(case_to_json(case)))) == case


def test_whatever_an_agent_said_or_called_with_can_be_kept() -> None:
    deep: Any = "end"
    for _ in range(100):
        deep = [deep]
    odd = replace(UNMET, got={"a\ud800": 10**20, "b": float("nan"), "c": float("inf"), "d": deep, "e": (1, 2.5)})
    case = decide_case(BLANK, [Attempt("failed", (odd,), transcript=(Line("agent", "half \ud83d"),))])
    kept = parse_json(canonical_json(case_to_json(case)))
    assert kept["attempts"][0]["transcript"][0]["text"] == "half ?"
    assert kept["attempts"][0]["results"][0]["got"]["e"] == [1, 2.5]
    assert read_case(kept).status == "failed"


def test_a_run_that_is_not_heard_of_for_long_was_interrupted() -> None:
    assert see_state(RUN, NOON + LEASE).state == "running"
    late = see_state(RUN, NOON + LEASE + timedelta(seconds=1))
    assert (late.state, late.outcome, late.finished_at) == ("interrupted", "error", NOON)
    over = replace(RUN, state="finished", summary=summarise([played("passed")]))
    assert see_state(over, NOON + timedelta(days=9)).outcome == "passed"
    assert (RUN.outcome, replace(RUN, state="cancelled").outcome) == (None, "error")


def test_the_latest_runs_what_runs_and_each_versions_last_result_are_kept() -> None:
    rows: list[tuple[str, int | None, RunState]] = [
        ("9", None, "finished"),
        ("8", 2, "cancelled"),
        ("7", 2, "finished"),
        ("6", 2, "finished"),
        ("5", None, "running"),
        ("4", None, "interrupted"),
        ("3", 1, "interrupted"),
        ("2", 1, "finished"),
        ("1", 1, "finished"),
    ]
    standings = [Standing(TestRunId(id_), version, state) for id_, version, state in rows]
    assert choose_forgotten(standings, 2) == ("6", "4", "3", "1")
    assert choose_forgotten(standings, 9) == ()
    assert choose_forgotten(standings, 3) == ("6", "4", "3", "1"), "a result among the latest is its version's too"
