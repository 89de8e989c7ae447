"""What a test case pretends, and what it keeps from really happening.

    mocks:
      now: 2026-05-01T10:00:00Z            # the time of every turn
      caller, called, user_id, variant     # who calls, which site
      sip_headers, variables               # what the conversation starts with
      functions: {find_booking: {room: 12}}          # the result; or {result: …, effects: […]}, or {error: {…}}
                                                     # `ms: 3000` beside `result` pretends that it took so long
      tools: {book: {confirmed: true}}               # the response; or {result: …, status: 200}, or {error: {…}}
      mcp: {calendar: {add: done}}                   # server → tool → result
      knowledge: [{text: …, title: …, knowledge: …, document: …}]    # what every look-up finds; or plain texts
      tables: {rooms: [{number: 12}]}      # the rows of a data table
      allow_real: true                     # call, send and write for real whatever is not mocked

Without `allow_real` nothing outside is touched: a tool or MCP server that is not mocked is not called, and the
case is an error; a function that is not mocked runs in the sandbox, but its HTTP requests are refused and make
the case an error; rows that are written to tables are seen by this conversation only. Tables and knowledge are
read as they are. A model is asked for real: it is what is being tested.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from greenroom.domain.asks import Answer, Ask, Place, Streamer, failed
from greenroom.domain.errors import Refused
from greenroom.domain.test_runs import Problem
from greenroom.ports import Outbound, OutboundRequest, OutboundResponse, Outside
from greenroom.runtime.bodies import mapping
from greenroom.runtime.mocked_tables import MockedTables
from greenroom.runtime.program import Program

TEXTS = ("now", "caller", "called", "user_id", "variant")
GROUPS = ("sip_headers", "variables", "tools", "functions", "mcp", "tables")
KEYS = (*TEXTS, *GROUPS, "knowledge", "allow_real")
_WHOLE = frozenset({"result", "error", "status", "effects", "prints", "truncated", "ms"})
NOT_MOCKED = "not_mocked"
NOT_AVAILABLE = "not_available"

Tables = Callable[[Mapping[str, Any], Place], Awaitable[Answer]]
Confine = Callable[[Outbound, Tables], Outside]
"""Gives an outside in which functions have another way out and other tables."""


@dataclass(frozen=True, slots=True)
class Mocks:
    """What a case pretends, as read; `now` is '' for the real time."""

    now: str = ""
    caller: str = ""
    called: str = ""
    user_id: str = ""
    variant: str = ""
    sip_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tools: Mapping[str, Any] = field(default_factory=dict[str, Any])
    functions: Mapping[str, Any] = field(default_factory=dict[str, Any])
    mcp: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    knowledge: tuple[Mapping[str, Any], ...] | None = None
    allow_real: bool = False


def read_mocks(given: Mapping[str, Any], program: Program, pointer: str) -> tuple[Mocks, list[Problem]]:
    """Returns what a case pretends, and what of it cannot be used."""
    problems: list[Problem] = []

    def wrong(key: str, message: str, hint: str = "") -> None:
        problems.append(Problem("invalid_mock", f"mock '{key}': {message}", f"{pointer}/{key}", hint))

    for key in given:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, 1, 0.6)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(KEYS)}"
            wrong(str(key), "nothing here pretends that", hint)
    found: dict[str, Any] = {}
    for key in TEXTS:
        found[key] = given.get(key, "")
        if not isinstance(found[key], str):
            wrong(key, "must be text", "put it in quotes")
    for key in GROUPS:
        found[key] = given.get(key) or {}
        if not isinstance(found[key], Mapping):
            wrong(key, "must be a group of fields")
    found["knowledge"] = _passages(given.get("knowledge"), wrong) if "knowledge" in given else None
    found["allow_real"] = given.get("allow_real", False)
    if not isinstance(found["allow_real"], bool):
        wrong("allow_real", "must be true or false")
    if problems:
        return Mocks(), problems
    found["now"] = _time(found["now"], wrong)
    found["sip_headers"] = {str(name): str(value) for name, value in found["sip_headers"].items()}
    _check_names(found, program, wrong)
    return Mocks(**found), problems


def _time(text: str, wrong: Callable[..., None]) -> str:
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        wrong("now", f"'{text[:60]}' is not a time", "write it as 2026-05-01T10:00:00Z")
        return ""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _check_names(found: Mapping[str, Any], program: Program, wrong: Callable[..., None]) -> None:
    """Notes names that this version does not have: a mock of nothing would be silently without effect."""
    variant = found["variant"]
    sites = {*program.variant.rows, *program.variant.names.values()}
    if variant and variant not in sites:
        wrong("variant", f"there is no site '{variant[:80]}'", f"there are: {', '.join(sorted(sites)[:20]) or 'none'}")
    callables = program.callables
    for key, known in (("functions", callables.functions), ("tools", callables.tools), ("mcp", callables.mcp)):
        plain = {_plain(slug) for slug in known}
        for name in found[key]:
            if _plain(str(name)) not in plain:
                near = difflib.get_close_matches(str(name), list(known), 1, 0.6)
                hint = f"did you mean {near[0]}?" if near else "take it out"
                wrong(f"{key}/{name}", "this version has no such thing", hint)


def _passages(given: Any, wrong: Callable[..., None]) -> tuple[Mapping[str, Any], ...]:
    items = given if isinstance(given, list | tuple) else [given]
    found: list[Mapping[str, Any]] = []
    for item in items:
        facts = {"text": item} if isinstance(item, str) else mapping(item)
        if not isinstance(facts.get("text"), str):
            wrong("knowledge", "every passage needs a text")
            continue
        blank = {"knowledge": "", "document": "", "title": "", "uri": "", "digest": "", "score": 1.0}
        found.append({**blank, **facts})
    return tuple(found)


class Pretended:
    """The outside of one played case: answers what is mocked, and keeps the rest from really happening."""

    def __init__(self, mocks: Mocks, outside: Outside, confine: Confine | None, pointer: str) -> None:
        self._mocks = mocks
        self._outside = outside
        self._pointer = pointer
        self._tables = MockedTables(outside, mocks.tables)
        self._confined = confine(NoWayOut(self), self._tables.answer) if confine else None
        self.problems: list[Problem] = []

    async def answer(self, ask: Ask, place: Place, stream: Streamer | None = None) -> Answer:
        """Carries an ask out, as far as the case lets it."""
        mocked = self._find(ask)
        if mocked is not None:
            return {"ms": 0.0, **mocked}
        answer = await self._carry_out(ask, place, stream)
        code = mapping(answer.get("error")).get("code")
        if code == NOT_AVAILABLE:
            message = str(mapping(answer.get("error")).get("message", ""))
            self.note(NOT_AVAILABLE, f"{_subject(ask)}: {message}", "", "mock it, or set the missing part up")
        return answer

    async def _carry_out(self, ask: Ask, place: Place, stream: Streamer | None) -> Answer:
        if ask.to in {"model", "knowledge"} or self._mocks.allow_real:
            return await self._outside.answer(ask, place, stream)
        if ask.to == "table":
            return await self._tables.answer(ask.facts, place)
        if ask.to == "function" and self._confined is not None:
            return await self._confined.answer(ask, place, stream)
        return self.refuse(_subject(ask), _PLACES.get(ask.to, ""))

    def refuse(self, what: str, where: str) -> Answer:
        """Returns the answer to what a test must not do, and notes it."""
        message = f"{what} was not called: a test calls nothing outside that it does not mock"
        self.note(NOT_MOCKED, message, where, "give an answer under `mocks`, or set mocks.allow_real: true")
        return failed(NOT_MOCKED, message)

    def note(self, code: str, message: str, where: str, hint: str) -> None:
        """Keeps what makes this attempt an error."""
        problem = Problem(code, message, f"{self._pointer}/{where}" if where else self._pointer, hint)
        if problem not in self.problems and len(self.problems) < 20:
            self.problems.append(problem)

    def _find(self, ask: Ask) -> Mapping[str, Any] | None:
        facts, mocks = ask.facts, self._mocks
        if ask.to == "function":
            return _pick(mocks.functions, str(facts.get("function", "")), {"result": None, "effects": []})
        if ask.to == "tool":
            return _pick(mocks.tools, str(facts.get("tool", "")), {"status": 200, "result": None})
        if ask.to == "knowledge" and mocks.knowledge is not None:
            limit = facts.get("limit")
            return {"passages": [dict(each) for each in mocks.knowledge[: limit if isinstance(limit, int) else 3]]}
        return self._find_mcp(facts) if ask.to == "mcp" else None

    def _find_mcp(self, facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        server = _value(self._mocks.mcp, str(facts.get("mcp", "")))
        if not isinstance(server, Mapping):
            return None
        if facts.get("op") == "list":
            tools = [{"name": name, "description": "", "parameters": {"type": "object"}} for name in server]
            return {"tools": tools}
        return _pick(server, str(facts.get("tool", "")), {"result": None, "is_error": False})


class NoWayOut:
    """The way out of a function in a test: there is none."""

    def __init__(self, pretended: Pretended) -> None:
        self._pretended = pretended

    async def fetch(self, request: OutboundRequest) -> OutboundResponse:
        """Refuses, and notes it."""
        address = request.url.partition("?")[0]
        answer = self._pretended.refuse(f"{request.method} {address[:200]} (by a function)", "functions")
        raise Refused(NOT_MOCKED, str(answer["error"]["message"]))

    async def close(self) -> None:
        """Does nothing."""


_PLACES = {"function": "functions", "tool": "tools", "mcp": "mcp"}


def _subject(ask: Ask) -> str:
    if ask.to == "mcp":
        tool = ask.facts.get("tool") or ("its list of tools" if ask.facts.get("op") == "list" else "")
        return f"mcp/{ask.facts.get('mcp', '')} {tool}".strip()
    name = ask.facts.get(ask.to) or ask.facts.get("provider") or ""
    return f"{ask.to}/{name}" if name else ask.to


def _pick(mocks: Mapping[str, Any], name: str, blank: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Returns a mocked answer: as written where it is one, else as the result of one."""
    found = _value(mocks, name, _MISSING)
    if found is _MISSING:
        return None
    if isinstance(found, Mapping) and {"result", "error", "effects"} & set(found) and set(found) <= _WHOLE:
        error = found.get("error")
        whole = {**found, "error": {"message": error, "code": "mocked"}} if isinstance(error, str) else found
        return {**blank, **_plain_json(whole)}
    return {**blank, "result": _plain_json(found)}


_MISSING = object()


def _value(mocks: Mapping[str, Any], name: str, default: Any = None) -> Any:
    return next((value for key, value in mocks.items() if _plain(str(key)) == _plain(name)), default)


def _plain(name: str) -> str:
    return name.replace("_", "-")


def _plain_json(value: Any) -> Any:
    """Returns a copy that a turn may keep and change, whatever the body's mappings are made of."""
    if isinstance(value, Mapping):
        return {key: _plain_json(item) for key, item in value.items()}
    return [_plain_json(item) for item in value] if isinstance(value, list | tuple) else value
