"""One call made ready: which function runs, with which modules, and what it is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greenroom.domain.asks import Answer, failed
from greenroom.providers.sandbox.imports import link
from greenroom.providers.sandbox.limits import Limits
from greenroom.providers.sandbox.sources import Shelf, Signature, Source, choose_entry, library_code, read_source

MAIN = "this function"
MAX_MODULES = 200
WITHOUT_EFFECT = (
    "set_voice", "set_language", "set_asr_biasing", "clear_asr_biasing", "randomize_voice", "log_api_response",
    "write_metric", "set_variant", "discard_recording", "set_csat_eligibility", "set_csat_phone_number",
    "set_csat_score", "set_csat_survey_entered", "set_response_suggestions", "add_attachments",
)  # fmt: skip
"""Methods of other builders' conv that are taken and noted, and do nothing."""
NOT_SUPPORTED = (
    "send_email", "send_whatsapp", "send_content_template", "generate_external_event", "goto_csat_flow",
)  # fmt: skip
"""Methods whose silence would be a lie: calling them is an error."""
_FACTS: Mapping[str, Any] = {
    "state": {}, "caller": "", "called": "", "channel": "", "environment": "", "language": "", "variant": {},
    "sip_headers": {}, "user_id": "", "conversation_id": "", "history": [], "time_zone": "", "step": None, "turn": 0,
}  # fmt: skip


