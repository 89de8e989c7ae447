"""What a test expects of a turn or of a whole conversation, and whether it came.

    results = evaluate({"contains": "until noon", "topic": "late-check-out"}, seen, "/cases/0/turns/0/expect")

Each result says what was wanted, what came, and where in the test set that stands. What a model must judge comes
back as a Judgement. Pure: the same conversation gives the same results. An expectation that nothing here knows,
or that could never fail, is an error: it must not look like a pass.

`contains` and `not_contains` ignore case, spacing and the form of apostrophes; `matches` is RE2 and does not.
Names may be written with `-` or `_`. A list means: each of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greenroom.domain.canonical import same
from greenroom.domain.errors import Invalid
from greenroom.domain.test_runs import Result
from greenroom.runtime.expected_calls import Wanted, call_names, calls_in, find_call, read_wanted, show_call
from greenroom.runtime.patterns import compile_pattern
from greenroom.runtime.seen import Seen
from greenroom.runtime.similarity import similarity
from greenroom.runtime.texts import MASK, mask

MAX_SHOWN = 2_000
ALIASES = {
    "handed_off_to": "handed_off",
    "handoff": "handed_off",
    "regex": "matches",
    "said": "contains",
    "variable": "variables",
    "latency": "latency_ms",
    "function_called": "called",
    "not_handed_off": "handed_off: false",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """A statement about a turn or a conversation that a model must judge."""

    statement: str
    pointer: str
    expectation: str = "judged"


class Broken(Exception):
    """An expectation that cannot be looked at as it is written."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One expectation while it is looked at."""

    key: str
    wanted: Any
    pointer: str
    seen: Seen

    def result(self, ok: bool, got: Any, message: str = "", *, at: str = "", wanted: Any = ...) -> Result:
        """Returns what came of it; personal values are masked."""
        said = "" if ok else self.seen.hide(message)
        shown = mask(got, lambda text: self.seen.hide(text)[:MAX_SHOWN])
        aim = self.wanted if wanted is ... else wanted
        return Result(self.key, "passed" if ok else "failed", aim, shown, self.pointer + at, said)

    def error(self, message: str) -> Result:
        """Returns that it cannot be looked at."""
        return Result(self.key, "error", self.wanted, None, self.pointer, message)


Check = Callable[[Expected], Iterator[Result | Judgement]]


def evaluate(expect: Mapping[str, Any], seen: Seen, pointer: str) -> tuple[Result | Judgement, ...]:
    """Returns what came of each expectation, in the order in which they are written."""
    found: list[Result | Judgement] = []
    for key, wanted in expect.items():
        expected = Expected(key, wanted, f"{pointer}/{key}", seen)
        check = CHECKS.get(key)
        if check is None:
            found.append(expected.error(f"'{key}' is not an expectation; {suggest(key)}"))
            continue
        try:
            found += list(check(expected))
        except Broken as wrong:
            found.append(expected.error(str(wrong)))
    return tuple(found)


def unreached(expect: Mapping[str, Any], pointer: str, why: str) -> tuple[Result, ...]:
    """Returns the results of a turn that never came: whatever it expects did not happen."""
    return tuple(Result(key, "failed", wanted, None, f"{pointer}/{key}", why) for key, wanted in expect.items())


def suggest(key: str) -> str:
    """Returns what somebody may have meant."""
    near = ALIASES.get(key) or next(iter(difflib.get_close_matches(key, CHECKS, 1, 0.6)), "")
    return f"did you mean {near}?" if near else f"there are: {', '.join(CHECKS)}"


def _contains(expected: Expected) -> Iterator[Result | Judgement]:
    replies = [_fold(reply) for reply in expected.seen.replies]
    for at, text in _texts(expected):
        found = any(_fold(text) in reply for reply in replies)
        yield expected.result(found, _said(expected), f"'{text}' was not said", at=at, wanted=text)


def _not_contains(expected: Expected) -> Iterator[Result | Judgement]:
    for at, text in _texts(expected):
        found = [reply for reply in expected.seen.replies if _fold(text) in _fold(reply)]
        yield expected.result(not found, _said(expected), f"'{text}' was said", at=at, wanted=text)


def _matches(expected: Expected) -> Iterator[Result | Judgement]:
    for at, text in _texts(expected):
        try:
            pattern = compile_pattern(text)
        except Invalid as wrong:
            hint = next((fault.hint for fault in wrong.errors if fault.hint), "")
            raise Broken(f"{wrong.detail}{f' ({hint})' if hint else ''}") from None
        found = any(pattern.found_in(reply) for reply in expected.seen.replies)
        yield expected.result(found, _said(expected), f"nothing matches {text}", at=at, wanted=text)


