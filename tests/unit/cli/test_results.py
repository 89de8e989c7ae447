"""`greenroom results` and `greenroom evaluations`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fake_api import FakeApi, problem
from tests.unit.cli.conftest import Run

AT = "2026-11-21T04:00:00Z"
VALUE = {"value": 0.7, "n": 200}
ROW: dict[str, Any] = {
    "environment": "live",
    "version": 12,
    "channel": None,
    "at": None,
    "conversations": 1_203,
    "running": 3,
    "moved": 4,
    "outcomes": {"contained": 840},
    "metrics": {"containment": VALUE, "turns": {"value": 3.25, "n": 200}, "evaluation:kind": {"value": 0.5, "n": 9}},
    "latency": {"p50_ms": 120.4, "p95_ms": 900, "p99_ms": 1_500, "turns": 5_000, "sampled": True},
}
TABLE = {
    "items": [ROW],
    "next_cursor": "c2",
    "since": AT,
    "until": AT,
    "by": ["environment", "version"],
    "interval": None,
}
ARM = {
    "name": "live",
    "conversations": 1_203,
    "keys": 1_100,
    "moved": 0,
    "n": 1_200,
    "value": 0.7,
    "interval": {"value": 0.7, "low": 0.65, "high": 0.75},
    "difference": None,
    "verdict": "",
    "sampled": False,
}
COMPARED: dict[str, Any] = {
    "metric": "containment",
    "unit": "share",
    "better": "higher",
    "since": AT,
    "until": AT,
    "level": 0.95,
    "arms": [ARM, {**ARM, "name": "b", "value": None, "interval": None}],
    "ratio": {"observed": [900, 300], "expected": [1080, 120], "p": 1e-9, "mismatch": True, "reason": ""},
    "verdict": "do not read this: sample ratio mismatch (p = 1e-09)",
    "notes": ["the split was changed"],
}
RUN = {
    "id": "evr_1",
    "state": "running",
    "total": 40,
    "done": 10,
    "judged": 9,
    "failed": 1,
    "mean": 0.5,
    "problem": "no money",
    "note": "",
    "by": "key_1",
    "started_at": AT,
    "finished_at": None,
}
EVALUATION: dict[str, Any] = {
    "name": "kind",
    "metric": "evaluation:kind",
    "description": "",
    "judge": "rules",
    "rules": "turns > 2",
    "provider": "",
    "connection": "",
    "question": "",
    "answer": "yes_no",
    "better": "higher",
    "revision": 3,
    "results": 9,
    "run": None,
    "created_at": AT,
    "changed_at": AT,
    "changed_by": "key_1",
}
PLACE = "/projects/hotel/evaluations/kind"


def test_results_are_a_table_with_or_without_a_word(run: Run, api: FakeApi) -> None:
    api.on("GET", "/projects/hotel/analytics", TABLE)
    for words in (["results"], ["results", "show"]):
        done = run(*words, "--by", "environment,version")
        assert done.exit_code == 0
        for shown in ("live", "v12", "1,203", "70.0%", "50.0%", "3.2", "120", "1,500"):
            assert shown in done.stdout
        assert "more: --cursor c2" in done.stderr
    assert api.asked[0].query == {"by": "environment,version", "limit": "50"}


def test_results_are_narrowed_and_cut_into_steps(run: Run, api: FakeApi) -> None:
    row = {**ROW, "environment": None, "version": None, "at": AT, "latency": None}
    api.on("GET", "/projects/hotel/analytics", {**TABLE, "items": [row], "by": [], "interval": "day"})
    words = ["--by", "", "--interval", "day", "--from", "2026-11-01", "--to", "2026-11-21T04:00:00+01:00"]
    done = run("results", *words, "--version", "v12", "--env", "live", "--metric", "containment", "--metric", "error")
    assert done.exit_code == 0
    assert "2026-11-21 04:00" in done.stdout
    assert api.asked[0].query == {
        "metric": "containment,error",
        "interval": "day",
        "environment": "live",
        "version": "12",
        "from": "2026-11-01T00:00:00+00:00",
        "to": "2026-11-21T04:00:00+01:00",
        "limit": "50",
    }
    assert run("results", "--from", "yesterday").exit_code == 2


def test_a_comparison_says_what_may_be_read(run: Run, api: FakeApi) -> None:
    api.on("GET", "/projects/hotel/analytics/compare", COMPARED)
    done = run("results", "compare", "live", "b", "--metric", "containment", "--weights", "90,10")
    assert done.exit_code == 0
    assert api.asked[0].query == {"arms": "live,b", "metric": "containment", "weights": "90.0,10.0"}
    for shown in ("70.0% (65.0% to 75.0%)", "note: the split was changed", "MISMATCH (p = 1e-09)", "do not read this"):
        assert shown in done.stdout
    assert run("results", "compare", "live", "b", "--weights", "many").exit_code == 2
    unchecked = {**COMPARED["ratio"], "p": None, "mismatch": False, "reason": "no expected shares are known"}
    api.on("GET", "/projects/hotel/analytics/compare", {**COMPARED, "ratio": unchecked, "verdict": "b is better"})
    done = run("results", "compare", "live", "b")
    assert "sample ratio: no expected shares are known" in done.stdout
    assert run("results", "compare", "live", "b", "--json").stdout.startswith("{")


def test_evaluations_are_listed_shown_and_removed(run: Run, api: FakeApi) -> None:
    api.on("GET", "/projects/hotel/evaluations", {"items": [{**EVALUATION, "run": RUN}], "next_cursor": None})
    assert "running, 10 of 40" in run("evaluations", "list").stdout
    api.on("GET", PLACE, EVALUATION)
    shown = run("evaluations", "show", "kind").stdout
    assert "turns > 2" in shown
    assert "never run" in shown
    api.on("DELETE", PLACE, None)
    assert run("evaluations", "remove", "kind").exit_code == 0
    assert api.asked[-1].headers["if-match"] == '"3"'


def test_an_evaluation_is_made_or_changed_by_what_is_given(run: Run, api: FakeApi) -> None:
    api.on("GET", PLACE, problem(404, "not_found", "evaluation_not_found", "none"))
    api.on("PUT", PLACE, EVALUATION)
    done = run("evaluations", "set", "kind", "--rules", "turns > 2")
    assert "in results as evaluation:kind" in done.stderr
    assert api.asked[-1].headers["if-match"] == "*"
    assert api.asked[-1].json() == {"judge": "rules", "rules": "turns > 2"}
    api.on("GET", PLACE, EVALUATION)
    run("evaluations", "set", "kind", "--question", "Kind?", "--judge", "openai:x", "--better", "neither")
    sent = api.asked[-1].json()
    assert (sent["judge"], sent["rules"], sent["question"], sent["provider"], sent["better"]) == (
        "model",
        "",
        "Kind?",
        "openai:x",
        "",
    )
    assert api.asked[-1].headers["if-match"] == '"3"'


@pytest.mark.parametrize(
    "state, code, said",
    [("finished", 0, "9 judged, mean 50.0%, 1 could not be judged: no money"), ("interrupted", 1, "interrupted: 9")],
)
def test_a_run_is_waited_for(run: Run, api: FakeApi, state: str, code: int, said: str) -> None:
    api.on("POST", f"{PLACE}/run", {**EVALUATION, "run": RUN})
    api.on("GET", PLACE, {**EVALUATION, "run": RUN}, {**EVALUATION, "run": {**RUN, "state": state}})
    done = run("evaluations", "run", "kind", "--env", "live", "--version", "v12", "--most", "40")
    assert done.exit_code == code
    assert said in done.stderr
    assert api.asked[0].json() == {"environment": "live", "version": 12, "limit": 40}


def test_a_run_is_begun_without_waiting_and_cancelled(run: Run, api: FakeApi) -> None:
    api.on("POST", f"{PLACE}/run", {**EVALUATION, "run": RUN})
    done = run("evaluations", "run", "kind", "--no-wait")
    assert (done.exit_code, len(api.asked)) == (0, 1)
    api.on("POST", f"{PLACE}/cancel", {**EVALUATION, "run": {**RUN, "state": "cancelled"}})
    assert "cancelled: 9 judged" in run("evaluations", "cancel", "kind").stderr


def test_results_of_an_evaluation_are_listed(run: Run, api: FakeApi) -> None:
    verdict = {
        "conversation": "cnv_1",
        "environment": "live",
        "version": 12,
        "score": 0.7,
        "reason": "It was so.",
        "judge": "openai:x",
        "at": AT,
    }
    api.on("GET", f"{PLACE}/results", {"items": [verdict], "next_cursor": None})
    done = run("evaluations", "results", "kind", "--env", "live", "--version", "12")
    assert "It was so." in done.stdout
    assert api.asked[0].query == {"environment": "live", "version": "12", "limit": "50"}
