"""Conditions that users write (CEL), behind the one wrapper that fails closed.

cel-expr-python returns most errors as *truthy* values and raises a few; one unfit number anywhere in the
activation spoils every condition. Nothing else here may import it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from greenroom.domain.errors import Fault, Invalid

MAX_CONDITION = 4_000
_INT64 = 2**63
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WHERE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_VARIABLE = re.compile(r"\bvars\.([A-Za-z_][A-Za-z0-9_]*)|\bvars\[\s*(?:'([^']*)'|\"([^\"]*)\")\s*\]")

NAMES = (
    "vars",
    "turn.count",
    "channel",
    "environment",
    "caller",
    "called",
    "user_id",
    "language",
    "text",
    "variant",
    "agent",
    "topic",
    "intent",
    "sip",
    "time.hour",
    "time.minute",
    "time.weekday",
    "time.date",
)
"""What a condition may name.

`vars`, `variant` and `sip` (headers) are maps; slugs with `-` are there with `_` as well. `agent` is the one
that answers, `topic` the last topic answered, `intent` the best topic for what was just said, `time.*` are in
the settings' time zone (`time.weekday` is mon … sun, `time.date` is 2026-01-31).
"""
_WHOLE = ("turn.count", "time.hour", "time.minute")
REVIEW_NAMES = (
    "outcome",
    "channel",
    "environment",
    "version",
    "ended_by",
    "turns",
    "seconds",
    "topics",
    "tags",
    "events",
    "said",
    "heard",
    "vars",
)
"""What a rule about a whole conversation may name.

`turns` counts what the user said, `seconds` is from its first to its last turn; `topics`, `tags`, `events` (types of
what happened), `said` (by the agent) and `heard` are lists of texts, with personal data masked.
"""
_REVIEW_WHOLE = ("version", "turns", "seconds")
_REVIEW_LISTS = ("topics", "tags", "events", "said", "heard")
_MAPS = ("vars", "variant", "sip")


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition."""

    text: str
    _compiled: Any
    gives: str = "BOOL"

    def holds(self, activation: Mapping[str, Any]) -> tuple[bool, str | None]:
        """Returns whether it holds, and a problem when it could not be decided (which counts as no)."""
        value, problem = self._evaluate(activation)
        if problem is not None:
            return False, problem
        if value is True or value is False:
            return value, None
        return False, f"gives {type(value).__name__}, not true or false"

    def value(self, activation: Mapping[str, Any]) -> tuple[Any, str | None]:
        """Returns what it gives, as plain JSON, or a problem (then the value is None)."""
        value, problem = self._evaluate(activation)
        return (None, problem) if problem is not None else (_plain(value), None)

    def _evaluate(self, activation: Mapping[str, Any]) -> tuple[Any, str | None]:
        try:
            result = self._compiled.eval(data=activation)
            failed, value = result.type() == _cel().Type.ERROR, result.value()
        except (RuntimeError, TypeError, ValueError) as wrong:
            return None, _first_line(str(wrong))
        return (None, _first_line(str(value))) if failed else (value, None)

    @property
    def variables(self) -> tuple[str, ...]:
        """Returns the names that it reads from `vars`, in order, once each."""
        found = (next(name for name in match.groups() if name) for match in _VARIABLE.finditer(self.text))
        return tuple(dict.fromkeys(found))


def compile_condition(text: str, *, in_workflow: bool = False) -> Condition:
    """Returns the compiled condition; steps of a workflow may also name the `result` of a call and a `value`.

    Raises Invalid `invalid_condition` with the place and what is wrong.
    """
    condition = _compile(text, partial(_environment, in_workflow))
    kind = condition.gives
    if kind not in {"BOOL", "DYN"}:
        raise _invalid(f"gives {kind.lower()}, not true or false")
    return condition


def compile_expression(text: str) -> Condition:
    """Returns an expression of a workflow's step, which may give any type. Raises Invalid `invalid_condition`."""
    return _compile(text, partial(_environment, True))


def compile_review(text: str) -> Condition:
    """Returns a rule about a whole conversation; see `REVIEW_NAMES`. Raises Invalid `invalid_condition`."""
    condition = _compile(text, _review_environment, _REVIEW_HINT)
    if condition.gives not in {"BOOL", "DYN"}:
        raise _invalid(f"gives {condition.gives.lower()}, not true or false", _REVIEW_HINT)
    return condition