def _similar(expected: Expected) -> Iterator[Result | Judgement]:
    for at, item in _items(expected.wanted, "similar {text, at_least}"):
        facts = _mapping(item, {"text", "at_least"}, "similar: {text: …, at_least: 0.8}")
        text, bar = _text(facts.get("text")), facts.get("at_least")
        if not isinstance(bar, int | float) or isinstance(bar, bool) or not 0 < bar <= 1:
            raise Broken("similar needs at_least, a number above 0 and up to 1; the same words are 1")
        best = max((similarity(text, reply) for reply in expected.seen.replies), default=0.0)
        got = {"similarity": best, "said": _said(expected)}
        yield expected.result(best >= bar, got, f"it is {best} alike, not {bar}", at=at, wanted=dict(facts))


def _judged(expected: Expected) -> Iterator[Result | Judgement]:
    for at, text in _texts(expected):
        yield Judgement(text, expected.pointer + at)


def _topic(expected: Expected) -> Iterator[Result | Judgement]:
    for at, slug in _texts(expected):
        found = _has(expected.seen.topics, slug)
        yield expected.result(found, list(expected.seen.topics), f"topic/{slug} did not answer", at=at, wanted=slug)


def _no_topic(expected: Expected) -> Iterator[Result | Judgement]:
    yield from _not_happened(expected, expected.seen.topics, expected.seen.program.topics, "topic")


def _called(expected: Expected) -> Iterator[Result | Judgement]:
    calls = calls_in(expected.seen)
    for at, wanted in _wanted_calls(expected):
        ok = find_call(wanted, calls)
        got = [show_call(call) for call in calls]
        yield expected.result(ok, got, f"{wanted.name} was not called as expected", at=at, wanted=wanted.source)


def _not_called(expected: Expected) -> Iterator[Result | Judgement]:
    calls = calls_in(expected.seen)
    got = [show_call(call) for call in calls]
    if expected.wanted is True:
        yield expected.result(not calls, got, "something was called")
        return
    known = call_names(expected.seen.program)
    for at, wanted in _wanted_calls(expected):
        if not expected.seen.program.callables.mcp:
            _must_exist(wanted.plain, known, "function or tool")
        found = find_call(wanted, calls)
        yield expected.result(not found, got, f"{wanted.name} was called", at=at, wanted=wanted.source)


def _handed_off(expected: Expected) -> Iterator[Result | Judgement]:
    found = [_name(event, "handoff") for event in expected.seen.effects("handed_off")]
    yield from _happened(expected, found, "the conversation was handed off")


def _sms_offered(expected: Expected) -> Iterator[Result | Judgement]:
    found = [_name(event, "sms") for event in expected.seen.effects("sms_offered")]
    yield from _happened(expected, found, "a text message was offered")


def _sms_sent(expected: Expected) -> Iterator[Result | Judgement]:
    yield from _happened(expected, _sent(expected.seen), "a text message was sent")


def _sms_not_sent(expected: Expected) -> Iterator[Result | Judgement]:
    yield from _not_happened(expected, _sent(expected.seen), expected.seen.program.sms, "sms")


def _variables(expected: Expected) -> Iterator[Result | Judgement]:
    wanted, values = expected.wanted, expected.seen.variables
    if not isinstance(wanted, Mapping) or not wanted:
        raise Broken("variables needs names and values: variables: {nights: 2}")
    for name, value in wanted.items():
        slug = next((each for each in values if _plain(each) == _plain(name)), None)
        if slug is None:
            raise Broken(f"there is no variable '{name}' in this version, and none was set; {_nearest(name, values)}")
        got = values[slug]
        plan = expected.seen.program.variables.get(slug)
        shown = MASK if plan is not None and plan.pii and got not in (None, "") else got
        yield expected.result(same(value, got), shown, f"{name} is not that", at=f"/{name}", wanted=value)


def _ended(expected: Expected) -> Iterator[Result | Judgement]:
    by = expected.seen.ended_by
    if isinstance(expected.wanted, str):
        known = ("caller", "agent", "handoff", "silence")
        if expected.wanted not in known:
            raise Broken(f"ended is true, false or by whom: {', '.join(known)}")
        yield expected.result(by == expected.wanted, by or False, f"ended by {by}" if by else "it goes on")
        return
    if not isinstance(expected.wanted, bool):
        raise Broken("ended is true or false (or caller, agent, handoff, silence)")
    yield expected.result(bool(by) is expected.wanted, by or False, f"ended by {by}" if by else "it goes on")


def _agent(expected: Expected) -> Iterator[Result | Judgement]:
    slug, got = _text(expected.wanted), expected.seen.agent
    yield expected.result(_plain(slug) == _plain(got), got, f"agent/{got} has the conversation")


def _latency(expected: Expected) -> Iterator[Result | Judgement]:
    bar = expected.wanted
    if not isinstance(bar, int | float) or isinstance(bar, bool) or bar <= 0:
        raise Broken("latency_ms is a number of milliseconds above 0; the turn must take less")
    if not expected.seen.latencies:
        raise Broken("latency_ms needs a turn: a greeting has none")
    slowest = max(expected.seen.latencies)
    yield expected.result(slowest < bar, slowest, f"it took {slowest} ms")


