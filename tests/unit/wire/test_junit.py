"""JUnit XML: valid against its schema whatever was said, with counts that add up."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]  it has no stubs

from greenroom.wire.junit import to_junit
from greenroom.wire.test_runs import (
    AttemptOut,
    CaseOut,
    LineOut,
    ResultOut,
    SetUseOut,
    SummaryOut,
    TestProblemOut,
    TestRunOut,
)

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parents[2] / "support" / "junit.xsd"))
HOSTILE = "a<b>&\"'\x00\x1b]]>\ud800\ufffe\r\n\tö😀"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def attempt(status: str, text: str = "Hello") -> AttemptOut:
    unmet = ResultOut(expectation="contains", status=status, wanted=text, got=text, pointer="/cases/0", message=text)
    problems = [TestProblemOut(code="not_mocked", message=text, pointer="/cases/0")] if status == "error" else []
    lines = [LineOut(role="agent", text=text), LineOut(role="caller", text="", event="silence")]
    return AttemptOut(status=status, results=[unmet], problems=problems, transcript=lines, ms=3.0)


def case(status: str, test_set: str = "smoke", text: str = "Hello", repeats: int = 1) -> CaseOut:
    return CaseOut(
        test_set=test_set,
        case="pets",
        name=text,
        status=status,
        channel="chat",
        pointer="/cases/0",
        skip=text if status == "skipped" else "",
        repeats=repeats,
        passed=repeats * (status == "passed"),
        failed=repeats * (status == "failed"),
        errors=repeats * (status == "error"),
        rate=1.0 if status == "passed" else 0.0,
        at_least=1.0,
        flaky=False,
        ms=3.0,
        attempts=[] if status == "skipped" else [attempt(status, text)],
    )


def run(cases: list[CaseOut], **more: Any) -> TestRunOut:
    count = {name: sum(each.status == name for each in cases) for name in ("passed", "failed", "error", "skipped")}
    summary = SummaryOut(
        cases=len(cases),
        passed=count["passed"],
        failed=count["failed"],
        errors=count["error"],
        skipped=count["skipped"],
        attempts=len(cases),
        flaky=0,
        flaky_rate=0.0,
        reason=more.pop("reason", ""),
    )
    facts: dict[str, Any] = {
        "id": "run_1",
        "ref": "draft:sandbox",
        "digest": "sha256:1",
        "version": None,
        "environment": "sandbox",
        "state": "finished",
        "outcome": "passed",
        "done": 1,
        "total": 1,
        "test_sets": [SetUseOut(slug="smoke", name="Smoke", digest="sha256:2")],
        "brain": {"main": "local"},
        "matcher": "ridge-1",
        "actor": "key_1",
        "started_at": NOON,
    }
    return TestRunOut(summary=summary, **{**facts, **more})


def read(cases: list[CaseOut], **more: Any) -> Any:
    """Returns the parsed document, which is valid."""
    document = etree.fromstring(to_junit(run(cases, **more), cases))
    assert SCHEMA.validate(document), SCHEMA.error_log
    return document


ALL = [case("passed"), case("failed"), case("error"), case("skipped")]


def test_every_status_has_its_element_and_the_counts_add_up() -> None:
    document = read(ALL)
    (suite,) = document.findall("testsuite")
    assert suite.attrib["name"] == "smoke @ draft:sandbox"
    assert {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped", "time")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
        "time": "0.012",
    }
    assert [[child.tag for child in one] for one in suite.findall("testcase")] == [
        ["system-out"],
        ["failure", "system-out"],
        ["error", "system-out"],
        ["skipped"],
    ]
    assert (document.attrib["tests"], document.attrib["failures"], document.attrib["errors"]) == ("4", "1", "1")
    facts = {each.attrib["name"]: each.attrib["value"] for each in suite.iter("property")}
    assert facts["greenroom.digest"] == "sha256:1"
    assert facts["greenroom.test_set_digest"] == "sha256:2"
    assert facts["greenroom.brain.main"] == "local"
    assert facts["greenroom.matcher"] == "ridge-1"
    assert suite.find("testcase/system-out").text == "agent: Hello\ncaller: (silence)"


def test_a_suite_names_the_version_and_each_set_is_one() -> None:
    sets = [SetUseOut(slug=slug, name=slug, digest="sha256:2") for slug in ("smoke", "more")]
    document = read([case("passed"), case("passed", "more")], test_sets=sets, ref="live", version=12)
    assert [each.attrib["name"] for each in document] == ["smoke @ live v12", "more @ live v12"]
    assert read(ALL, ref="v12", version=12)[0].attrib["name"] == "smoke @ v12"


@pytest.mark.parametrize(
    "more, words",
    [
        ({"reason": "every case was skipped, so nothing was tested"}, "every case was skipped"),
        ({"state": "cancelled"}, "the run is cancelled"),
        ({"state": "interrupted"}, "the run is interrupted"),
    ],
)
def test_a_run_that_tested_nothing_or_did_not_end_holds_an_error(more: dict[str, Any], words: str) -> None:
    document = read([case("skipped")], **more)
    (error,) = document.iter("error")
    assert error.attrib["message"].startswith(words)
    assert document.attrib["errors"] == "1"
    assert document.attrib["tests"] == "2"


def test_how_often_a_repeated_case_passed_is_said() -> None:
    document = read([case("failed", repeats=5)])
    assert document.find(".//failure").attrib["message"].endswith("(0 of 5 passed)")


def test_hostile_text_stays_text() -> None:
    document = read([case(status, text=HOSTILE) for status in ("passed", "failed", "error", "skipped")], ref=HOSTILE)
    assert document.find("testsuite/testcase/system-out").text.startswith("agent: a<b>&\"'\ufffd\ufffd]]>")
    assert not document.findall(".//b")


@given(st.text(st.characters(codec=None), max_size=40))
def test_any_text_gives_a_valid_document(text: str) -> None:
    read([case(status, text=text) for status in ("passed", "failed", "error", "skipped")], ref=text)


@pytest.mark.parametrize("wrong", ['<testsuite name="x"/>', '<testsuites tests="1" failures="0" errors="-1"/>'])
def test_the_schema_refuses_what_is_not_junit(wrong: str) -> None:
    assert not SCHEMA.validate(etree.fromstring(wrong))