def review_activation(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what rules about a conversation are evaluated against, made safe for the evaluator."""
    return {**{name: _safe(facts[name]) for name in REVIEW_NAMES}, "vars": _safe_names(facts["vars"])}


def _compile(text: str, environment: Callable[[], Any], hint: str = "") -> Condition:
    if len(text) > MAX_CONDITION:
        raise _invalid(f"is {len(text):,} characters long; at most {MAX_CONDITION:,} are allowed", hint)
    try:
        compiled = environment().compile(text)
    except TypeError:
        raise _invalid("holds characters that are not text", hint) from None
    except RuntimeError as wrong:
        raise _invalid(_explain(str(wrong)), hint) from None
    return Condition(text, compiled, compiled.return_type().name())


def activation_of(
    *,
    variables: Mapping[str, Any],
    variant: Mapping[str, str],
    sip: Mapping[str, str] | None = None,
    turn_count: int,
    clock: Mapping[str, int | str] | None = None,
    **texts: str,
) -> Mapping[str, Any]:
    """Returns what conditions of one turn are evaluated against, made safe for the evaluator.

    `texts` are the names that hold text; those not given are empty. `clock` is as `read_clock` gives it.
    """
    return {
        **{name: _safe(texts.get(name, "")) for name in NAMES if name not in _MAPS and "." not in name},
        "vars": _safe_names(variables),
        "variant": _safe_names(variant),
        "sip": _safe_names(sip or {}),
        "turn.count": turn_count,
        **(clock or read_clock("", "")),
    }


def read_clock(now: str, time_zone: str) -> Mapping[str, int | str]:
    """Returns the `time.*` names of an ISO 8601 time in a zone; an unknown zone counts as UTC, no time as 1970."""
    try:
        at = datetime.fromisoformat(now) if now else datetime.fromtimestamp(0, UTC)
    except ValueError:
        at = datetime.fromtimestamp(0, UTC)
    try:
        at = at.astimezone(ZoneInfo(time_zone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        at = at.astimezone(UTC)
    return {
        "time.hour": at.hour,
        "time.minute": at.minute,
        "time.weekday": _WEEKDAYS[at.weekday()],
        "time.date": at.date().isoformat(),
    }


def safe_value(value: Any) -> Any:
    """Returns a JSON value as an activation may hold it."""
    return _safe(value)


def _plain(value: Any) -> Any:
    """Returns an evaluator's value as plain JSON; what is none becomes its text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    inner = getattr(value, "value", None)
    return _plain(inner()) if callable(inner) else str(value)


def _safe_names(values: Mapping[str, Any]) -> dict[str, Any]:
    safe = {str(name): _safe(value) for name, value in values.items()}
    for name in [name for name in safe if "-" in name]:
        safe.setdefault(name.replace("-", "_"), safe[name])
    return safe


def _safe(value: Any, depth: int = 0) -> Any:
    """Returns the value as the evaluator can take it: whole numbers in 64 bits, text without surrogates."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else float(min(max(value, -(10**300)), 10**300))
    if depth > 16:
        return None
    if isinstance(value, Mapping):
        return {str(_safe(str(key))): _safe(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(item, depth + 1) for item in value]
    return str(_safe(str(value)))


_HINT = f"a condition may name {', '.join(NAMES)}; for example: vars.nights > 2 && channel == 'voice'"
_REVIEW_HINT = f"a rule may name {', '.join(REVIEW_NAMES)}; for example: turns <= 4 && outcome == 'contained'"


def _invalid(message: str, hint: str = "") -> Invalid:
    return Invalid(
        "invalid_condition",
        f"the condition {message}",
        errors=[Fault("", f"the condition {message}", "invalid_condition", hint or _HINT)],
    )


def _explain(message: str) -> str:
    match = _WHERE.search(message)
    if match is None:
        return f"cannot be read: {_first_line(message)}"
    line, column, what = match.groups()
    what = what.removesuffix(" [INVALID_ARGUMENT]").removesuffix(" (in container '')")
    if what.startswith("Syntax error: mismatched input '<EOF>'"):
        what = "it ends too early"
    place = f"column {column}" if line == "1" else f"line {line}, column {column}"
    return f"is wrong at {place}: {what[:200]}"


def _first_line(message: str) -> str:
    return message.splitlines()[0][:300] if message else "unknown error"


@cache
def _cel() -> Any:
    from cel_expr_python import cel  # noqa: PLC0415  49 MiB: only a program with conditions loads it

    return cel


@cache
def _environment(in_workflow: bool) -> Any:
    cel = _cel()
    kinds = cel.Type
    table = kinds.Map(kinds.STRING, kinds.DYN)
    variables = dict.fromkeys(NAMES, kinds.STRING) | dict.fromkeys(_MAPS, table) | dict.fromkeys(_WHOLE, kinds.INT)
    if in_workflow:
        variables |= {"result": kinds.DYN, "value": kinds.DYN}
    return cel.NewEnv(variables=variables)


@cache
def _review_environment() -> Any:
    cel = _cel()
    kinds = cel.Type
    variables = dict.fromkeys(REVIEW_NAMES, kinds.STRING) | dict.fromkeys(_REVIEW_WHOLE, kinds.INT)
    variables |= dict.fromkeys(_REVIEW_LISTS, kinds.List(kinds.STRING))
    return cel.NewEnv(variables={**variables, "vars": kinds.Map(kinds.STRING, kinds.DYN)})
