"""A test run as JUnit XML, as build servers read it: a suite for each test set, a transcript for each case."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from greenroom.wire.test_runs import AttemptOut, CaseOut, TestRunOut

# What XML 1.0 cannot hold, in any form.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_QUOTES = {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


def to_junit(run: TestRunOut, cases: Sequence[CaseOut]) -> bytes:
    """Returns the run as a UTF-8 document. A run that tested nothing, or did not end, holds an error that says so."""
    suites = [
        _suite(run, use.slug, use.name, [case for case in cases if case.test_set == use.slug]) for use in run.test_sets
    ]
    suites += _whole(run)
    summary = run.summary
    errors = summary.errors + len(_whole(run))
    head = _tag(
        "testsuites",
        name=f"greenroom {run.ref}",
        tests=str(len(cases) + len(_whole(run))),
        failures=str(summary.failed),
        errors=str(errors),
        time=_seconds(sum(case.ms for case in cases)),
    )
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', head, *suites, "</testsuites>", ""]
    return "\n".join(lines).encode()


def _suite(run: TestRunOut, slug: str, name: str, cases: Sequence[CaseOut]) -> str:
    count = {status: str(sum(case.status == status for case in cases)) for status in ("failed", "error", "skipped")}
    head = _tag(
        "testsuite",
        name=f"{slug} @ {_subject(run)}",
        tests=str(len(cases)),
        failures=count["failed"],
        errors=count["error"],
        skipped=count["skipped"],
        time=_seconds(sum(case.ms for case in cases)),
        timestamp=run.started_at.strftime("%Y-%m-%dT%H:%M:%S"),
    )
    body = "\n".join([_properties(run, slug, name), *(_case(case) for case in cases)])
    return f"{head}\n{body}\n</testsuite>"


def _properties(run: TestRunOut, slug: str, name: str) -> str:
    digests = {use.slug: use.digest for use in run.test_sets}
    facts = {
        "greenroom.run": run.id,
        "greenroom.ref": run.ref,
        "greenroom.digest": run.digest,
        "greenroom.version": f"v{run.version}" if run.version else "",
        "greenroom.environment": run.environment,
        "greenroom.test_set": name,
        "greenroom.test_set_digest": digests.get(slug, ""),
        "greenroom.matcher": run.matcher,
        "greenroom.judge": run.judge,
        **{f"greenroom.brain.{agent}": brain for agent, brain in run.brain.items()},
    }
    lines = [_tag("property", end="/", name=key, value=value) for key, value in facts.items() if value]
    return "\n".join(["<properties>", *lines, "</properties>"])


def _case(case: CaseOut) -> str:
    head = _tag("testcase", classname=case.test_set, name=_title(case), time=_seconds(case.ms))
    inner: list[str] = []
    if case.status == "skipped":
        inner.append(_tag("skipped", end="/", message=case.skip))
    elif case.status != "passed":
        element, kind = ("error", "error") if case.status == "error" else ("failure", "assertion")
        faults = [line for attempt in case.attempts for line in _faults(attempt)]
        message = (faults[0] if faults else case.status) + (
            f" ({case.passed} of {case.repeats} passed)" * (case.repeats > 1)
        )
        inner.append(
            f"{_tag(element, type=kind, message=message)}{_text(chr(10).join(dict.fromkeys(faults)))}</{element}>"
        )
    transcript = "\n\n".join(_transcript(attempt) for attempt in case.attempts if attempt.transcript)
    if transcript:
        inner.append(f"<system-out>{_text(transcript)}</system-out>")
    return "\n".join([head, *inner, "</testcase>"])


def _title(case: CaseOut) -> str:
    return case.case if case.name in ("", case.case) else f"{case.case}: {case.name}"


def _faults(attempt: AttemptOut) -> list[str]:
    unmet = [each for each in attempt.results if each.status != "passed"]
    return [
        *(f"{each.code}: {each.message} [{each.pointer}]" for each in attempt.problems),
        *(
            f"{each.expectation}: {each.message or each.status} (wanted {_json(each.wanted)}) [{each.pointer}]"
            for each in unmet
        ),
    ]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _transcript(attempt: AttemptOut) -> str:
    return "\n".join(f"{line.role}: {line.text or f'({line.event})'}" for line in attempt.transcript)


def _whole(run: TestRunOut) -> list[str]:
    """Returns a suite with one error where the run itself is what went wrong."""
    reason = run.summary.reason
    if run.state != "finished":
        reason = f"the run is {run.state}, so its results are not whole"
    if not reason:
        return []
    stamp = run.started_at.strftime("%Y-%m-%dT%H:%M:%S")
    counts = {"tests": "1", "failures": "0", "errors": "1", "skipped": "0", "time": "0.000", "timestamp": stamp}
    head = _tag("testsuite", name=f"run @ {_subject(run)}", **counts)
    case = _tag("testcase", classname="run", name=run.id, time="0.000")
    error = _tag("error", type=run.state, message=reason)
    return [f"{head}\n{case}\n{error}{_text(reason)}</error>\n</testcase>\n</testsuite>"]


def _subject(run: TestRunOut) -> str:
    return f"{run.ref} v{run.version}" if run.version and run.ref != f"v{run.version}" else run.ref


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.3f}"


def _tag(element: str, end: str = "", **attributes: str) -> str:
    written = "".join(f' {name}="{escape(_writable(value), _QUOTES)}"' for name, value in attributes.items())
    return f"<{element}{written}{end}>"


def _text(text: str) -> str:
    return escape(_writable(text), {"\r": "&#13;"})


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
