"""Calls that a test expects: of a function, a tool or a tool of an MCP server, with some of their arguments.

    called: find_booking                                            # by name, with any arguments
    called: {name: find_booking, arguments: {reference: LQ-100}}    # at least these, with these values
    called: {name: find_booking, arguments: {reference: {matches: "^LQ"}}}
    called: {name: find_booking, arguments: {reference: LQ-100}, exact: true}    # these and no others

A name is a slug, or `function/slug`, `tool/slug`, `mcp/server/tool`. `{equals: …}` takes a value as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greenroom.domain.canonical import canonical_json, same
from greenroom.domain.errors import Invalid
from greenroom.runtime.bodies import mapping
from greenroom.runtime.patterns import Pattern, compile_pattern
from greenroom.runtime.program import Program
from greenroom.runtime.seen import Seen

_KINDS = {"function_called": "function", "tool_called": "tool", "mcp_called": "mcp"}
_FIELDS = frozenset({"name", "arguments", "exact"})


@dataclass(frozen=True, slots=True)
class Called:
    """A call that was made."""

    kind: str
    name: str
    arguments: Mapping[str, Any]
    failed: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call as it is expected; `source` is how it is written."""

    source: Any
    name: str
    arguments: Mapping[str, Any]
    exact: bool

    @property
    def plain(self) -> str:
        """Returns the name without its kind."""
        kind, slash, rest = self.name.partition("/")
        return rest if slash and kind in _KINDS.values() else self.name


def read_wanted(value: Any) -> Wanted:
    """Returns the call that an expectation means. Raises Invalid that says how to write it."""
    if isinstance(value, str) and value.strip():
        return Wanted(value, value, {}, False)
    if not isinstance(value, Mapping) or not set(value) <= _FIELDS or not str(value.get("name") or "").strip():
        raise _invalid("a call is a name, or {name, arguments, exact}")
    arguments, exact = value.get("arguments", {}), value.get("exact", False)
    if not isinstance(arguments, Mapping) or not isinstance(exact, bool):
        raise _invalid("arguments are names with values; exact is true or false")
    _check_patterns(arguments)
    return Wanted(dict(value), str(value["name"]), arguments, exact)


def calls_in(seen: Seen) -> list[Called]:
    """Returns the calls that were made, failed ones too."""
    found: list[Called] = []
    for event in seen.effects(*_KINDS):
        kind = _KINDS[event["type"]]
        name = f"{event.get('mcp', '')}/{event.get('tool', '')}" if kind == "mcp" else str(event.get(kind, ""))
        found.append(Called(kind, name, mapping(event.get("arguments")), "error" in event))
    return found


def call_names(program: Program) -> list[str]:
    """Returns the names of all functions and tools of a version."""
    return [*program.callables.functions, *program.callables.tools]


def find_call(wanted: Wanted, calls: Sequence[Called]) -> bool:
    """Says whether one of the calls is the expected one."""
    return any(_is_named(wanted.name, call) and _has_arguments(wanted, call) for call in calls)


def show_call(call: Called) -> dict[str, Any]:
    """Returns a call for people."""
    shown: dict[str, Any] = {"name": f"{call.kind}/{call.name}", "arguments": dict(call.arguments)}
    return {**shown, "failed": True} if call.failed else shown


def _is_named(wanted: str, call: Called) -> bool:
    names = {f"{call.kind}/{call.name}", call.name}
    if call.kind == "mcp":
        names.add(call.name.partition("/")[2])
    return wanted.replace("_", "-") in {name.replace("_", "-") for name in names}


def _has_arguments(wanted: Wanted, call: Called) -> bool:
    if wanted.exact and set(wanted.arguments) != set(call.arguments):
        return False
    return all(
        name in call.arguments and _fits(value, call.arguments[name]) for name, value in wanted.arguments.items()
    )


def _fits(wanted: Any, got: Any) -> bool:
    """Says whether a value is as expected; of a mapping, the expected part must be there."""
    if isinstance(wanted, Mapping):
        if set(wanted) == {"matches"}:
            return _pattern(wanted["matches"]).found_in(_text_of(got))
        if set(wanted) == {"equals"}:
            return same(wanted["equals"], got)
        return isinstance(got, Mapping) and all(key in got and _fits(item, got[key]) for key, item in wanted.items())
    if isinstance(wanted, list | tuple):
        return (
            isinstance(got, list | tuple)
            and len(wanted) == len(got)
            and all(_fits(one, other) for one, other in zip(wanted, got, strict=True))
        )
    return same(wanted, got)


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value).decode()


def _pattern(value: Any) -> Pattern:
    if not isinstance(value, str):
        raise _invalid("matches needs a pattern in quotes")
    return compile_pattern(value)


def _check_patterns(value: Any) -> None:
    """Raises Invalid for a pattern that cannot be used, also where no call would have reached it."""
    if isinstance(value, Mapping):
        if set(value) == {"matches"}:
            _pattern(value["matches"])
        elif set(value) != {"equals"}:
            for item in value.values():
                _check_patterns(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_patterns(item)


def _invalid(message: str) -> Invalid:
    return Invalid("invalid_expectation", message)