def _workflow(expected: Expected) -> Iterator[Result | Judgement]:
    yield from _happened(expected, expected.seen.workflows, "a workflow ran")


def _knowledge(expected: Expected) -> Iterator[Result | Judgement]:
    used = [
        {name: str(each.get(name, "")) for name in ("knowledge", "document", "title")}
        for each in expected.seen.passages
    ]
    if isinstance(expected.wanted, bool):
        yield expected.result(bool(used) is expected.wanted, used, "knowledge was used" if used else "none was used")
        return
    for at, item in _items(expected.wanted, "knowledge, a slug or a document"):
        if isinstance(item, Mapping):
            facts = _mapping(item, {"knowledge", "document", "title"}, "knowledge: {knowledge: faq, document: prices}")
            ok = any(all(each[name] == value for name, value in facts.items()) for each in used)
        else:
            name = _text(item)
            ok = any(name == each["document"] or _plain(name) == _plain(each["knowledge"]) for each in used)
        yield expected.result(ok, used, "it was not used", at=at, wanted=item)


CHECKS: Mapping[str, Check] = {
    "contains": _contains,
    "not_contains": _not_contains,
    "matches": _matches,
    "similar": _similar,
    "judged": _judged,
    "topic": _topic,
    "no_topic": _no_topic,
    "called": _called,
    "not_called": _not_called,
    "handed_off": _handed_off,
    "sms_offered": _sms_offered,
    "sms_sent": _sms_sent,
    "sms_not_sent": _sms_not_sent,
    "variables": _variables,
    "ended": _ended,
    "agent": _agent,
    "latency_ms": _latency,
    "workflow": _workflow,
    "knowledge": _knowledge,
}


def _happened(expected: Expected, found: Sequence[str], what: str) -> Iterator[Result | Judgement]:
    """Looks whether something happened at all (true, false), or with each of some names."""
    got = list(found)
    if isinstance(expected.wanted, bool):
        message = what if found else what.replace(" was ", " was not ").replace(" ran", " did not run")
        yield expected.result(bool(found) is expected.wanted, got, message)
        return
    for at, slug in _texts(expected):
        yield expected.result(_has(found, slug), got, f"'{slug}' is not among what happened", at=at, wanted=slug)


def _not_happened(
    expected: Expected, found: Sequence[str], known: Collection[str], noun: str
) -> Iterator[Result | Judgement]:
    """Looks whether nothing happened (true), or nothing with some names, which must exist: else it cannot fail."""
    if expected.wanted is True:
        yield expected.result(not found, list(found), "it happened")
        return
    for at, slug in _texts(expected):
        _must_exist(slug, known, noun)
        yield expected.result(not _has(found, slug), list(found), f"{noun}/{slug} was used", at=at, wanted=slug)


def _must_exist(name: str, known: Collection[str], noun: str) -> None:
    if not _has(known, name):
        raise Broken(f"there is no {noun} '{name}' in this version, so this could never fail; {_nearest(name, known)}")


def _wanted_calls(expected: Expected) -> Iterator[tuple[str, Wanted]]:
    for at, item in _items(expected.wanted, "called, a name or {name, arguments}"):
        try:
            yield at, read_wanted(item)
        except Invalid as wrong:
            raise Broken(wrong.detail) from None


def _items(wanted: Any, what: str) -> list[tuple[str, Any]]:
    if isinstance(wanted, list | tuple):
        if not wanted:
            raise Broken(f"an empty list expects nothing; write {what}")
        return [(f"/{index}", item) for index, item in enumerate(wanted)]
    return [("", wanted)]


def _texts(expected: Expected) -> list[tuple[str, str]]:
    return [(at, _text(item)) for at, item in _items(expected.wanted, "a text or a list of texts")]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Broken(f"a text is needed, not {value!r:.80}; put it in quotes")
    if not value.strip():
        raise Broken("an empty text says nothing")
    return value


def _mapping(value: Any, names: Collection[str], form: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value or not set(value) <= set(names):
        raise Broken(f"write it as {form}")
    return value


def _said(expected: Expected) -> str:
    return "\n".join(reply for reply in expected.seen.replies if reply)


def _sent(seen: Seen) -> list[str]:
    return [_name(event, "sms") for event in seen.effects("sms_sent")]


def _name(event: Mapping[str, Any], key: str) -> str:
    return str(event.get(key) or event.get("name") or "")


def _has(names: Collection[str], wanted: str) -> bool:
    return any(_plain(name) == _plain(wanted) for name in names)


def _plain(name: str) -> str:
    return str(name).replace("_", "-")


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"did you mean '{near[0]}'?" if near else "look at its name"


def _fold(text: str) -> str:
    return " ".join(text.casefold().replace("\u2019", "'").replace("\u2018", "'").split())