class NotRunnable(Exception):
    """The call cannot begin; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer["error"]["message"])
        self.answer = answer


@dataclass(slots=True)
class Program:
    """What goes into the sandbox, and the way back from its line numbers to those of the modules."""

    entry: Signature
    sources: dict[str, str] = field(default_factory=dict[str, str])
    ranges: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    names: set[str] = field(default_factory=set[str])
    library: list[str] = field(default_factory=list[str])
    callable: dict[str, tuple[str, str, bool]] = field(default_factory=dict[str, tuple[str, str, bool]])

    def locate(self, line: int) -> tuple[str, int]:
        """Returns the module and the line there of a line inside."""
        for first, key in reversed(self.ranges):
            if line > first:
                return key, line - first
        return MAIN, line


def gather(function: str, code: str, modules: Mapping[str, str]) -> tuple[Shelf, dict[str, Source], str]:
    """Returns the shelf, the modules that code reaches (itself first) and the flow whose functions come first.

    Raises SyntaxError for the code itself; modules that do not parse are left out, and importing them fails.
    """
    shelf = Shelf(modules)
    flow, parted, _ = function.replace("-", "_").rpartition("__")
    prefix = f"{flow}__" if parted else ""
    found = {MAIN: read_source(code)}
    waiting = [found[MAIN]]
    while waiting and len(found) < MAX_MODULES:
        for key in sorted(_reached(waiting.pop(), shelf, prefix) - found.keys()):
            try:
                found[key] = shelf.read(key)
            except (SyntaxError, ValueError, RecursionError):
                continue
            waiting.append(found[key])
    return shelf, found, prefix


def _reached(source: Source, shelf: Shelf, prefix: str) -> set[str]:
    keys: set[str] = set()
    for statement in source.statements:
        for dotted, alias in statement.wanted():
            key = shelf.find(dotted, prefix)
            if key is None:
                key = shelf.find(f"{dotted}.{alias.name}", prefix)
            keys |= {key} if key else set()
    return keys | {key for name in source.called if (key := shelf.find_function(name, prefix))}


def prepare(facts: Mapping[str, Any], *, is_call: bool = True) -> Program:
    """Returns the program of a call, or only of loading the code. Raises NotRunnable."""
    function, code = str(facts.get("function") or "function"), str(facts.get("code") or "")
    modules: Mapping[str, str] = facts.get("modules") or {}
    try:
        shelf, found, prefix = gather(function, code, modules)
    except SyntaxError as wrong:
        error = {"code": "syntax", "message": f"line {wrong.lineno}: {wrong.msg}", "type": "SyntaxError"}
        raise NotRunnable({"error": {**error, "line": wrong.lineno or 1}}) from None
    except (ValueError, RecursionError, MemoryError) as wrong:
        raise NotRunnable(failed("syntax", f"the code does not parse: {wrong or type(wrong).__name__}")) from None
    entry = choose_entry(found[MAIN], function)
    if entry is None:
        raise NotRunnable(failed("not_found", say_missing(function)))
    if is_call:
        check_arguments(entry, facts.get("arguments") or {})
    program = Program(entry)
    first = 0
    for key, source in found.items():
        program.sources[key] = "\n" * first + link(source, shelf, prefix)
        program.ranges.append((first, key))
        first += source.code.count("\n") + 1
        program.names |= source.attributes
        if key != MAIN and shelf.is_library(key):
            program.library.append(key)
        for name in source.called:
            _add_callable(program, name, shelf, prefix)
    return program


def say_missing(function: str) -> str:
    """Returns what is said of code without a function to call."""
    wanted = function.rpartition("--")[2].replace("-", "_")
    if wanted == "run":
        return "the code defines no `def run(conv, …)`"
    return f"the code defines neither `def {wanted}(conv, …)` nor `def run(conv, …)`"


def _add_callable(program: Program, name: str, shelf: Shelf, prefix: str) -> None:
    key = shelf.find_function(name, prefix)
    if key is None:
        return
    try:
        entry = choose_entry(shelf.read(key), key)
    except (SyntaxError, ValueError, RecursionError):
        return
    if entry is not None:
        program.callable[name] = (key, entry.name, entry.takes_flow)


def check_arguments(entry: Signature, arguments: Mapping[str, Any]) -> None:
    """Raises NotRunnable where the arguments do not fit the function."""
    given = set(arguments)
    missing = entry.required - given - set(entry.positional[:1] if entry.takes_conv else ())
    missing -= {"flow"} if entry.takes_flow else set()
    if missing:
        name = min(missing)
        raise NotRunnable(failed("arguments", f"the function needs the argument '{name}', which was not given"))
    unknown = given - entry.accepted
    if unknown and not entry.takes_any:
        name = min(unknown)
        raise NotRunnable(failed("arguments", f"the function takes no argument '{str(name)[:80]}'"))
    reserved = given & set(entry.positional[: 2 if entry.takes_flow else 1] if entry.takes_conv else ())
    if reserved:
        raise NotRunnable(failed("arguments", f"'{min(reserved)}' is not for callers to give"))


def given_text(program: Program, facts: Mapping[str, Any], limits: Limits) -> str:
    """Returns everything that the sandbox is handed, as JSON text. Raises NotRunnable for what is no JSON."""
    conv: Mapping[str, Any] = facts.get("conv") or {}
    given = {
        "conv": {name: conv.get(name) if conv.get(name) is not None else value for name, value in _FACTS.items()},
        "arguments": dict(facts.get("arguments") or {}),
        "main": MAIN,
        "entry": program.entry.name,
        "takes_conv": program.entry.takes_conv,
        "takes_flow": program.entry.takes_flow,
        "sources": program.sources,
        "library": program.library,
        "names": sorted(name for name in program.names if not name.startswith("_")),
        "callable": program.callable,
        "limits": {"effects": limits.effects, "output": limits.output_chars},
        "without_effect": WITHOUT_EFFECT,
        "not_supported": NOT_SUPPORTED,
    }
    try:
        return json.dumps(given)
    except (TypeError, ValueError, RecursionError) as wrong:
        raise NotRunnable(failed("arguments", f"what the function is given is no plain JSON: {wrong}")) from None


def inside_code(program: Program) -> str:
    """Returns what runs inside: conv, then the function."""
    call = "finish(await enter())" if program.entry.is_async else "finish(enter())"
    return f"{inside_library()}{call}"


def inside_library() -> str:
    """Returns what is inside before any code of users."""
    return f"{library_code('records')}{library_code('conv')}{library_code('entry')}\n"
