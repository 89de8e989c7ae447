"""`greenroom test`: what it asks, what it prints for people and programs, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.fake_api import DIGEST, FakeApi
from tests.unit.cli.conftest import Run

RUNS = "/projects/hotel/test-runs"
ONE = f"{RUNS}/run_1"
SUMMARY = {
    "cases": 3,
    "passed": 1,
    "failed": 1,
    "errors": 0,
    "skipped": 1,
    "attempts": 6,
    "flaky": 1,
    "flaky_rate": 0.5,
    "reason": "",
}
UNMET = {
    "expectation": "contains",
    "status": "failed",
    "wanted": "until noon",
    "got": "until one",
    "pointer": "/cases/1/turns/0/expect/contains",
    "message": "'until noon' was not said",
}
LINES = [{"role": "caller", "text": "How late?"}, {"role": "caller", "text": "", "event": "silence"}]
BAD = {"status": "failed", "results": [UNMET], "problems": [], "transcript": LINES, "ms": 4.2}


def case(name: str, status: str, **more: Any) -> dict[str, Any]:
    facts = {
        "test_set": "smoke",
        "case": name,
        "name": name.title(),
        "status": status,
        "channel": "chat",
        "pointer": "/cases/0",
        "repeats": 1,
        "passed": int(status == "passed"),
        "failed": int(status == "failed"),
        "errors": int(status == "error"),
        "rate": 1.0,
        "at_least": 1.0,
        "flaky": False,
        "ms": 4.2,
        "attempts": [],
    }
    return {**facts, **more}


CASES = [
    case("late", "passed"),
    case("pets", "failed", repeats=5, passed=2, failed=3, flaky=True, attempts=[BAD]),
    case("pool", "skipped", skip="closed", repeats=0),
]


def report(state: str = "finished", outcome: str | None = "failed", **more: Any) -> dict[str, Any]:
    facts = {
        "id": "run_1",
        "ref": "draft:sandbox",
        "digest": DIGEST,
        "version": None,
        "environment": "sandbox",
        "state": state,
        "outcome": outcome,
        "done": 6 if state == "finished" else 2,
        "total": 6,
        "summary": SUMMARY,
        "test_sets": [{"slug": "smoke", "name": "Smoke", "digest": DIGEST}],
        "brain": {"main": "local", "spa": "openai:gpt-x"},
        "matcher": "ridge-1+minilm",
        "judge": "openai:gpt-4.1",
        "actor": "key_1",
        "started_at": "2026-11-21T12:00:00Z",
        "cases": CASES,
    }
    return {**facts, **more}


def played(api: FakeApi, *reports: dict[str, Any]) -> None:
    """Lets a run begin, and answers with these when it is looked at."""
    api.on("POST", RUNS, report("running", None))
    api.on("GET", ONE, *reports)


def test_a_run_is_followed_to_its_end_and_failures_are_explained(api: FakeApi, run: Run) -> None:
    played(api, report("running", None), report("running", None), report())
    done = run("test", "run", "--ref", "draft:sandbox", "--set", "smoke", "--tag", "a", "--tag", "b", "--repeat", "5")
    assert done.exit_code == 1
    assert api.sent("POST", "/test-runs")[0].json() == {
        "ref": "draft:sandbox",
        "test_sets": ["smoke"],
        "tags": ["a", "b"],
        "repeat": 5,
    }
    assert "FAILED" in done.stdout
    assert "smoke/pets" in done.stdout
    assert "2/5 · flaky" in done.stdout
    assert "closed" in done.stdout
    assert "/cases/1/turns/0/expect/contains: 'until noon' was not said; wanted \"until noon\", got" in done.stdout
    assert "caller  How late?" in done.stdout
    assert "caller  (silence)" in done.stdout
    assert "run_1 on draft:sandbox (aaaaaaaaaaaa): 1 passed, 1 failed, 1 skipped; flaky rate 50%" in done.stdout
    parts = "answered by local, openai:gpt-x; matcher ridge-1+minilm; judged by openai:gpt-4.1"
    assert parts in done.stdout.replace("\n", " ")


def test_other_choices_are_sent_as_they_are(api: FakeApi, run: Run) -> None:
    played(api, report(outcome="passed"))
    run("test", "run", "--sets-from", "live", "--judge", "openai:gpt-4.1", "--connection", "mine")
    sent = api.sent("POST", "/test-runs")[0].json()
    assert sent == {"sets_from": "live", "judge": "openai:gpt-4.1", "connection": "mine"}


@pytest.mark.parametrize(
    "state, outcome, code",
    [
        ("finished", "passed", 0),
        ("finished", "failed", 1),
        ("finished", "error", 12),
        ("interrupted", "error", 12),
        ("cancelled", "error", 12),
    ],
)
def test_the_exit_code_says_how_it_ended(api: FakeApi, run: Run, state: str, outcome: str, code: int) -> None:
    played(api, report(state, outcome))
    assert run("test", "run").exit_code == code
    assert run("test", "show", "run_1").exit_code == code
    assert run("test", "run", "--json").exit_code == code


def test_programs_get_the_whole_report(api: FakeApi, run: Run) -> None:
    api.on("POST", RUNS, report("running", None))
    first = report(cases=CASES[:2], next_cursor="more")
    api.on("GET", ONE, report(), first, report(cases=CASES[2:]))
    done = run("test", "run", "--json")
    found = json.loads(done.stdout)
    assert [each["case"] for each in found["cases"]] == ["late", "pets", "pool"]
    assert (found["next_cursor"], found["summary"]["flaky_rate"]) == (None, 0.5)
    assert api.sent("GET", "/run_1")[-1].query == {"cursor": "more", "limit": "200"}


def test_a_run_is_written_as_junit(api: FakeApi, run: Run, tmp_path: Path) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if b"format=junit" in request.url.query:
            return httpx2.Response(200, content=b"<testsuites/>", headers={"content-type": "application/xml"})
        return httpx2.Response(200, json=report(outcome="passed"))

    api.on("POST", RUNS, report("running", None))
    api.on("GET", ONE, answer)
    file = tmp_path / "junit.xml"
    assert run("test", "run", "--junit", str(file)).exit_code == 0
    assert file.read_bytes() == b"<testsuites/>"
    refused = run("test", "show", "run_1", "--junit", str(tmp_path / "no" / "such" / "folder.xml"))
    assert (refused.exit_code, "cannot be written" in refused.stderr) == (2, True)


def test_a_run_in_error_says_why(api: FakeApi, run: Run) -> None:
    problem = {
        "code": "not_mocked",
        "message": "tool/book was not called",
        "pointer": "/cases/0/mocks/tools",
        "hint": "mock it",
    }
    wrong = {"status": "error", "results": [], "problems": [problem], "transcript": [], "ms": 1.0}
    summary = {**SUMMARY, "passed": 0, "failed": 0, "errors": 1, "skipped": 0, "reason": "every case was skipped"}
    played(api, report(outcome="error", summary=summary, cases=[case("book", "error", attempts=[wrong])]))
    done = run("test", "run")
    assert "/cases/0/mocks/tools: tool/book was not called (mock it) [not_mocked]" in done.stdout
    assert "1 in error" in done.stdout
    assert "(every case was skipped)" in done.stdout


def test_a_run_that_goes_on_is_shown_as_it_stands(api: FakeApi, run: Run) -> None:
    api.on("GET", ONE, report("running", None, cases=CASES[:1]))
    done = run("test", "show", "run_1")
    assert (done.exit_code, "running, 2 of 6 conversations held" in done.stdout) == (0, True)


def test_runs_are_listed_and_cancelled(api: FakeApi, run: Run) -> None:
    listed = [report(version=3, ref="live"), report("cancelled", "error")]
    for each in listed:
        del each["cases"]
    api.on("GET", RUNS, {"items": listed, "next_cursor": "more"})
    done = run("test", "list", "--limit", "2")
    lines = done.stdout.splitlines()
    assert lines[2].split()[:4] == ["run_1", "live", "v3", "FAILED"]
    assert "cancelled" in lines[3]
    assert "1 of 2" in lines[2]
    assert "more: --cursor more" in done.stderr
    api.on("POST", f"{ONE}/cancel", {**report("cancelled", "error"), "done": 2})
    assert "cancelled run_1 after 2 conversations" in run("test", "cancel", "run_1").stderr


def test_somebody_who_stops_waiting_cancels_the_run(api: FakeApi, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: Any, ms: int) -> None:
        raise KeyboardInterrupt

    played(api, report("running", None), report("cancelled", "error"))
    api.on("POST", f"{ONE}/cancel", report("cancelled", "error"))
    monkeypatch.setattr("tests.support.fake_api.StillClock.wait", stop)
    done = run("test", "run")
    assert done.exit_code == 12
    assert len(api.sent("POST", "/cancel")) == 1
